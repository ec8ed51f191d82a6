"""Fits the difficulty model with scikit-learn, and keeps it in a skops file.

For each rung, whether it solves a question is a logistic regression over the features: its strength
of regularisation chosen by cross-validated log-loss, its probabilities calibrated (Platt's sigmoid) on
predictions of rows it was not fitted to. One regression a rung did as well as or better than one over all
levels, and than boosted trees, which besides cannot be loaded from a file that is not trusted.

This module imports scikit-learn, which takes more than a second: only training needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from adaptive.errors import InputError
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.skops_io import BROKEN, read_skops, shorten_error, write_skops
from adaptive.profile.difficulty import DifficultyModel, to_monotone_probabilities
from adaptive.profile.features import COUNTS
from adaptive.profile.weights import SKOPS

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Solved = NDArray[np.bool_]
Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]

TRUSTED = ("sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration")
"""Types beyond scikit-learn's estimators and numpy's arrays that a model file may hold."""

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)
VOCABULARY = 2000
LEAST_WITH = 3
"""Questions that must have a token for it to be learned from."""
FOLDS = 4
LEAST = 30
"""Questions that are needed to train at all."""
RARE = 8
"""A rung that fewer questions reach, or miss, has their share for a probability, whatever the question."""
SAMPLE = 3000
"""Rows on which the strength of regularisation is chosen."""
LARGEST = 200_000_000
"""Bytes that a model file may unpack to."""


def assign_folds(
    labels: Sequence[int] | NDArray[Any], count: int, seed: int, groups: Sequence[str] | None = None
) -> Labels:
    """A fold for each row, 0..count-1, with the labels dealt out evenly however rare one is; shape (n,).

    Rows of one group are in one fold: then it is the labels of the groups' first rows that are dealt out.
    """
    values = np.asarray(labels)
    if groups is not None:
        _, leaders, group = np.unique(np.asarray(groups, dtype=np.str_), return_index=True, return_inverse=True)
        return assign_folds(values[leaders], count, seed)[group]
    order = np.lexsort((np.random.default_rng(seed).permutation(len(values)), values))
    fold = np.empty(len(values), dtype=np.int64)
    fold[order] = np.arange(len(values)) % count
    return fold


@dataclass(frozen=True)
class TrainedDifficulty:
    """Fitted estimators.

    vocabulary: the tokens whose presence counts. scaler: standardises the counts. rungs: for each rung a
    calibrated classifier over both, or one probability for every question.
    """

    vocabulary: tuple[str, ...]
    scaler: StandardScaler
    rungs: tuple[CalibratedClassifierCV | float, ...]

    @classmethod
    def fit(
        cls, questions: Sequence[str], solved: Solved, seed: int = 0, groups: Sequence[str] | None = None
    ) -> TrainedDifficulty:
        """Fit on questions and whether each rung solves them, shape (n, rungs).

        groups: a name for each question; strength and calibration are chosen across groups. Raises `InputError`
        where there is too little to learn from.
        """
        check_trainable(solved)
        return cls.refit(Corpus.read(questions), solved, seed, groups)

    @classmethod
    def refit(
        cls,
        corpus: Corpus,
        solved: Solved,
        seed: int = 0,
        groups: Sequence[str] | None = None,
        observed: Solved | None = None,
    ) -> TrainedDifficulty:
        """Fit on a part of questions that were enough, to measure on the rest.

        known: the shape of `solved`, whether that is known; each rung is fitted to the questions that have it.
        """
        observed = np.ones_like(solved) if observed is None else observed
        words = tuple(corpus.find_frequent_tokens(LEAST_WITH, VOCABULARY)) or ("?",)
        scaler = StandardScaler().fit(corpus.counts)
        with threadpool_limits(limits=1):  # the matrices are small and sparse: more threads make it slower
            rows = corpus.to_matrix(words, scaler.transform(corpus.counts))
            fitted = (
                _fit_observed(rows, *column, seed, groups) for column in zip(solved.T, observed.T, strict=True)
            )
            return cls(words, scaler, tuple(fitted))

    def p_solved(self, corpus: Corpus) -> Floats:
        """What `to_model().p_solved` gives for these questions, shape (n, rungs)."""
        rows = corpus.to_matrix(self.vocabulary, self.scaler.transform(corpus.counts))
        weights, bias = (np.stack(part) for part in zip(*map(self._to_linear, self.rungs), strict=True))
        return to_monotone_probabilities(rows @ weights.T + bias)

    def to_model(self) -> DifficultyModel:
        """The same predictions as plain weights, the scaling of the counts folded into them."""
        weights, bias = (np.stack(part) for part in zip(*map(self._to_linear, self.rungs), strict=True))
        counts = len(COUNTS)
        on_counts = weights[:, :counts] / self.scaler.scale_
        return DifficultyModel(
            self.vocabulary, weights[:, counts:], on_counts, bias - on_counts @ self.scaler.mean_
        )

    def rank_weights(self) -> list[list[tuple[str, float]]]:
        """For each rung what its log-odds weigh, the heaviest first: counts for a standard deviation, tokens as
        they are (there or not)."""
        names = (*COUNTS, *self.vocabulary)
        lines = (self._to_linear(rung)[0] for rung in self.rungs)
        return [
            sorted((z for z in zip(names, w.tolist(), strict=True) if z[1]), key=lambda z: -abs(z[1]))
            for w in lines
        ]

    def _to_linear(self, rung: CalibratedClassifierCV | float) -> tuple[NDArray[np.float64], np.float64]:
        """Weights and bias that give a rung's log-odds from its features."""
        if isinstance(rung, float):
            return np.zeros(len(COUNTS) + len(self.vocabulary)), np.float64(np.log(rung / (1 - rung)))
        fitted = rung.calibrated_classifiers_[0]
        line, sigmoid = fitted.estimator, fitted.calibrators[0]
        return -sigmoid.a_ * line.coef_[0], -sigmoid.a_ * line.intercept_[0] - sigmoid.b_

    def save(self, folder: Path) -> None:
        """Write the skops file into `folder`, and the weights that solving reads."""
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary = np.asarray(self.vocabulary, dtype=np.str_)
        write_skops(folder / SKOPS, {"vocabulary": vocabulary, "scaler": self.scaler, "rungs": list(self.rungs)})
        self.to_model().save(folder)

    @classmethod
    def load(cls, file: Path) -> TrainedDifficulty:
        """What `save` wrote; raises `InputError` for a damaged file and for types that are not `TRUSTED`."""
        try:
            held = read_skops(file, TRUSTED, LARGEST)
            trained = cls(tuple(map(str, held["vocabulary"])), held["scaler"], tuple(held["rungs"]))
            trained.to_model()
        except BROKEN as error:
            raise InputError(
                f"the difficulty model {file} is damaged ({shorten_error(error)}): train it again."
            ) from error
        return trained


