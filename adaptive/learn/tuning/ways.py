"""Results of a way of answering on recorded questions, which tuning and bench share.

A *way* is anything that answers a question: a fixed rung, a vote, a policy. Replayed over recorded questions it
has one `WayResult` for each, which counts everything that an engine would have had to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.types.usage import CostUnit, Usage

Floats = NDArray[np.float64]
ROUNDING = 1e-9
"""Accuracies within this are the same."""


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

    @classmethod
    def from_outcome(cls, outcome: Outcome) -> WayResult:
        """Return the result of making one recorded attempt and nothing else."""
        return cls(outcome.solved, outcome.compute_usage(), outcome.key, outcome.attempt.confidence)

    @property
    def tokens(self) -> int:
        """All tokens, including prompt, injected tokens, probes and verifiers."""
        return self.usage.total


Chooser = Callable[[RecordedQuestion], WayResult]


@dataclass(frozen=True)
class Way:
    """The results of a way on all questions, in their order.

    counts: what costs are counted in; None: dollars if all are known, else tokens.
    """

    name: str
    results: tuple[WayResult, ...]
    counts: CostUnit | None = None

    @classmethod
    def replay(
        cls,
        name: str,
        choose: Chooser,
        recorded: Sequence[RecordedQuestion],
        counts: CostUnit | None = None,
    ) -> Way:
        """Replay a way over recorded questions.

        Args:
            name: What to call it.
            choose: Answers a recorded question.
            recorded: The questions.
            counts: What costs are counted in.
        """
        return cls(name, tuple(choose(one) for one in recorded), counts)

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

    @cached_property
    def unit(self) -> CostUnit:
        """What costs are counted in."""
        return self.counts or ("tokens" if any(t.usage.cost is None for t in self.results) else "dollars")

    @cached_property
    def spent(self) -> Floats:
        """What each question took, in `unit` (dollars in millionths), shape (n,)."""
        return np.array([t.usage.measure(self.unit) for t in self.results], dtype=np.float64)


def find_common_unit(ways: Iterable[Way]) -> CostUnit:
    """Return what all of these can be counted in, so that they compare: dollars if every cost is known."""
    return "tokens" if any(way.unit == "tokens" for way in ways) else "dollars"


def find_cheapest_way(right: Floats, tokens: Floats, least: float) -> int:
    """Return the index of the cheapest way with enough accuracy; of equals, the earlier.

    If none is accurate enough, it is the most accurate; of equals, the cheaper.

    Args:
        right: The accuracy of each way, shape (ways,).
        tokens: The mean tokens of each, shape (ways,).
        least: The accuracy required.
    """
    enough = right >= least - ROUNDING
    fit = enough if enough.any() else right >= right.max() - ROUNDING
    return int(np.argmin(np.where(fit, tokens, np.inf)))
