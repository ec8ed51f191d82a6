"""Recorded attempts, graded: what thresholds are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptive.learn.data.outcome import Outcome


@dataclass(frozen=True)
class GradedAttempt:
    """An attempt and whether its answer is right. tokens: all that it generated, without the prompt."""

    effort: str
    answer: str | None
    correct: bool
    confidence: float | None
    status: str
    tokens: int

    @classmethod
    def from_outcome(cls, outcome: Outcome) -> GradedAttempt:
        """Return the attempt of one recorded outcome."""
        attempt, usage = outcome.attempt, outcome.compute_usage()
        return cls(
            effort=outcome.key.effort,
            answer=attempt.answer,
            correct=outcome.solved,
            confidence=attempt.confidence,
            status=attempt.status,
            tokens=usage.total - usage.prompt,
        )


@dataclass(frozen=True)
class GradedQuestion:
    """The direct answer to a question, if there is one, and the longest chain of each effort, cheapest first."""

    direct: GradedAttempt | None
    chains: tuple[GradedAttempt, ...] = ()

    @classmethod
    def from_outcomes(cls, outcomes: Sequence[Outcome]) -> GradedQuestion:
        """Return the attempts of one question, recorded at every rung of a ladder, in its order."""
        chains = {
            (o.key.model, o.key.effort): GradedAttempt.from_outcome(o) for o in outcomes if not o.key.is_direct
        }
        direct = next((GradedAttempt.from_outcome(o) for o in outcomes if o.key.is_direct), None)
        return cls(direct, tuple(chains.values()))
