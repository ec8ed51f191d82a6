"""Fits a small calibrated logistic regression over named features, and returns plain weights."""

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
"""The number of rows on which the strength of regularisation is chosen."""
SCALED_FROM = 1e-9
"""A column with a smaller standard deviation is constant: it gets no weight."""


@dataclass(frozen=True)
class LogisticFit:
    """Weights of the columns, shape (F,), and a bias. scale: the standard deviations of the columns."""

    weights: Floats
    bias: float
    scale: Floats

    def predict_logits(self, rows: Floats) -> Floats:
        """Return the log-odds of rows, shape (n, F)."""
        return np.asarray(rows @ self.weights + self.bias)

    def predict(self, rows: Floats) -> Floats:
        """Return the probabilities of rows, shape (n, F)."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.predict_logits(rows), -30, 30))))

    def weights_by_name(self, names: Sequence[str]) -> dict[str, float]:
        """Return the weights by the columns' names, without zeros."""
        return {n: round(float(w), 6) for n, w in zip(names, self.weights, strict=True) if w}

    def rank_weights(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """Return the weights of the standardised columns, the heaviest first."""
        rows = zip(names, (self.weights * self.scale).tolist(), strict=True)
        return sorted((r for r in rows if r[1]), key=lambda r: -abs(r[1]))


def fit_logistic(rows: Floats, truth: Truth, weight: Floats, groups: Labels, seed: int) -> LogisticFit:
    """Fit a logistic regression, calibrated by Platt's sigmoid on out-of-fold predictions.

    If fewer than `RARE` groups have either outcome, or a fold has only one, it returns the smoothed share.

    Args:
        rows: The features, shape (n, F).
        truth: The outcomes, shape (n,).
        weight: The rows' weights, shape (n,).
        groups: The rows' groups, shape (n,). No fold has a group on both sides.
        seed: For folds and samples.
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
    """Return out-of-fold probabilities, shape (n,). The arguments are those of `fit_logistic`."""
    fold = assign_folds(truth, FOLDS + 1, seed + 1, [str(g) for g in groups])
    predicted = np.empty(len(rows))
    for number in np.unique(fold):
        inside, out = fold != number, fold == number
        predicted[out] = fit_logistic(rows[inside], truth[inside], weight[inside], groups[inside], seed).predict(
            rows[out]
        )
    return predicted


def is_learnable(truth: Truth, groups: Labels) -> bool:
    """Return whether enough groups have either outcome."""
    return min(len(np.unique(groups[truth])), len(np.unique(groups[~truth]))) >= RARE


def _choose_strength(rows: Floats, truth: Truth, weight: Floats, fold: Labels, seed: int) -> float:
    """Return the strength with the least out-of-fold log-loss, on a sample: it hardly depends on the rows."""
    some = np.sort(np.random.default_rng(seed).permutation(len(rows))[:SAMPLE])
    part = rows[some], truth[some], weight[some], fold[some]
    if any(len(set(part[1][part[3] != i].tolist())) < 2 for i in np.unique(part[3])):
        return STRENGTHS[len(STRENGTHS) // 2]
    return min(STRENGTHS, key=lambda c: _compute_log_loss(part[1], _cross_predict_logits(*part, c), part[2]))


def _cross_predict_logits(rows: Floats, truth: Truth, weight: Floats, fold: Labels, strength: float) -> Floats:
    """Return the log-odds of each row by a fit to the other folds."""
    logits = np.empty(len(rows))
    for number in np.unique(fold):
        inside, out = fold != number, fold == number
        weights, bias = _fit_line(rows[inside], truth[inside], weight[inside], strength)
        logits[out] = rows[out] @ weights + bias
    return logits


def _fit_line(rows: Floats, truth: Truth, weight: Floats, strength: float) -> tuple[Floats, float]:
    """Return weights and bias for unscaled rows, fitted to standardised ones."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    same = scale < SCALED_FROM
    scaled = np.where(same, 0.0, (rows - mean) / np.where(same, 1.0, scale))
    line = LogisticRegression(C=strength, max_iter=2000).fit(scaled, truth, weight)
    weights = np.where(same, 0.0, line.coef_[0] / np.where(same, 1.0, scale))
    return weights, float(line.intercept_[0] - weights @ mean)


def _fit_sigmoid(logits: Floats, truth: Truth, weight: Floats) -> tuple[float, float]:
    """Return the slope and the shift that calibrate out-of-fold log-odds; 1 and 0 if the slope is not positive."""
    line = LogisticRegression(C=1e4, max_iter=2000).fit(logits[:, None], truth, weight)
    slope = float(line.coef_[0, 0])
    return (slope, float(line.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _compute_log_loss(truth: Truth, logits: Floats, weight: Floats) -> float:
    return float(log_loss(truth, 1 / (1 + np.exp(-np.clip(logits, -30, 30))), sample_weight=weight))
