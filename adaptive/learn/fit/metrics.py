"""Measures a difficulty model on its out-of-fold predictions.

numpy alone, without `sklearn.metrics`: `adaptive.bench` measures with these too and must not pay for that import,
and the figures in profiles stay the same to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.fit.thresholds import estimate_share
from adaptive.profile.difficulty import name_level

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]
FitOnRows = Callable[[Labels], Callable[[Labels], Floats]]

LEVELS = ("easy", "medium", "hard")
MANY = 2000
"""From so many questions on, one quarter is held out; with fewer, every fifth in turn."""


def predict_held_out(fit: FitOnRows, fold: Labels) -> tuple[Labels, Floats]:
    """Return out-of-fold predictions: the rows, shape (m,), and p(solved) of each, shape (m, rungs).

    Args:
        fit: Fits a model to rows, and returns what predicts for rows.
        fold: The fold of each row, from `assign_folds`.
    """
    rows, predicted = [], []
    for number in range(1 if len(fold) >= MANY else fold.max() + 1):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if len(outside):
            rows.append(outside)
            predicted.append(fit(inside)(outside))
    return np.concatenate(rows), np.concatenate(predicted)


def count_folds(count: int) -> int:
    """Return the number of folds for so many questions."""
    return 4 if count >= MANY else 5


def measure_difficulty(solved: Solved, predicted: Floats, all_solved: Solved) -> dict[str, Any]:
    """Return figures in plain JSON types.

    Args:
        solved: Whether each rung solves each held-out question, shape (m, rungs).
        predicted: The out-of-fold p(solved), shape (m, rungs).
        all_solved: The same as `solved` for all questions, shape (n, rungs). Their shares are the baseline.
    """
    rungs = predicted.shape[1]
    return {
        "questions": len(all_solved),
        "held_out": len(solved),
        "shares": [
            round(float(s), 4)
            for s in np.bincount(find_cheapest_rung(all_solved), minlength=rungs + 1) / len(all_solved)
        ],
        "level": _measure_levels(solved, predicted, all_solved),
        "rungs": [
            measure_rung(solved[:, k], predicted[:, k], float(np.mean(all_solved[:, k]))) for k in range(rungs)
        ],
        "reliability": compute_reliability(solved, predicted),
    }


def find_cheapest_rung(solved: Solved) -> Labels:
    """Return the cheapest rung that solves each question, or the number of rungs if none does; shape (n,)."""
    return np.asarray(np.where(solved.any(axis=1), solved.argmax(axis=1), solved.shape[1]))


def compute_auroc(truth: NDArray[np.bool_], scores: Floats) -> float | None:
    """Return the probability that a true row scores above a false one, ties half; None if one is missing."""
    true, false = int(truth.sum()), int((~truth).sum())
    if not true or not false:
        return None
    _, first, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[first]
    return float((rank[truth].sum() - true * (true + 1) / 2) / (true * false))


def _measure_levels(solved: Solved, predicted: Floats, all_solved: Solved) -> dict[str, Any]:
    """Return how often the level is right, and how often the most frequent level would be."""
    rungs = predicted.shape[1]
    names = [name_level(row) for row in predicted]
    table = [[0] * len(LEVELS) for _ in LEVELS]
    for label, name in zip(find_cheapest_rung(solved), names, strict=True):
        table[_label_to_level(label, rungs)][LEVELS.index(name)] += 1
    accuracy, low, high = estimate_share(sum(table[i][i] for i in range(len(LEVELS))), len(solved))
    usual = np.bincount(
        [_label_to_level(k, rungs) for k in find_cheapest_rung(all_solved)], minlength=len(LEVELS)
    ).argmax()
    base = sum(table[usual]) / max(1, len(solved))
    return {"accuracy": accuracy, "low": low, "high": high, "base": base, "table": table}


def _label_to_level(label: int, rungs: int) -> int:
    return 0 if label == 0 else 2 if label == rungs else 1


def measure_rung(solved: NDArray[np.bool_], p: Floats, base: float) -> dict[str, float | None]:
    """Return Brier score, log-loss (in nats) and AUROC, and the first two for always predicting the base rate.

    Args:
        solved: Whether the rung solves each question, shape (m,).
        p: The predictions, shape (m,).
        base: The base rate.
    """
    usual = np.full(len(p), base)
    return {
        "solved": float(np.mean(solved)),
        "brier": float(np.mean((p - solved) ** 2)),
        "brier_base": float(np.mean((usual - solved) ** 2)),
        "log_loss": _compute_log_loss(solved, p),
        "log_loss_base": _compute_log_loss(solved, usual),
        "auroc": compute_auroc(solved, p),
    }


def _compute_log_loss(truth: NDArray[np.bool_], p: Floats) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(truth, np.log(p), np.log(1 - p))))


def compute_reliability(solved: NDArray[np.bool_], p: Floats) -> list[dict[str, float | int]]:
    """Return count, mean prediction and share solved by tenths of the prediction, over all rungs."""
    tenth = np.minimum((p * 10).astype(np.int64), 9)
    rows: list[dict[str, float | int]] = []
    for number in range(10):
        inside = tenth == number
        if inside.any():
            predicted, observed = float(p[inside].mean()), float(solved[inside].mean())
            rows.append(
                {"from": number / 10, "count": int(inside.sum()), "predicted": predicted, "solved": observed}
            )
    return rows
