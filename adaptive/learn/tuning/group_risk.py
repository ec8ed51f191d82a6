"""Risk control by groups: questions of one group (a template, a document) are lost together.

`adaptive.learn.tuning.risk` takes every question for an independent draw. If whole groups are, that promises far
too much: with groups of 40, a policy that loses 2 % would be certified for 1 % in most draws. Here a group is the
draw. Its sum of D - target, with D = 1 for a loss, -1 for a gain and else 0, has a mean of 0 or more under H0,
whatever happens within groups. So a bettor who puts the share `stake` of her wealth against it at every group does
not gain in the mean, and her final wealth exceeds 1 / p with a probability of at most p (Waudby-Smith and Ramdas
2023, "Estimating means of bounded random variables by betting", arXiv 2010.09686). The wealth is the mean over a
fixed grid of stakes, which does not depend on the order of the groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import InputError

Floats = NDArray[np.float64]

STAKES = np.sin(np.pi / 2 * (np.arange(200) + 0.5) / 200) ** 2
"""Shares of the largest stake that cannot lose all, dense at both ends: few losses call for much, many for
little."""
PRECISE = 1e-6
MOST_TIMES = 10_000
"""The most times as many questions that are said to be needed."""


@dataclass(frozen=True)
class GroupedLosses:
    """Losses by group. sums: of D over each group's questions; sizes: how many these are; both of shape
    (groups,)."""

    sums: tuple[float, ...]
    sizes: tuple[int, ...]

    @classmethod
    def from_questions(cls, differences: Sequence[float], groups: Sequence[str]) -> GroupedLosses:
        """Sum up by group.

        Args:
            differences: D of each question, in -1..1: 1 for a loss.
            groups: The group of each.
        """
        _, places = np.unique(np.asarray(groups, np.str_), return_inverse=True)
        count = int(places.max()) + 1 if len(places) else 0
        sums = np.bincount(places, np.asarray(differences, np.float64), count)
        return cls(tuple(map(float, sums)), tuple(map(int, np.bincount(places, minlength=count))))

    @cached_property
    def has_groups(self) -> bool:
        """Whether any group has more than one question; else the exact test of `risk` is the sharper one."""
        return any(size > 1 for size in self.sizes)

    def compute_p_value(self, target: float) -> float:
        """Return the p-value for H0: the mean loss of a question is `target` or more.

        Raises:
            InputError: The target is not in -1..1.
        """
        if not -1 < target < 1:
            raise InputError(f"the target loss must be above -1 and below 1, got {target}.")
        return min(1.0, 1 / self._compute_wealth(target, 1.0))

    def compute_upper_bound(self, confidence: float) -> float:
        """Return the largest mean loss that is not rejected, to 1e-6: with this confidence it is no more.

        A larger target leaves more wealth, so that rejected targets are all above.
        """
        low, high = (sum(self.sums) / sum(self.sizes) if self.sizes else 1.0), 1.0
        while high - low > PRECISE:
            middle = (low + high) / 2
            rejected = middle > -1 and self.compute_p_value(middle) <= 1 - confidence
            low, high = (low, middle) if rejected else (middle, high)
        return high

    def count_questions_needed(self, target: float, confidence: float) -> int | None:
        """Return how many questions would be enough if the others were like these; None if no number would."""
        wanted = 1 / (1 - confidence)
        if self._compute_wealth(target, MOST_TIMES) < wanted:
            return None
        low, high = 0.0, float(MOST_TIMES)
        while high - low > PRECISE * high:
            middle = (low + high) / 2
            low, high = (low, middle) if self._compute_wealth(target, middle) >= wanted else (middle, high)
        return math.ceil(high * sum(self.sizes))

    def _compute_wealth(self, target: float, times: float) -> float:
        """Return the final wealth if every group came so many times."""
        if not self.sizes:
            return 1.0
        sums, sizes = np.asarray(self.sums), np.asarray(self.sizes, np.float64)
        against = (sums - target * sizes) / sizes.max()  # at most 1 - target
        grown = np.log1p(-np.outer(STAKES / (1 - target), against)).sum(axis=1)
        return float(np.exp(np.minimum(times * grown, 700.0)).mean())
