"""Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860): samples until the majority is likely."""

from __future__ import annotations

from dataclasses import dataclass

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.samples import SampleSource, pick_majority
from adaptive.learn.tuning.ways import WayResult
from adaptive.policy.majority import Ballot, size_next_batch


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
        return pick_majority(samples[: len(ballots)])
