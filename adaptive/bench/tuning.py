"""How a baseline is tuned: the cheapest that is right often enough, on the questions that the policy was tuned on.

A policy must promise as much with confidence (`adaptive.learn.tuning.risk`); a baseline only has to show it, which is in
its favour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adaptive.learn.tuning.ways import Floats

SLACK = 1e-9


def find_cheapest_way(right: Floats, tokens: Floats, least: float) -> int:
    """Which of several ways is the cheapest in mean tokens whose share of right answers is at least `least`.

    right, tokens: shape (ways,), means over the tuning questions. Where none is right so often it is the one that
    is right most often; of equals the cheaper, then the earlier.
    """
    enough = right >= least - SLACK
    fit = enough if enough.any() else right >= right.max() - SLACK
    return int(np.argmin(np.where(fit, tokens, np.inf)))


def average_columns(columns: Sequence[Sequence[float]]) -> Floats:
    """The mean of each column, shape (columns,)."""
    return np.array([float(np.mean(column)) for column in columns], dtype=np.float64)
