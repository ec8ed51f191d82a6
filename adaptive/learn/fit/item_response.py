"""Item response theory: how hard questions are and how able models, from who solved what.

The two-parameter logistic model (Birnbaum, in Lord and Novick 1968): logit P(model m solves question q) = slope_m
* (ability_m - b_q). It is fitted to several data sets at once, so that difficulties are on one scale: models that
answered several sets link them, and each may be somewhat better or worse at one of them.

Only training needs it, since it imports scipy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

SPREAD_MODEL, SPREAD_SET, SPREAD_SLOPE, SPREAD_MEAN = 3.0, 0.5, 0.5, 3.0
"""Standard deviations of the priors: of a model's intercept, of a set's addition to it, of a log slope, and of a
set's mean difficulty. Difficulties have the standard deviation 1 around that mean, which fixes the scale."""
STEPS = 800


@dataclass(frozen=True)
class Responses:
    """Right and wrong answers of one data set. solved: shape (n, models), NaN if there is no answer."""

    models: tuple[str, ...]
    solved: Floats


@dataclass(frozen=True)
class ItemResponseFit:
    """Fitted parameters, in logits of a model of average slope.

    b: the difficulties of each data set's questions, shape (n,). variance: the variances of these, from the
    information in the answers and the prior. slopes: of each model, with the geometric mean 1.
    """

    b: tuple[Floats, ...]
    variance: tuple[Floats, ...]
    slopes: dict[str, float]


@dataclass(frozen=True)
class _AnswerTable:
    """All answers as columns: question, model and set of each, and whether it is right."""

    question: Numbers
    model: Numbers
    place: Numbers
    right: Floats
    names: tuple[str, ...]
    of_question: Numbers

    @classmethod
    def from_responses(cls, sets: Sequence[Responses]) -> _AnswerTable:
        names = tuple(sorted({name for one in sets for name in one.models}))
        number = {name: i for i, name in enumerate(names)}
        parts, start = [], 0
        for k, one in enumerate(sets):
            row, column = np.nonzero(~np.isnan(one.solved))
            model = np.array([number[name] for name in one.models], dtype=np.int64)[column]
            parts.append((row + start, model, model * len(sets) + k, one.solved[row, column]))
            start += len(one.solved)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        of_question = np.concatenate([np.full(len(one.solved), k) for k, one in enumerate(sets)])
        question, model, place, right = columns
        return cls(question, model, place, right, names, of_question)


def fit_item_response(sets: Sequence[Responses]) -> ItemResponseFit:
    """Return the most likely difficulties given the answers and the priors (MAP, by L-BFGS)."""
    table = _AnswerTable.from_responses(sets)
    sizes = (len(table.names), len(table.names) * len(sets), len(table.names), len(sets), len(table.of_question))
    cuts = np.cumsum(sizes)[:-1]
    scales = (SPREAD_MODEL, SPREAD_SET, SPREAD_SLOPE, SPREAD_MEAN, 1.0)
    precision = np.repeat(1 / np.square(scales), sizes)

    def loss(x: Floats) -> tuple[float, Floats]:
        _, adds, logs, means, b = np.split(x, cuts)
        slope = np.exp(np.clip(logs, -4, 4))[table.model]
        hard = (b + means[table.of_question])[table.question]
        z = x[table.model] + adds[table.place] - slope * hard
        off = _sigmoid(z) - table.right
        on_b = np.bincount(table.question, -off * slope, sizes[4])
        gradient = (
            np.bincount(table.model, off, sizes[0]),
            np.bincount(table.place, off, sizes[1]),
            np.bincount(table.model, -off * slope * hard, sizes[2]),
            np.bincount(table.of_question, on_b, sizes[3]),
            on_b,
        )
        wrong = float((np.logaddexp(0, z) - table.right * z).sum() + 0.5 * (precision * x * x).sum())
        return wrong, np.concatenate(gradient) + precision * x

    best = minimize(loss, np.zeros(sum(sizes)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return _build_fit(best.x, table, cuts)


def _build_fit(x: Floats, table: _AnswerTable, cuts: Numbers) -> ItemResponseFit:
    """Return the parameters in logits, with a geometric mean of the slopes of 1."""
    intercepts, adds, logs, means, b = np.split(x, cuts)
    slope = np.exp(logs)
    hard = b + means[table.of_question]
    z = intercepts[table.model] + adds[table.place] - slope[table.model] * hard[table.question]
    p = _sigmoid(z)
    information = np.bincount(table.question, slope[table.model] ** 2 * p * (1 - p), len(b)) + 1
    unit = float(np.exp(logs.mean()))
    ends = np.cumsum(np.bincount(table.of_question))[:-1]
    slopes = dict(zip(table.names, (slope / unit).tolist(), strict=True))
    return ItemResponseFit(
        tuple(np.split(hard * unit, ends)), tuple(np.split(unit**2 / information, ends)), slopes
    )


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -40, 40))))