def check_trainable(solved: Solved) -> None:
    """Raise `InputError` where no rung has enough of both, solved and not."""
    count = len(solved)
    if count < LEAST:
        raise InputError(f"{count} labelled questions are too few to train on: give at least {LEAST}.")
    if not any(_is_learnable(column) for column in solved.T):
        raise InputError(
            f"the {count} questions are too much alike to train on, at each rung nearly all are solved or "
            "nearly none: add harder or easier ones."
        )


def _is_learnable(solved: NDArray[np.bool_]) -> bool:
    """Whether there is enough of both, in a sample too, for every fold."""
    least = max(RARE, len(solved) // 400)
    return bool(least <= solved.sum() <= len(solved) - least)


def _fit_observed(
    rows: Any, solved: NDArray[np.bool_], observed: NDArray[np.bool_], seed: int, groups: Sequence[str] | None
) -> CalibratedClassifierCV | float:
    """`_fit_rung` on the rows of which it is known whether the rung solves them."""
    some = np.flatnonzero(observed)
    return _fit_rung(rows[some], solved[some], seed, None if groups is None else [groups[int(i)] for i in some])


def _fit_rung(
    rows: Any, solved: NDArray[np.bool_], seed: int, groups: Sequence[str] | None
) -> CalibratedClassifierCV | float:
    """The calibrated classifier of one rung, or its smoothed share where there is nothing to tell apart."""
    splits = _make_splits(solved, seed, groups)
    if not _is_learnable(solved) or not _have_both_classes(solved, splits):
        return float((solved.sum() + 1) / (len(solved) + 2))
    best = _make_classifier(_choose_strength(rows, solved, seed, groups))
    return CalibratedClassifierCV(best, method="sigmoid", cv=splits, ensemble=False).fit(rows, solved)


def _choose_strength(rows: Any, solved: NDArray[np.bool_], seed: int, groups: Sequence[str] | None) -> float:
    """The strength with the least cross-validated log-loss, on a sample: it hardly changes with the rows."""
    some = np.flatnonzero(assign_folds(solved, -(-len(solved) // SAMPLE), seed) == 0)
    sample, truth = rows[some], solved[some]
    splits = _make_splits(truth, seed, None if groups is None else [groups[int(i)] for i in some])
    if not _have_both_classes(truth, splits):
        return STRENGTHS[len(STRENGTHS) // 2]

    def loss(strength: float) -> float:
        p = cross_val_predict(_make_classifier(strength), sample, truth, cv=splits, method="predict_proba")
        return float(log_loss(truth, p))

    return min(STRENGTHS, key=loss)


def _make_splits(solved: NDArray[np.bool_], seed: int, groups: Sequence[str] | None) -> Splits:
    """Rows to fit on and rows to predict, for each fold; a fold that few groups left empty is none."""
    fold = assign_folds(solved, FOLDS, seed, groups)
    parts = ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(FOLDS))
    return [(inside, outside) for inside, outside in parts if len(outside)]


def _have_both_classes(solved: NDArray[np.bool_], splits: Splits) -> bool:
    """Whether every fit sees some that are solved and some that are not: few large groups may not allow it."""
    return all(0 < solved[inside].sum() < len(inside) for inside, _ in splits)


def _make_classifier(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000, tol=1e-3)
