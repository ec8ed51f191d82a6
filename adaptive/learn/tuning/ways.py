"""What a way of spending thinking came to on recorded questions: the common coin of tuning and bench.

A *way* is anything that answers a question: a fixed rung, a vote, a policy. Replayed over `Recorded` questions it
gives one `WayResult` each, with everything counted that an engine would have had to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.types.usage import Usage

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WayResult:
    """One question's answer: whether it is right, and what it took. key: the attempt whose answer was kept.

    usage: `prompt` counts every prompt token that is computed, not those that a cache holds. score: how sure the
    way was of the answer, in 0..1, None where it does not say; accepted: whether it would have said so.
    """

    right: bool
    usage: Usage
    key: OutcomeKey | None = None
    score: float | None = None
    accepted: bool | None = None
    attempts: int = 1

    @property
    def tokens(self) -> int:
        """All tokens, prompt, injected, probes and verifiers included."""
        return self.usage.total


Chooser = Callable[[RecordedQuestion], WayResult]


@dataclass(frozen=True)
class Way:
    """A way over all questions, in their order."""

    name: str
    results: tuple[WayResult, ...]

    @classmethod
    def replay(cls, name: str, choose: Chooser, recorded: Sequence[RecordedQuestion]) -> Way:
        """Replay a way over recorded questions."""
        return cls(name, tuple(choose(one) for one in recorded))

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[WayResult]:
        return iter(self.results)

    @property
    def right(self) -> Floats:
        """1 where the answer is right, shape (n,)."""
        return np.array([t.right for t in self.results], dtype=np.float64)

    @property
    def tokens(self) -> Floats:
        """Tokens of each question, shape (n,)."""
        return np.array([t.tokens for t in self.results], dtype=np.float64)


def make_fixed_chooser(key: OutcomeKey) -> Chooser:
    """Always this attempt, from nothing. Raises `KeyError` where it was not recorded."""

    def choose(recorded: RecordedQuestion) -> WayResult:
        outcome = recorded.outcomes[key]
        return WayResult(outcome.solved, outcome.compute_usage(), key, outcome.attempt.confidence)

    return choose
