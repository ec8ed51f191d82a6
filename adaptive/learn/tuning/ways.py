"""Results of a way of answering on recorded questions, which tuning and bench share.

A *way* is anything that answers a question: a fixed rung, a vote, a policy. Replayed over recorded questions it
has one `WayResult` for each, which counts everything that an engine would have had to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.types.usage import Usage

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WayResult:
    """One question's answer: whether it is right, and its cost. key: the attempt whose answer was selected.

    usage: `prompt` counts every prompt token that is computed, without cache hits. score: the way's confidence in
    the answer, in 0..1, or None; accepted: whether the way accepts it.
    """

    right: bool
    usage: Usage
    key: OutcomeKey | None = None
    score: float | None = None
    accepted: bool | None = None
    attempts: int = 1

    @property
    def tokens(self) -> int:
        """All tokens, including prompt, injected tokens, probes and verifiers."""
        return self.usage.total


Chooser = Callable[[RecordedQuestion], WayResult]


@dataclass(frozen=True)
class Way:
    """The results of a way on all questions, in their order."""

    name: str
    results: tuple[WayResult, ...]

    @classmethod
    def replay(cls, name: str, choose: Chooser, recorded: Sequence[RecordedQuestion]) -> Way:
        """Replay a way over recorded questions.

        Args:
            name: What to call it.
            choose: Answers a recorded question.
            recorded: The questions.
        """
        return cls(name, tuple(choose(one) for one in recorded))

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[WayResult]:
        return iter(self.results)

    @cached_property
    def right(self) -> Floats:
        """1 if the answer is right, else 0; shape (n,)."""
        return np.array([t.right for t in self.results], dtype=np.float64)

    @cached_property
    def tokens(self) -> Floats:
        """The tokens of each question, shape (n,)."""
        return np.array([t.tokens for t in self.results], dtype=np.float64)


def make_fixed_chooser(key: OutcomeKey) -> Chooser:
    """Return a way that always makes this attempt, which raises `KeyError` if it was not recorded."""

    def choose(recorded: RecordedQuestion) -> WayResult:
        outcome = recorded.outcomes[key]
        return WayResult(outcome.solved, outcome.compute_usage(), key, outcome.attempt.confidence)

    return choose
