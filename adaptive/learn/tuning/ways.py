"""What a way of spending thinking came to on recorded questions: the common coin of tuning and bench.

A *way* is anything that answers a question: a fixed rung, a vote, a policy. Replayed over `Recorded` questions it
gives one `Taken` each, with everything counted that an engine would have had to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import Key, Recorded
from adaptive.types.usage import Usage

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Taken:
    """One question's answer: whether it is right, and what it took. key: the attempt whose answer was kept.

    usage: `prompt` counts every prompt token that is computed, not those that a cache holds. score: how sure the
    way was of the answer, in 0..1, None where it does not say; accepted: whether it would have said so.
    """

    right: bool
    usage: Usage
    key: Key | None = None
    score: float | None = None
    accepted: bool | None = None
    attempts: int = 1

    @property
    def tokens(self) -> int:
        """All tokens, prompt, injected, probes and verifiers included."""
        return self.usage.total


Chooser = Callable[[Recorded], Taken]


@dataclass(frozen=True)
class Way:
    """A way over all questions, in their order."""

    name: str
    taken: tuple[Taken, ...]

    @classmethod
    def of(cls, name: str, choose: Chooser, recorded: Sequence[Recorded]) -> Way:
        """Replay a way over recorded questions."""
        return cls(name, tuple(choose(one) for one in recorded))

    def __len__(self) -> int:
        return len(self.taken)

    def __iter__(self) -> Iterator[Taken]:
        return iter(self.taken)

    @property
    def right(self) -> Floats:
        """1 where the answer is right, shape (n,)."""
        return np.array([t.right for t in self.taken], dtype=np.float64)

    @property
    def tokens(self) -> Floats:
        """Tokens of each question, shape (n,)."""
        return np.array([t.tokens for t in self.taken], dtype=np.float64)


def fixed(key: Key) -> Chooser:
    """Always this attempt, from nothing. Raises `KeyError` where it was not recorded."""

    def choose(recorded: Recorded) -> Taken:
        outcome = recorded.outcomes[key]
        return Taken(outcome.solved, outcome.usage(), key, outcome.attempt.confidence)

    return choose
