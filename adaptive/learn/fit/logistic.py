"""Fits a small logistic regression over named numbers, calibrated, and writes it out as plain weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from adaptive.learn.fit.difficulty import RARE, assign_folds

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Truth = NDArray[np.bool_]

STRENGTHS = (0.01, 0.1, 1.0)
FOLDS = 4
SAMPLE = 5000
"""Rows on which the strength of regularisation is chosen."""
SCALED_FROM = 1e-9
"""A column that varies less than this is the same everywhere: it gets no weight."""


@dataclass(frozen=True)
class LogisticFit:
    """Weights for the columns, shape (F,), and a bias. scale: the columns' standard deviations, for importance."""

    weights: Floats
    bias: float
    scale: Floats

    def predict_logits(self, rows: Floats) -> Floats:
        """Log-odds of rows, shape (n, F)."""
        return np.asarray(rows @ self.weights + self.bias)

    def predict(self, rows: Floats) -> Floats:
        """Probabilities of rows, shape (n, F)."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.predict_logits(rows), -30, 30))))

    def weights_by_name(self, names: Sequence[str]) -> dict[str, float]:
        """The weights by the columns' names; those of nothing are left out."""
        return {n: round(float(w), 6) for n, w in zip(names, self.weights, strict=True) if w}

    def rank_weights(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """Weights of the standardised columns, the heaviest first."""
        rows = zip(names, (self.weights * self.scale).tolist(), strict=True)
        return sorted((r for r in rows if r[1]), key=lambda r: -abs(r[1]))


def fit_logistic(rows: Floats, truth: Truth, weight: Floats, groups: Labels, seed: int) -> LogisticFit:
    """Fit on rows of shape (n, F); strength and calibration are chosen with no group on both sides.

    Calibrated by Platt's sigmoid on predictions of rows that were not fitted to. Where fewer than `RARE` groups
    have either outcome, or a fold has one alone, it is the smoothed share.
    """
    fold = assign_folds(truth, FOLDS, seed, [str(g) for g in groups])
    inside = [fold != i for i in range(FOLDS)]
    if not is_learnable(truth, groups) or any(len(set(truth[one].tolist())) < 2 for one in inside):
        share = (float(weight[truth].sum()) + 1) / (float(weight.sum()) + 2)
        return LogisticFit(np.zeros(rows.shape[1]), float(np.log(share / (1 - share))), np.ones(rows.shape[1]))
    with threadpool_limits(limits=1):
        best = _choose_strength(rows, truth, weight, fold, seed)
        slope, shift = _fit_sigmoid(_cross_predict_logits(rows, truth, weight, fold, best), truth, weight)
        weights, bias = _fit_line(rows, truth, weight, best)
    return LogisticFit(slope * weights, slope * bias + shift, rows.std(axis=0))


def predict_out_of_fold(rows: Floats, truth: Truth, weight: Floats, groups: Labels, seed: int) -> Floats:
    """Probabilities of each row by all of `fit_logistic` on other groups alone, shape (n,)."""
    fold = assign_folds(truth, FOLDS + 1, seed + 1, [str(g) for g in groups])
    found = np.empty(len(rows))
    for number in np.unique(fold):
        inside, out = fold != number, fold == number
        found[out] = fit_logistic(rows[inside], truth[inside], weight[inside], groups[inside], seed).predict(
            rows[out]
        )
    return found


def is_learnable(truth: Truth, groups: Labels) -> bool:
    """Whether enough groups have either outcome."""
    return min(len(np.unique(groups[truth])), len(np.unique(groups[~truth]))) >= RARE


def _choose_strength(rows: Floats, truth: Truth, weight: Floats, fold: Labels, seed: int) -> float:
    """The strength with the least log-loss on other folds, on a sample: it hardly changes with the rows."""
    some = np.sort(np.random.default_rng(seed).permutation(len(rows))[:SAMPLE])
    part = rows[some], truth[some], weight[some], fold[some]
    if any(len(set(part[1][part[3] != i].tolist())) < 2 for i in np.unique(part[3])):
        return STRENGTHS[len(STRENGTHS) // 2]
    return min(STRENGTHS, key=lambda c: _compute_log_loss(part[1], _cross_predict_logits(*part, c), part[2]))


def _cross_predict_logits(rows: Floats, truth: Truth, weight: Floats, fold: Labels, strength: float) -> Floats:
    """Log-odds of each row by a fit to the other folds."""
    found = np.empty(len(rows))
    for number in np.unique(fold):
        inside, out = fold != number, fold == number
        weights, bias = _fit_line(rows[inside], truth[inside], weight[inside], strength)
        found[out] = rows[out] @ weights + bias
    return found


def _fit_line(rows: Floats, truth: Truth, weight: Floats, strength: float) -> tuple[Floats, float]:
    """Weights and bias for the rows as they are, fitted to standardised ones."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    same = scale < SCALED_FROM
    scaled = np.where(same, 0.0, (rows - mean) / np.where(same, 1.0, scale))
    made = LogisticRegression(C=strength, max_iter=2000).fit(scaled, truth, weight)
    weights = np.where(same, 0.0, made.coef_[0] / np.where(same, 1.0, scale))
    return weights, float(made.intercept_[0] - weights @ mean)


def _fit_sigmoid(logits: Floats, truth: Truth, weight: Floats) -> tuple[float, float]:
    """Slope and shift that make log-odds of unseen rows calibrated; a slope that is not rising is 1."""
    made = LogisticRegression(C=1e4, max_iter=2000).fit(logits[:, None], truth, weight)
    slope = float(made.coef_[0, 0])
    return (slope, float(made.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _compute_log_loss(truth: Truth, logits: Floats, weight: Floats) -> float:
    return float(log_loss(truth, 1 / (1 + np.exp(-np.clip(logits, -30, 30))), sample_weight=weight))
