"""The calibration of the kept answers' scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.metrics import Interval
from adaptive.learn.fit.metrics import compute_auroc
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.tuning.ways import WayResult

TENTHS = 10


@dataclass(frozen=True)
class ScoreBin:
    """Answers with a score in one tenth of 0..1: their count, mean score and share right."""

    count: int
    score: float
    right: Interval


@dataclass(frozen=True)
class ScoreReliability:
    """The calibration of scores.

    Args:
        bins: The bins that hold an answer.
        error: The expected calibration error: the mean of |score - share right| over answers, by bin.
        auroc: The probability that a right answer scores higher than a wrong one; None if all are of one kind.
        accepted: The share of answers that are accepted.
        precision: The share of accepted answers that are right.
    """

    bins: tuple[ScoreBin, ...]
    error: float | None
    auroc: float | None
    accepted: float
    precision: Interval | None


def measure_score_reliability(results: Sequence[WayResult]) -> ScoreReliability:
    """Return the calibration of results; those without a score are in no bin."""
    scored = [(t.score, t.right) for t in results if t.score is not None]
    scores = np.array([s for s, _ in scored], dtype=np.float64)
    right = np.array([r for _, r in scored], dtype=np.bool_)
    bins = _bin_scores(scores, right)
    gaps = [one.count * abs(one.score - one.right.value) for one in bins]
    passed = [t.right for t in results if t.accepted]
    return ScoreReliability(
        bins=bins,
        error=sum(gaps) / len(scores) if len(scores) else None,
        auroc=compute_auroc(right, scores) if len(scores) else None,
        accepted=len(passed) / len(results) if results else 0.0,
        precision=Interval(*estimate_share(sum(passed), len(passed))) if passed else None,
    )


def _bin_scores(scores: np.ndarray, right: np.ndarray) -> tuple[ScoreBin, ...]:
    tenth = np.minimum((scores * TENTHS).astype(np.int64), TENTHS - 1)
    rows = [np.flatnonzero(tenth == at) for at in range(TENTHS)]
    return tuple(
        ScoreBin(len(r), float(scores[r].mean()), Interval(*estimate_share(int(right[r].sum()), len(r))))
        for r in rows
        if len(r)
    )
