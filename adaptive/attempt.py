"""Round, attempt, verdict, usage: the plain data that flows between the rooms.

Everything here turns into plain JSON types and back, so that it survives a checkpointer and another process.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

RoundEnd = Literal["natural", "budget", "context", "loop", "converged", "confident"]
Finish = Literal["natural", "budget", "context", "loop", "converged", "confident", "none"]
Status = Literal["answered", "starved", "refused", "failed"]
Arm = Literal["first", "wait", "budget", "vote", "effort", "model"]

COUNTED = ("prompt", "thinking", "injected", "answer", "probe", "verifier")


@dataclass(frozen=True)
class Usage:
    """Tokens and seconds spent. `cached` is the part of `prompt` that the engine did not compute again.

    `thinking` holds generated thinking tokens, `injected` the ones we put there (waits, closing phrases);
    `cost` is None where the price is not known, never 0. `estimated` names the figures that were not exact.
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
        return sum(getattr(self, name) for name in COUNTED)

    def __add__(self, other: Usage) -> Usage:
        tokens = {n: getattr(self, n) + getattr(other, n) for n in (*COUNTED, "cached")}
        known = self.cost is not None and other.cost is not None
        return Usage(
            **tokens,
            seconds=self.seconds + other.seconds,
            cost=self.cost + other.cost if known else None,  # type: ignore[operator]
            estimated=tuple(sorted({*self.estimated, *other.estimated})),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, with the total."""
        data = asdict(self)
        return {
            **data,
            "total": self.total,
            "seconds": round(self.seconds, 4),
            "estimated": list(self.estimated),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Usage:
        """The usage written by `to_json`."""
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in data.items() if k in known}
        return cls(**{**values, "estimated": tuple(data.get("estimated", ()))})


@dataclass(frozen=True)
class Round:
    """One stretch of thinking: `tokens` in all, `injected` of them ours, and why it ended.

    stopped: an early stop ended it, and not the model.
    """

    tokens: int
    injected: int
    end: RoundEnd
    stopped: bool = False

    @property
    def by_model(self) -> bool:
        """Whether the model ended it, which took a token more."""
        return self.end in ("natural", "loop", "converged") and not self.stopped


@dataclass(frozen=True)
class Verdict:
    """A verifier's word on an attempt; `score` is in 0..1.

    decided: False where the verifier could not tell ("not verified: ..."): that is never an acceptance, and no
    evidence against the answer either. usage: what the verdict cost, its tokens counted as `verifier`; None where
    it cost nothing.
    """

    accepted: bool
    score: float
    verifier: str
    reason: str
    decided: bool = True
    usage: Usage | None = None

    def __post_init__(self) -> None:
        if self.accepted and not self.decided:
            raise ValueError("a verifier that could not tell cannot accept")

    @classmethod
    def undecided(cls, score: float, verifier: str, why: str, usage: Usage | None = None) -> Verdict:
        """Not verified, and why."""
        return cls(False, score, verifier, f"not verified: {why}", decided=False, usage=usage)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "usage": self.usage.to_json() if self.usage else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """The verdict written by `to_json`."""
        usage = data.get("usage")
        return cls(**{**data, "usage": Usage.from_json(usage) if usage else None})


@dataclass(frozen=True)
class Starved:
    """A call of a chat model that reached its completion cap before there was an answer, and its tokens."""

    effort: str
    cap: int
    thinking: int
    answer: int


@dataclass(frozen=True)
class Attempt:
    """What a rung bought.

    `answer` is the extracted final answer (None if there is none), `text` all that came after the thinking.
    `trace` is the thinking so far as token ids: what escalation continues. `confidence` is a probability per token
    in 0..1, of the answer or of the weakest stretch of thinking if that is lower (`adaptive.reason.confidence`),
    and `weakest` that stretch's mean log-probability; None where the engine gives no log-probabilities. `reason`
    says why this attempt was made; `base` is the attempt whose chain it went on with, None where it began one, and
    `model` which of the solver's models made it.

    Of a chat model: `cap` is the completion cap of the last call, `turns` the messages of the chain after the
    question (LangChain's plain form), `starved` the calls that brought no answer, and `advice` the settings that
    would have sufficed where the attempt is starved.
    """

    rung: int
    arm: Arm
    effort: str
    budget: int
    waits: int
    answer: str | None
    text: str
    thinking: str
    status: Status
    finish: Finish
    rounds: tuple[Round, ...] = ()
    trace: tuple[int, ...] = ()
    confidence: float | None = None
    weakest: float | None = None
    verdict: Verdict | None = None
    usage: Usage = Usage()
    reason: str = ""
    base: int | None = None
    model: int = 0
    cap: int | None = None
    turns: tuple[dict[str, Any], ...] = ()
    starved: tuple[Starved, ...] = ()
    advice: str = ""

    @property
    def charged(self) -> int:
        """Thinking tokens that its whole chain takes of a budget."""
        return sum(one.tokens for one in self.rounds)

    def judged(self, verdict: Verdict) -> Attempt:
        """This attempt with a verdict, and with what the verdict cost added to its usage."""
        spent = self.usage + verdict.usage if verdict.usage else self.usage
        return replace(self, verdict=verdict, usage=spent)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        data = asdict(self)
        verdict = self.verdict.to_json() if self.verdict else None
        return {
            **data,
            "rounds": [asdict(r) for r in self.rounds],
            "trace": list(self.trace),
            "verdict": verdict,
            "usage": self.usage.to_json(),
            "turns": list(self.turns),
            "starved": [asdict(s) for s in self.starved],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Attempt:
        """The attempt written by `to_json`."""
        verdict = data.get("verdict")
        return cls(
            **{
                **data,
                "rounds": tuple(Round(**r) for r in data["rounds"]),
                "trace": tuple(data["trace"]),
                "verdict": Verdict.from_json(verdict) if verdict else None,
                "usage": Usage.from_json(data["usage"]),
                "turns": tuple(data.get("turns", ())),
                "starved": tuple(Starved(**s) for s in data.get("starved", ())),
            }
        )
