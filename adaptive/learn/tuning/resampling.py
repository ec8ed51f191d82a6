"""Figures with intervals, by resampling questions; questions of one group are drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.splits import get_group
from adaptive.learn.tuning.ways import Floats

DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def from_draws(cls, value: float, draws: Floats) -> Interval:
        """Return a figure with the percentiles of its resampled values."""
        low, high = np.quantile(draws, (0.025, 0.975), method="nearest")
        return cls(value, float(low), float(high))


def resample_means(rows: Floats, recorded: Sequence[RecordedQuestion], seed: int = 0) -> Floats:
    """Return the means of each row over resampled questions, shape (`DRAWS`, rows): paired, for all rows alike.

    Args:
        rows: A value of each question, shape (rows, n).
        recorded: The n questions.
        seed: Of the draws.
    """
    _, places = np.unique([get_group(one.question) for one in recorded], return_inverse=True)
    groups = int(places.max()) + 1
    sums = np.array([np.bincount(places, row, groups) for row in (*rows, np.ones(len(recorded)))])
    times = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), DRAWS)
    drawn = times @ sums.T
    return np.asarray(drawn[:, :-1] / drawn[:, -1:], np.float64)
