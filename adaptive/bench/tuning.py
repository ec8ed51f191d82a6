"""Tunes a baseline: the cheapest that is accurate enough on the policy's tuning questions.

A policy must promise its accuracy with confidence (`adaptive.learn.tuning.risk`). A baseline only has to show it:
that is in its favour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adaptive.learn.tuning.ways import Floats

SLACK = 1e-9


def find_cheapest_way(right: Floats, tokens: Floats, least: float) -> int:
    """Return the index of the cheapest way with enough accuracy; of equals, the earlier.

    If none is accurate enough, it is the most accurate; of equals, the cheaper.

    Args:
        right: Accuracy on the tuning questions, shape (ways,).
        tokens: Mean tokens on them, shape (ways,).
        least: The accuracy required.
    """
    enough = right >= least - SLACK
    fit = enough if enough.any() else right >= right.max() - SLACK
    return int(np.argmin(np.where(fit, tokens, np.inf)))


def average_columns(columns: Sequence[Sequence[float]]) -> Floats:
    """Return the mean of each column, shape (columns,)."""
    return np.array([float(np.mean(column)) for column in columns], dtype=np.float64)
