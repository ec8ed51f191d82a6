"""Can predictions be believed? The calibration of P(solved) at each rung, and of the kept answers' scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion, rung_to_key
from adaptive.learn.fit.metrics import compute_auroc
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import Floats, WayResult
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Ladder
from adaptive.types.routine import format_rung
from adaptive.types.usage import CostUnit

TENTHS = 10


@dataclass(frozen=True)
class ScoreBin:
    """Predictions in one tenth of 0..1: their count, their mean, and the share that came true."""

    count: int
    score: float
    right: Interval


@dataclass(frozen=True)
class RungReliability:
    """The calibration of P(solved) at one rung.

    Args:
        name: The rung.
        predicted: The mean prediction.
        solved: The share of the questions that the rung solves.
        bins: The bins that hold a question.
        error: The expected calibration error: the mean of |prediction - share| over questions, by bin.
        auroc: The probability that a solved question has a higher prediction than another; None if all are alike.
        expected: The mean of the tokens that were predicted.
        tokens: The mean tokens of an attempt.
    """

    name: str
    predicted: float
    solved: Interval
    bins: tuple[ScoreBin, ...]
    error: float
    auroc: float | None
    expected: float
    tokens: float


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


def measure_rung_reliability(
    ladder: Ladder, forecasts: Sequence[Forecast], recorded: Sequence[RecordedQuestion], unit: CostUnit = "tokens"
) -> tuple[RungReliability, ...]:
    """Return the calibration at each rung; nothing if no question has a prediction.

    Args:
        ladder: The ladder.
        forecasts: What is predicted of each question; those without a prediction are left out.
        recorded: The questions.
        unit: What the forecasts count costs in.
    """
    known = [(forecast, one) for forecast, one in zip(forecasts, recorded, strict=True) if forecast]
    if not known:
        return ()
    measured = []
    for place, rung in enumerate(ladder):
        predicted = np.array([forecast.p_solved[place] for forecast, _ in known], dtype=np.float64)
        outcomes = [one.outcomes[rung_to_key(rung)] for _, one in known]
        solved = np.array([outcome.solved for outcome in outcomes], dtype=np.bool_)
        tokens = float(np.mean([outcome.compute_usage().measure(unit) for outcome in outcomes]))
        expected = float(np.mean([forecast.tokens[place] for forecast, _ in known]))
        share = Interval(*estimate_share(int(solved.sum()), len(solved)))
        bins = _bin_scores(predicted, solved)
        error, auroc = _compute_error(bins), compute_auroc(solved, predicted)
        mean = float(predicted.mean())
        measured.append(RungReliability(format_rung(rung), mean, share, bins, error, auroc, expected, tokens))
    return tuple(measured)


def measure_score_reliability(results: Sequence[WayResult]) -> ScoreReliability:
    """Return the calibration of results; those without a score are in no bin."""
    scored = [(t.score, t.right) for t in results if t.score is not None]
    scores = np.array([s for s, _ in scored], dtype=np.float64)
    right = np.array([r for _, r in scored], dtype=np.bool_)
    bins = _bin_scores(scores, right)
    passed = [t.right for t in results if t.accepted]
    return ScoreReliability(
        bins=bins,
        error=_compute_error(bins) if len(scores) else None,
        auroc=compute_auroc(right, scores) if len(scores) else None,
        accepted=len(passed) / len(results) if results else 0.0,
        precision=Interval(*estimate_share(sum(passed), len(passed))) if passed else None,
    )


def _compute_error(bins: Sequence[ScoreBin]) -> float:
    gaps = [one.count * abs(one.score - one.right.value) for one in bins]
    return sum(gaps) / sum(one.count for one in bins)


def _bin_scores(scores: Floats, right: np.ndarray) -> tuple[ScoreBin, ...]:
    tenth = np.minimum((scores * TENTHS).astype(np.int64), TENTHS - 1)
    rows = [np.flatnonzero(tenth == at) for at in range(TENTHS)]
    return tuple(
        ScoreBin(len(r), float(scores[r].mean()), Interval(*estimate_share(int(right[r].sum()), len(r))))
        for r in rows
        if len(r)
    )
