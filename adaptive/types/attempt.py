"""Round and attempt: the plain data that flows between the rooms.

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
    """One stretch of thinking.

    Args:
        tokens: All its tokens.
        injected: Those of them that were forced (waits, closing phrases).
        end: Why it ended.
        stopped: Whether an early stop ended it, rather than the model.
    """

    tokens: int
    injected: int
    end: RoundEnd
    stopped: bool = False

    @property
    def ended_by_model(self) -> bool:
        """Whether the model ended it, which takes one token more."""
        return self.end in ("natural", "loop", "converged") and not self.stopped


@dataclass(frozen=True)
class StarvedCall:
    """A call of a chat model that reached its completion cap before its answer, and its tokens, as in `Usage`."""

    effort: str
    cap: int
    thinking: int | None
    answer: int


@dataclass(frozen=True)
class AnswerProbe:
    """A trial answer, forced in the middle of thinking.

    Args:
        charged: How much of the budget was taken by then, in tokens.
        answer: The answer; None if there was none.
        confidence: The model's confidence in it, in 0..1; None if it is not known.
        tokens: What the probe took.
    """

    charged: int
    answer: str | None
    confidence: float | None
    tokens: int


@dataclass(frozen=True)
class Attempt:
    """One attempt at a question.

    Args:
        rung: The index of its rung.
        arm: How it came about: the first attempt, or an arm of escalation.
        effort: The effort that the model was asked for.
        budget: The most thinking tokens.
        waits: How often an early end of thinking was put off.
        answer: The extracted final answer; None if there is none.
        text: All that came after the thinking.
        thinking: The thinking as text.
        status: How the attempt ended; see `outcome`.
        finish: How its thinking ended.
        rounds: The stretches of thinking of its chain.
        forced: What of `thinking` was forced, as starts and ends in characters: each wait, and where the thinking
            was cut off, the closing phrase, which may be empty. Of a chat model it is empty.
        probes: The trial answers of this attempt.
        trace: The thinking so far as token ids, which escalation continues. Not in results.
        confidence: A probability per token in 0..1, of the answer, or of the weakest stretch of thinking if that
            is lower (`adaptive.reason.confidence`). None if the engine gives no log-probabilities.
        weakest: The mean log-probability of the weakest stretch of thinking, or None.
        verdict: What the verifiers say.
        usage: What it cost.
        reason: Why this attempt was made.
        base: The index of the attempt whose chain it continued; None for a new chain.
        model: The index of the model that made it.
        cap: Of a chat model: the completion cap of the last call.
        turns: Of a chat model: the messages of the chain after the question, in LangChain's plain form. Not in
            results.
        starved: Of a chat model: the calls that brought no answer.
        advice: The settings that would have sufficed, if the attempt is starved.
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
    forced: tuple[tuple[int, int], ...] = ()
    probes: tuple[AnswerProbe, ...] = ()
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
        """How much of a budget its whole chain takes, in tokens."""
        return sum(one.tokens for one in self.rounds)

    @property
    def has_starved(self) -> bool:
        """Whether a chat model's call starved, and so did the one in its place, if there was room for one."""
        return self.status == "starved" and bool(self.starved)

    @property
    def is_refused(self) -> bool:
        """Whether the model ended its turn without a final answer, in words or without any."""
        return self.answer is None and self.status in ("answered", "refused")

    @property
    def outcome(self) -> Status:
        """How the attempt ended, for a caller: one that gives no answer in words is refused."""
        return "refused" if self.is_refused else self.status

    def with_verdict(self, verdict: Verdict) -> Attempt:
        """Return this attempt with a verdict, whose cost is added to its usage."""
        spent = self.usage + verdict.usage if verdict.usage else self.usage
        return replace(self, verdict=verdict, usage=spent)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        verdict = self.verdict.to_json() if self.verdict else None
        return {
            **vars(self),
            "rounds": [dict(vars(r)) for r in self.rounds],
            "forced": [list(span) for span in self.forced],
            "probes": [dict(vars(p)) for p in self.probes],
            "trace": list(self.trace),
            "verdict": verdict,
            "usage": self.usage.to_json(),
            "turns": list(self.turns),
            "starved": [dict(vars(s)) for s in self.starved],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Attempt:
        """Read what `to_json` wrote."""
        verdict = data.get("verdict")
        return cls(
            **{
                **data,
                "rounds": tuple(Round(**r) for r in data["rounds"]),
                "forced": tuple((start, end) for start, end in data.get("forced", ())),
                "probes": tuple(AnswerProbe(**p) for p in data.get("probes", ())),
                "trace": tuple(data["trace"]),
                "verdict": Verdict.from_json(verdict) if verdict else None,
                "usage": Usage.from_json(data["usage"]),
                "turns": tuple(data.get("turns", ())),
                "starved": tuple(StarvedCall(**s) for s in data.get("starved", ())),
            }
        )
