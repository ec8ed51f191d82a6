"""What an attempt cost: tokens by kind, seconds and money."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

TOKEN_FIELDS = ("prompt", "thinking", "injected", "answer", "probe", "verifier")


@dataclass(frozen=True)
class Usage:
    """Tokens, seconds and money spent.

    Args:
        prompt: Tokens of prompts.
        cached: The part of `prompt` that the engine did not compute again.
        thinking: Generated thinking tokens.
        injected: Forced thinking tokens (waits, closing phrases).
        answer: Tokens of answers.
        probe: Tokens of probes for an early answer.
        verifier: Tokens of verifiers.
        seconds: Seconds spent.
        cost: Dollars; None, never 0, if the price is not known.
        estimated: The names of figures that are not exact.
    """

    prompt: int = 0
    cached: int = 0
    thinking: int = 0
    injected: int = 0
    answer: int = 0
    probe: int = 0
    verifier: int = 0
    seconds: float = 0.0
    cost: float | None = None
    estimated: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return sum(getattr(self, name) for name in TOKEN_FIELDS)

    def __add__(self, other: Usage) -> Usage:
        tokens = {n: getattr(self, n) + getattr(other, n) for n in (*TOKEN_FIELDS, "cached")}
        priced = self.cost is not None and other.cost is not None
        return Usage(
            **tokens,
            seconds=self.seconds + other.seconds,
            cost=self.cost + other.cost if priced else None,  # type: ignore[operator]
            estimated=tuple(sorted({*self.estimated, *other.estimated})),
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
