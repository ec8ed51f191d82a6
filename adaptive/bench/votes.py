"""Votes as baselines: self-consistency (Wang et al. 2023, arXiv 2203.11171) and Adaptive-Consistency.

Samples are those recorded with the largest budget; they share their prompt. Every ballot weighs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.cost import in_parallel
from adaptive.learn.data.outcome import Key, Outcome, Recorded
from adaptive.learn.tuning.ways import Taken
from adaptive.policy.majority import Ballot, lead, next_batch, tally


@dataclass(frozen=True)
class Drawn:
    """Where samples were recorded: at one effort and budget."""

    effort: str
    budget: int

    @classmethod
    def of(cls, recorded: Sequence[Recorded]) -> Drawn | None:
        """Where most were drawn, of equals with the largest budget; None where there are none."""
        keys = [(k.effort, k.budget) for one in recorded for k in one.outcomes if k.sample]
        return cls(*max(set(keys), key=lambda k: (keys.count(k), k[1]))) if keys else None

    def at(self, recorded: Recorded) -> list[Outcome]:
        """A question's samples, in the order in which they were drawn."""
        found: list[Outcome] = []
        while (key := Key(self.effort, self.budget, 0, len(found) + 1)) in recorded.outcomes:
            found.append(recorded.outcomes[key])
        return found

    def most(self, recorded: Sequence[Recorded]) -> int:
        """How many samples any question has."""
        return max((len(self.at(one)) for one in recorded), default=0)


@dataclass(frozen=True)
class SelfConsistency:
    """The majority of `samples` samples."""

    drawn: Drawn
    samples: int

    def __call__(self, recorded: Recorded) -> Taken:
        """What it comes to at one question."""
        return _majority(self.drawn.at(recorded)[: self.samples])

    def tokens(self, recorded: Sequence[Recorded]) -> float:
        """Mean tokens of a question."""
        return float(np.mean([in_parallel(self.drawn.at(r)[: self.samples]).total for r in recorded]))

    @classmethod
    def at_equal_tokens(cls, drawn: Drawn, recorded: Sequence[Recorded], tokens: float) -> SelfConsistency:
        """With the most samples whose mean tokens are at most `tokens`, at least one.

        Every question must have the same number of samples.
        """
        votes = [cls(drawn, n) for n in range(1, drawn.most(recorded) + 1)]
        return max((v for v in votes if v.tokens(recorded) <= tokens), key=lambda v: v.samples, default=votes[0])


@dataclass(frozen=True)
class AdaptiveConsistency:
    """Samples until the leader is the majority with the probability `sure`, at most `most` of them."""

    drawn: Drawn
    most: int
    sure: float

    def __call__(self, recorded: Recorded) -> Taken:
        """What it comes to at one question."""
        samples, ballots = self.drawn.at(recorded)[: self.most], list[Ballot]()
        while wanted := next_batch(ballots, self.most, self.sure):
            ballots += [Ballot(s.attempt.answer) for s in samples[len(ballots) : len(ballots) + wanted]]
        return _majority(samples[: len(ballots)])


def _majority(samples: Sequence[Outcome]) -> Taken:
    """The answer that most samples give, of equals the one that was given first."""
    ballots = [Ballot(s.attempt.answer) for s in samples]
    groups = tally(ballots)
    kept = samples[groups[0].members[0] if groups else 0]
    score = lead(ballots) if groups else 0.0
    return Taken(kept.solved, in_parallel(samples), kept.key, score, attempts=len(samples))
