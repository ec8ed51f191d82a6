"""Votes as baselines: self-consistency (Wang et al. 2023, arXiv 2203.11171) and Adaptive-Consistency.

Samples are those recorded at the largest budget; they share their prompt. Every ballot has the weight one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.cost import sum_parallel_usage
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy.majority import Ballot, estimate_lead, group_ballots, size_next_batch


@dataclass(frozen=True)
class SampleSource:
    """The effort and budget at which samples were recorded."""

    effort: str
    budget: int

    @classmethod
    def find(cls, recorded: Sequence[RecordedQuestion]) -> SampleSource | None:
        """Return the source with most samples, of equals the largest budget; None without samples."""
        keys = [(k.effort, k.budget) for one in recorded for k in one.outcomes if k.sample]
        return cls(*max(set(keys), key=lambda k: (keys.count(k), k[1]))) if keys else None

    def get_samples(self, recorded: RecordedQuestion) -> list[Outcome]:
        """Return the samples of a question in their order."""
        samples: list[Outcome] = []
        while (key := OutcomeKey(self.effort, self.budget, 0, len(samples) + 1)) in recorded.outcomes:
            samples.append(recorded.outcomes[key])
        return samples

    def count_most(self, recorded: Sequence[RecordedQuestion]) -> int:
        """Return the largest number of samples of any question."""
        return max((len(self.get_samples(one)) for one in recorded), default=0)


@dataclass(frozen=True)
class SelfConsistency:
    """The majority of `samples` samples."""

    source: SampleSource
    samples: int

    def __call__(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result at one question."""
        return _pick_majority(self.source.get_samples(recorded)[: self.samples])

    def average_tokens(self, recorded: Sequence[RecordedQuestion]) -> float:
        """Return the mean tokens per question."""
        return float(
            np.mean([sum_parallel_usage(self.source.get_samples(r)[: self.samples]).total for r in recorded])
        )

    @classmethod
    def at_equal_tokens(
        cls, source: SampleSource, recorded: Sequence[RecordedQuestion], tokens: float
    ) -> SelfConsistency:
        """Return the vote of most samples whose mean tokens are at most `tokens`, at least one.

        Every question must have the same number of samples.
        """
        votes = [cls(source, n) for n in range(1, source.count_most(recorded) + 1)]
        return max(
            (v for v in votes if v.average_tokens(recorded) <= tokens), key=lambda v: v.samples, default=votes[0]
        )


@dataclass(frozen=True)
class AdaptiveConsistency:
    """Samples until the leader is the majority with the probability `sure`, at most `most` of them."""

    source: SampleSource
    most: int
    sure: float

    def __call__(self, recorded: RecordedQuestion) -> WayResult:
        """Return the result at one question."""
        samples, ballots = self.source.get_samples(recorded)[: self.most], list[Ballot]()
        while wanted := size_next_batch(ballots, self.most, self.sure):
            ballots += [Ballot(s.attempt.answer) for s in samples[len(ballots) : len(ballots) + wanted]]
        return _pick_majority(samples[: len(ballots)])


def _pick_majority(samples: Sequence[Outcome]) -> WayResult:
    """The answer that most samples give; of equals, the first."""
    ballots = [Ballot(s.attempt.answer) for s in samples]
    groups = group_ballots(ballots)
    kept = samples[groups[0].members[0] if groups else 0]
    score = estimate_lead(ballots) if groups else 0.0
    return WayResult(kept.solved, sum_parallel_usage(samples), kept.key, score, attempts=len(samples))
