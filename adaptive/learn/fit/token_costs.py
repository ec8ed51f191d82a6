"""Fits how many tokens an attempt at each rung takes, from the question's features.

A ridge regression of the logarithm for each rung. The exponential of its prediction is a median rather than a
mean, so it is scaled until out-of-fold predictions have the mean of the recorded tokens (smearing: Duan 1983,
"Smearing estimate: a nonparametric retransformation method", JASA 78). On o3-mini's answers to ChemIQ this had a
lower deviance than a quasi-Poisson regression, at every effort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict

Floats = NDArray[np.float64]
Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]

STRENGTHS = (1.0, 10.0, 100.0)
BOUNDS = (0.01, 0.99)
"""The quantiles of the recorded tokens that bound a prediction."""
WORTHS = (0.1, 1000.0)
"""The least and the most worth of a right answer that is tried, in mean attempts."""
NEARLY = 0.01
"""The accuracy that may be lost for fewer tokens."""


@dataclass(frozen=True)
class TokenFit:
    """Fitted regressions, one for each rung.

    shift: what is added to the logarithm, shape (rungs,). least, most: bounds of it, of the same shape.
    """

    lines: tuple[Ridge, ...]
    shift: Floats
    least: Floats
    most: Floats

    @classmethod
    def fit(cls, rows: Any, tokens: Floats, splits: Splits) -> TokenFit:
        """Fit to recorded attempts.

        Args:
            rows: The questions' features, sparse, shape (n, features).
            tokens: The tokens of each attempt, shape (n, rungs).
            splits: Rows to fit to and rows to predict, which choose the strength and the shift.
        """
        logs = np.log(np.maximum(tokens, 1.0))
        fitted = [_fit_line(rows, column, splits) for column in logs.T]
        least, most = (np.quantile(logs, q, axis=0) for q in BOUNDS)
        unscaled = cls(tuple(line for line, _ in fitted), np.zeros(len(fitted)), least, most)
        held_out = np.exp(np.clip(np.column_stack([p for _, p in fitted]), least, most))
        return cls(unscaled.lines, np.log(tokens.mean(axis=0) / held_out.mean(axis=0)), least, most)

    def to_linear(self) -> tuple[Floats, Floats]:
        """Return the weights, shape (rungs, features), and the biases, shape (rungs,)."""
        return np.stack([line.coef_ for line in self.lines]), self.shift + [line.intercept_ for line in self.lines]

    def predict(self, rows: Any) -> Floats:
        """Return mean tokens, shape (n, rungs)."""
        weights, bias = self.to_linear()
        return np.asarray(np.exp(np.clip(rows @ weights.T + bias, self.least, self.most)))


def _fit_line(rows: Any, logs: Floats, splits: Splits) -> tuple[Ridge, Floats]:
    """Return the line of the strength that predicts best out of fold, and those predictions."""
    if not splits:
        line = _make_line(STRENGTHS[-1]).fit(rows, logs)
        return line, line.predict(rows)
    held_out = {
        strength: np.asarray(cross_val_predict(_make_line(strength), rows, logs, cv=splits))
        for strength in STRENGTHS
    }
    best = min(STRENGTHS, key=lambda strength: float(np.mean((held_out[strength] - logs) ** 2)))
    return _make_line(best).fit(rows, logs), held_out[best]


def _make_line(strength: float) -> Ridge:
    return Ridge(alpha=strength, solver="sparse_cg", tol=1e-4)


def measure_tokens(tokens: Floats, predicted: Floats) -> list[dict[str, float]]:
    """Return figures of out-of-fold predictions, for each rung.

    Args:
        tokens: Recorded, shape (m, rungs).
        predicted: Of the same shape.

    Returns:
        The mean, the mean prediction, and the share of the spread of the logarithms that is explained.
    """
    figures = []
    for column, p in zip(tokens.T, predicted.T, strict=True):
        logs, residual = np.log(np.maximum(column, 1.0)), np.log(np.maximum(column, 1.0) / p)
        spread = float(np.var(logs))
        explained = 1 - float(np.var(residual)) / spread if spread > 0 else 0.0
        figures.append(
            {
                "mean": round(float(column.mean()), 1),
                "predicted": round(float(p.mean()), 1),
                "explained": round(explained, 4),
            }
        )
    return figures


def choose_default_worth(solved: NDArray[np.bool_], p_solved: Floats, tokens: Floats, forecast: Floats) -> float:
    """Return the least worth of a right answer at which choosing by it is about as accurate as the best rung.

    Args:
        solved: Whether each rung solves each question, shape (m, rungs).
        p_solved: Out-of-fold, of the same shape.
        tokens: Recorded, of the same shape.
        forecast: Out-of-fold mean tokens, of the same shape.
    """
    right = solved.astype(np.float64)
    needed = float(right.mean(axis=0).max()) - NEARLY
    rows = np.arange(len(right))
    worths = np.geomspace(WORTHS[0] * tokens.mean(), WORTHS[1] * tokens.mean(), 60).round(1).tolist()
    for worth in worths:
        chosen = np.argmax(worth * p_solved - forecast, axis=1)
        if right[rows, chosen].mean() >= needed:
            break
    return float(worth)
