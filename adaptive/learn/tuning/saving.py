"""What a way saves against another on the same questions, with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.resampling import Interval, resample_means
from adaptive.learn.tuning.ways import Way


def estimate_saving(way: Way, other: Way, recorded: Sequence[RecordedQuestion]) -> Interval:
    """Return the share of the other's cost that a way saves.

    Args:
        way: The way's results.
        other: The results of what it is compared with.
        recorded: The questions of both.
    """
    drawn = resample_means(np.array([way.spent, other.spent]), recorded)
    return Interval.from_draws(1 - float(way.spent.mean() / other.spent.mean()), 1 - drawn[:, 0] / drawn[:, 1])
