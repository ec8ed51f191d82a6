"""Measures a difficulty model on questions that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.difficulty import level
from adaptive.learn.gate import share

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Predict = Callable[[Sequence[str]], Floats]
Fit = Callable[[Sequence[str], Sequence[int]], Predict]

LEVELS = ("easy", "medium", "hard")
MANY = 2000
"""From so many questions on one quarter is held out; with fewer, every fifth in turn."""


def held_out(fit: Fit, questions: Sequence[str], labels: Sequence[int], fold: Labels) -> tuple[Labels, Floats]:
    """Rows and what models predict for them that were fitted to the others: shapes (m,) and (m, rungs).

    `questions` must be distinct, or a question would be on both sides. `fold` is from `folds_of`.
    """
    rows, predicted = [], []
    for number in range(1 if len(fold) >= MANY else fold.max() + 1):
        inside, outside = (np.flatnonzero(part).tolist() for part in (fold != number, fold == number))
        predict = fit([questions[i] for i in inside], [labels[i] for i in inside])
        rows.append(outside)
        predicted.append(predict([questions[i] for i in outside]))
    return np.concatenate(rows), np.concatenate(predicted)


def measure(labels: Labels, predicted: Floats, known: Labels) -> dict[str, Any]:
    """Figures in plain JSON types.

    labels: shape (m,), the cheapest rung that solves each held-out question, `rungs` for none. predicted:
    shape (m, rungs). known: the labels of all questions, whose shares are what the model must beat.
    """
    rungs = predicted.shape[1]
    return {
        "questions": len(known),
        "held_out": len(labels),
        "shares": [round(float(np.mean(known == k)), 4) for k in range(rungs + 1)],
        "level": _level_figures(labels, predicted, known),
        "rungs": [_rung_figures(labels <= k, predicted[:, k], float(np.mean(known <= k))) for k in range(rungs)],
        "reliability": _reliability(labels[:, None] <= np.arange(rungs), predicted),
    }


def auroc(truth: NDArray[np.bool_], scores: Floats) -> float | None:
    """The chance that a true row scores higher than a false one, ties half; None if there is one kind."""
    true, false = int(truth.sum()), int((~truth).sum())
    if not true or not false:
        return None
    _, first, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[first]
    return float((rank[truth].sum() - true * (true + 1) / 2) / (true * false))


def _level_figures(labels: Labels, predicted: Floats, known: Labels) -> dict[str, Any]:
    """How often the level is right, against always naming the most frequent one."""
    rungs = predicted.shape[1]
    names = [level(row) for row in predicted]
    table = [[0] * len(LEVELS) for _ in LEVELS]
    for label, name in zip(labels, names, strict=True):
        table[_true_level(label, rungs)][LEVELS.index(name)] += 1
    accuracy, low, high = share(sum(table[i][i] for i in range(len(LEVELS))), len(labels))
    usual = np.bincount([_true_level(k, rungs) for k in known], minlength=len(LEVELS)).argmax()
    base = sum(table[usual]) / max(1, len(labels))
    return {"accuracy": accuracy, "low": low, "high": high, "base": base, "table": table}


def _true_level(label: int, rungs: int) -> int:
    return 0 if label == 0 else 2 if label == rungs else 1


def _rung_figures(solved: NDArray[np.bool_], p: Floats, base: float) -> dict[str, float | None]:
    """Brier score and log-loss (in nats), the same for always predicting the base rate, and the AUROC."""
    usual = np.full(len(p), base)
    return {
        "solved": float(np.mean(solved)),
        "brier": float(np.mean((p - solved) ** 2)),
        "brier_base": float(np.mean((usual - solved) ** 2)),
        "log_loss": _log_loss(solved, p),
        "log_loss_base": _log_loss(solved, usual),
        "auroc": auroc(solved, p),
    }


def _log_loss(truth: NDArray[np.bool_], p: Floats) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(truth, np.log(p), np.log(1 - p))))


def _reliability(solved: NDArray[np.bool_], p: Floats) -> list[dict[str, float | int]]:
    """All rungs together, by tenths of the predicted probability: how many, mean predicted, share solved."""
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
