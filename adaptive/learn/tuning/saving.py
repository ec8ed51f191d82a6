"""What a way saves against another on the same questions, with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.splits import get_group
from adaptive.learn.tuning.ways import Way

DRAWS = 2000


def estimate_saving(way: Way, other: Way, recorded: Sequence[RecordedQuestion]) -> tuple[float, float, float]:
    """Return the share of the other's tokens that a way saves, and its 95 % interval by a bootstrap over groups.

    Args:
        way: The way's results.
        other: The results of what it is compared with.
        recorded: The questions of both. Questions of one group are drawn together.
    """
    _, places = np.unique([get_group(one.question) for one in recorded], return_inverse=True)
    sums = np.array([np.bincount(places, one.tokens) for one in (way, other)])
    times = np.random.default_rng(0).multinomial(sums.shape[1], np.full(sums.shape[1], 1 / sums.shape[1]), DRAWS)
    drawn = 1 - (times @ sums[0]) / (times @ sums[1])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return 1 - float(sums[0].sum() / sums[1].sum()), float(low), float(high)
