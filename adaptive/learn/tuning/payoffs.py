"""Measures what arms of escalation achieve after rejected attempts, and what verdicts tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.arm_trials import ArmTrial, JudgedAttempt, judge_rungs, try_arms
from adaptive.learn.tuning.replay import Replay
from adaptive.types.logistic import log_odds
from adaptive.types.policy import Evidence, FollowUp

Floats = NDArray[np.float64]

MIN_TRIALS = 10
"""An arm is measured only if it was tried after at least so many rejected attempts."""
QUANTILES = (np.arange(8) + 0.5) / 8
"""Of the verdicts on right and on wrong answers."""
STEPS = 30
PRIOR_SLOPE, PRIOR_WEIGHT = 0.5, 4.0
"""Where the slope of a follow-up is pulled to, and how strongly: a rung that solves a question half as surely
(in log-odds) mends it about half as surely."""


def measure_follow_ups(replay: Replay, recorded: Sequence[RecordedQuestion]) -> tuple[FollowUp, ...]:
    """Return what recorded arms achieved, after every rung whose answer the profile's verifier rejects."""
    trials = sorted(t for one in recorded for t in try_arms(replay, one))
    measured = (_measure_follow_up(list(some)) for _, some in groupby(trials, lambda t: (t.arm, t.source, t.rung)))
    return tuple(one for one in measured if one is not None)


def _measure_follow_up(trials: list[ArmTrial]) -> FollowUp | None:
    """Measure an arm; shares are smoothed by one against it, so that rare successes count little."""
    wrong, right = ([t for t in trials if t.right_before is one] for one in (False, True))
    cost = sum(t.tokens for t in trials) / max(1e-9, sum(t.expected for t in trials))
    if len(trials) < MIN_TRIALS or cost <= 0:
        return None
    mended = np.array([*(t.right_after for t in wrong), False], dtype=np.float64)
    logits = np.array([*(log_odds(t.p_solved) for t in wrong), 0.0])
    bias, slope = _fit_line(logits, mended)
    return FollowUp(
        arm=trials[0].arm,
        source=trials[0].source,
        rung=trials[0].rung,
        right=round(len(right) / len(trials), 4),
        bias=round(bias, 4),
        slope=round(slope, 4),
        breaks=round((_count_true(not t.right_after for t in right) + 1) / (len(right) + 2), 4),
        cost=round(cost, 4),
        count=len(trials),
    )


def _fit_line(x: Floats, y: Floats) -> tuple[float, float]:
    """Return bias and slope of a logistic regression of one feature, its slope pulled to the prior, by Newton."""
    features = np.column_stack([np.ones_like(x), x])
    pull, centre = np.array([0.05, PRIOR_WEIGHT]), np.array([0.0, PRIOR_SLOPE])
    weights = centre.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (p - y) + pull * (weights - centre)
        curvature = (features * (p * (1 - p))[:, None]).T @ features + np.diag(pull)
        weights = weights - np.linalg.solve(curvature, gradient)
    return float(weights[0]), float(weights[1])


def measure_evidence(replay: Replay, recorded: Sequence[RecordedQuestion]) -> tuple[Evidence, ...]:
    """Return what the verdicts of the profile's verifier model tell about each rung's own answers."""
    judged = [attempt for one in recorded for attempt in judge_rungs(replay, one)]
    rungs = sorted({one.rung for one in judged})
    evidence = (_measure_rung_evidence(k, [one for one in judged if one.rung == k]) for k in rungs)
    return tuple(one for one in evidence if one is not None)


def _measure_rung_evidence(rung: int, judged: list[JudgedAttempt]) -> Evidence | None:
    shifts = [
        [log_odds(one.score) - log_odds(one.p_solved) for one in judged if one.right is right]
        for right in (True, False)
    ]
    if min(map(len, shifts)) < MIN_TRIALS:
        return None
    right, wrong = (tuple(round(float(q), 4) for q in np.quantile(some, QUANTILES)) for some in shifts)
    return Evidence(rung, right, wrong)


def _count_true(these: Iterable[bool]) -> int:
    return sum(these)
