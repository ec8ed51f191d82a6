"""What an attempt cost: tokens by kind, seconds and money."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from adaptive.errors import InputError

Number = TypeVar("Number", int, float)

CostUnit = Literal["tokens", "dollars"]
"""What costs are counted in."""
MILLION = 1e6
TOKEN_FIELDS = ("prompt", "thinking", "injected", "answer", "probe", "verifier")
SUMMED_FIELDS = ("prompt", "cached", "written", "written_1h", "injected", "probe", "verifier")


def format_cost(amount: float, unit: CostUnit, *, sign: bool = False) -> str:
    """Return an amount in words, "120 tokens" or "$0.0012".

    Args:
        amount: In tokens, or in millionths of a dollar.
        unit: What it is counted in.
        sign: Whether a plus is shown.
    """
    plus = ("-" if amount < 0 else "+") if sign else "-" * (amount < 0)
    shown = f"{abs(amount):.0f} tokens" if unit == "tokens" else f"${abs(amount) / MILLION:.3g}"
    return plus + shown


@dataclass(frozen=True)
class Usage:
    """Tokens, seconds and money spent.

    Args:
        prompt: Tokens of prompts.
        cached: The part of `prompt` that the engine did not compute again.
        written: The part of `prompt` that a provider wrote to its cache, at a price of its own.
        written_1h: The part of `written` that stays there for an hour, at another price.
        thinking: Generated thinking tokens; None if a provider does not count them apart.
        injected: Forced thinking tokens (waits, closing phrases).
        answer: Tokens of answers, and of thinking that is not counted apart.
        probe: Tokens of probes for an early answer.
        verifier: Tokens of verifiers.
        seconds: Seconds spent.
        cost: Dollars; None, never 0, if the price is not known.
        tier: A provider's service tier with prices of its own; "" for the standard one.
        estimated: The names of figures that are not exact.
    """

    prompt: int = 0
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    thinking: int | None = 0
    injected: int = 0
    answer: int = 0
    probe: int = 0
    verifier: int = 0
    seconds: float = 0.0
    cost: float | None = None
    tier: str = ""
    estimated: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return sum(getattr(self, name) or 0 for name in TOKEN_FIELDS)

    @property
    def generated(self) -> int:
        """Thinking and answer tokens."""
        return (self.thinking or 0) + self.answer

    @property
    def most_thinking(self) -> int:
        """Thinking tokens; all that was generated if they are not counted apart: thinking is no more than that."""
        return self.generated if self.thinking is None else self.thinking

    @property
    def output(self) -> int:
        """All tokens but the prompts'."""
        return self.total - self.prompt

    def measure(self, unit: CostUnit) -> float:
        """Return all tokens, or all millionths of a dollar: numbers of about the same size.

        Raises:
            InputError: Dollars are wanted, and the cost is not known.
        """
        if unit == "tokens":
            return self.total
        if self.cost is None:
            raise InputError(
                "the cost of an attempt is not known, and the profile counts dollars: record it with a price."
            )
        return MILLION * self.cost

    def __add__(self, other: Usage) -> Usage:
        tiers = {usage.tier for usage in (self, other) if usage.total}
        mixed = {"cost"} if len(tiers) > 1 else set()
        tokens = {n: getattr(self, n) + getattr(other, n) for n in SUMMED_FIELDS}
        thinking = add_known(self.thinking, other.thinking)
        answer = self.answer + other.answer if thinking is not None else self.generated + other.generated
        return Usage(
            **tokens,
            thinking=thinking,
            answer=answer,
            seconds=self.seconds + other.seconds,
            cost=add_known(self.cost, other.cost),
            tier="" if mixed else next(iter(tiers), ""),
            estimated=tuple(sorted({*self.estimated, *other.estimated, *mixed})),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, with the total."""
        # Not `asdict`: it copies a trace id by id, and every node writes attempts.
        return {
            **vars(self),
            "total": self.total,
            "seconds": round(self.seconds, 4),
            "estimated": list(self.estimated),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Usage:
        """Read what `to_json` wrote."""
        names = {f.name for f in fields(cls)}
        values = {k: v for k, v in data.items() if k in names}
        return cls(**{**values, "estimated": tuple(data.get("estimated", ()))})


def add_known(one: Number | None, other: Number | None) -> Number | None:
    """Return a sum; None, never 0, if a part is not known."""
    return None if one is None or other is None else one + other
