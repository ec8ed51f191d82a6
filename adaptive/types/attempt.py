"""Round, attempt, verdict, usage: the plain data that flows between the rooms.

Everything here turns into plain JSON types and back, so that it survives a checkpointer and another process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict

RoundEnd = Literal["natural", "budget", "context", "loop", "converged", "confident"]
Finish = Literal["natural", "budget", "context", "loop", "converged", "confident", "none"]
Status = Literal["answered", "starved", "refused", "failed"]
Arm = Literal["first", "wait", "budget", "vote", "effort", "model"]


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
    def ended_by_model(self) -> bool:
        """Whether the model ended it, which took a token more."""
        return self.end in ("natural", "loop", "converged") and not self.stopped


@dataclass(frozen=True)
class StarvedCall:
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
    usage: Usage = field(default_factory=Usage)
    reason: str = ""
    base: int | None = None
    model: int = 0
    cap: int | None = None
    turns: tuple[dict[str, Any], ...] = ()
    starved: tuple[StarvedCall, ...] = ()
    advice: str = ""

    @property
    def chain_tokens(self) -> int:
        """Thinking tokens that its whole chain takes of a budget."""
        return sum(one.tokens for one in self.rounds)

    @property
    def is_refused(self) -> bool:
        """Whether the model ended its turn without a final answer, in words or without any."""
        return self.answer is None and self.status in ("answered", "refused")

    @property
    def outcome(self) -> Status:
        """How the attempt ended, for a caller: one that gives no answer in words is refused."""
        return "refused" if self.is_refused else self.status

    def with_verdict(self, verdict: Verdict) -> Attempt:
        """This attempt with a verdict, and with what the verdict cost added to its usage."""
        spent = self.usage + verdict.usage if verdict.usage else self.usage
        return replace(self, verdict=verdict, usage=spent)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        verdict = self.verdict.to_json() if self.verdict else None
        return {
            **vars(self),
            "rounds": [dict(vars(r)) for r in self.rounds],
            "trace": list(self.trace),
            "verdict": verdict,
            "usage": self.usage.to_json(),
            "turns": list(self.turns),
            "starved": [dict(vars(s)) for s in self.starved],
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
                "starved": tuple(StarvedCall(**s) for s in data.get("starved", ())),
            }
        )
