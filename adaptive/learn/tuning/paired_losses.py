"""A policy against the top rung on the same questions: losses and gains, and the test that fits the questions.

Questions without groups are independent draws, and the exact test of `risk` applies. If any two are of one group,
groups are the draws, and the test is that of `group_risk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.splits import get_group
from adaptive.learn.tuning import risk
from adaptive.learn.tuning.group_risk import GroupedLosses
from adaptive.learn.tuning.ways import Way


@dataclass(frozen=True)
class PairedLosses:
    """losses: questions that only the top rung has right; gains: that only the policy has; count: all
    questions."""

    losses: int
    gains: int
    count: int
    grouped: GroupedLosses

    @classmethod
    def from_ways(cls, way: Way, top: Way, recorded: Sequence[RecordedQuestion]) -> PairedLosses:
        """Count them.

        Args:
            way: The policy's results.
            top: The top rung's.
            recorded: The questions of both.
        """
        differences = (top.right - way.right).tolist()
        groups = [get_group(one.question) for one in recorded]
        losses, gains = differences.count(1), differences.count(-1)
        return cls(losses, gains, len(way), GroupedLosses.from_questions(differences, groups))

    @property
    def groups(self) -> int | None:
        """The number of groups if they are the draws; None if questions are."""
        return len(self.grouped.sizes) if self.grouped.has_groups else None

    def compute_p_value(self, target: float) -> float:
        """Return the p-value for H0: the mean loss is `target` or more."""
        if self.groups is not None:
            return self.grouped.compute_p_value(target)
        return risk.compute_p_value(self.losses, self.gains, self.count, target)

    def compute_upper_bound(self, confidence: float) -> float:
        """Return the largest mean loss that is not rejected with this confidence."""
        if self.groups is not None:
            return self.grouped.compute_upper_bound(confidence)
        return risk.compute_upper_bound(self.losses, self.gains, self.count, confidence)

    def count_questions_needed(self, target: float, confidence: float) -> int | None:
        """Return how many questions like these would be enough; None if no number would."""
        if self.groups is not None:
            return self.grouped.count_questions_needed(target, confidence)
        shares = self.losses / self.count, self.gains / self.count
        return risk.count_questions_needed(*shares, target, confidence)
