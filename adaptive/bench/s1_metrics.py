"""s1's measures of a way to spend thinking, at several amounts of it.

Muennighoff et al. 2025, arXiv 2501.19393 §3.2. Its Table 3 does not state the unit of Scaling: here it is
points of accuracy for 1,000 thinking tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class S1Run:
    """All questions at one amount of thinking: the mean thinking tokens, the share right, and of the attempts the
    share that stayed within its budget."""

    thinking: float
    accuracy: float
    within: float


@dataclass(frozen=True)
class S1Measures:
    """control: share of attempts within their budget. scaling: the mean slope between runs, points for 1,000
    thinking tokens; None where no two differ in tokens. performance: the best share right."""

    control: float
    scaling: float | None
    performance: float
    runs: int


def compute_s1_measures(runs: Sequence[S1Run]) -> S1Measures:
    """Control, Scaling and Performance of runs over the same questions. Raises `ValueError` for none."""
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
