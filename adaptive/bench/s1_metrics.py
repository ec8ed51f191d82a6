"""s1's measures of thinking at several budgets.

Muennighoff et al. 2025, arXiv 2501.19393 §3.2. Its Table 3 does not state the unit of Scaling: here it is
points of accuracy for 1,000 thinking tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class S1Run:
    """All questions at one budget: mean thinking tokens, accuracy, and the share of attempts within the budget."""

    thinking: float
    accuracy: float
    within: float


@dataclass(frozen=True)
class S1Measures:
    """s1's three measures.

    Args:
        control: The share of attempts within their budget.
        scaling: The mean slope between runs, in points per 1,000 thinking tokens; None if no two differ in tokens.
        performance: The best accuracy.
        runs: The number of runs.
    """

    control: float
    scaling: float | None
    performance: float
    runs: int


def compute_s1_measures(runs: Sequence[S1Run]) -> S1Measures:
    """Return Control, Scaling and Performance of runs over the same questions; raise `ValueError` without runs."""
    if not runs:
        raise ValueError("there is nothing to measure: no runs")
    ordered = sorted(runs, key=lambda run: run.thinking)
    slopes = [
        100_000 * (more.accuracy - less.accuracy) / (more.thinking - less.thinking)
        for less, more in combinations(ordered, 2)
        if more.thinking > less.thinking
    ]
    return S1Measures(
        control=sum(run.within for run in runs) / len(runs),
        scaling=sum(slopes) / len(slopes) if slopes else None,
        performance=max(run.accuracy for run in runs),
        runs=len(runs),
    )
