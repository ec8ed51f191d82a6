"""Fits the difficulty model with scikit-learn, and keeps it in a skops file.

Each rung has a logistic regression over the features. Its strength of regularisation has the least cross-validated
log-loss, and its probabilities are calibrated (Platt's sigmoid) on out-of-fold predictions. One regression per
rung did as well as or better than one over all levels, and than boosted trees, which cannot be loaded from an
untrusted file.

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
from adaptive.learn.fit.token_costs import TokenFit
from adaptive.profile.difficulty import DifficultyModel, TokenWeights, to_probabilities
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
"""A token is used only if at least so many questions have it."""
FOLDS = 4
LEAST = 30
"""The fewest questions to train on."""
RARE = 8
"""If fewer questions than this are solved at a rung, or not solved, it gets one probability for every question."""
SAMPLE = 3000
"""The number of rows on which the strength of regularisation is chosen."""
LARGEST = 200_000_000
"""The most bytes that a model file may unpack to."""


def assign_folds(
    labels: Sequence[int] | NDArray[Any], count: int, seed: int, groups: Sequence[str] | None = None
) -> Labels:
    """Return a fold for each row, 0..count-1, shape (n,). Each fold gets an equal share of every label.

    It is by hand: scikit-learn's `StratifiedGroupKFold` makes other folds, so that trained profiles would change.

    Args:
        labels: The rows' labels, shape (n,).
        count: The number of folds.
        seed: Shuffles rows of equal labels.
        groups: The rows' groups. Rows of one group share a fold, which the label of the group's first row decides.
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
    calibrated classifier over both, or one probability for every question. costs: the tokens of each rung; None if
    they were not given.
    """

    vocabulary: tuple[str, ...]
    scaler: StandardScaler
    rungs: tuple[CalibratedClassifierCV | float, ...]
    costs: TokenFit | None = None

    @classmethod
    def fit(
        cls, questions: Sequence[str], solved: Solved, seed: int = 0, groups: Sequence[str] | None = None
    ) -> TrainedDifficulty:
        """Fit to questions.

        Args:
            questions: Their texts.
            solved: Whether each rung solves them, shape (n, rungs).
            seed: For folds and samples.
            groups: The group of each question. Strength and calibration are chosen across groups.

        Raises:
            InputError: There is too little to learn from.
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
        tokens: Floats | None = None,
    ) -> TrainedDifficulty:
        """Fit to a part of the questions, without the check of `fit`, to measure on the rest.

        The arguments are those of `fit`. observed: whether each value of `solved` was observed, of the same shape;
        each rung is fitted to the questions at which it was. tokens: what each attempt took, of the same shape,
        NaN if that is not known.
        """
        observed = np.ones_like(solved) if observed is None else observed
        words = tuple(corpus.find_frequent_tokens(LEAST_WITH, VOCABULARY)) or ("?",)
        scaler = StandardScaler().fit(corpus.counts)
        with threadpool_limits(limits=1):  # the matrices are small and sparse: more threads make it slower
            rows = corpus.to_matrix(words, scaler.transform(corpus.counts))
            rungs = (
                _fit_observed(rows, *column, seed, groups) for column in zip(solved.T, observed.T, strict=True)
            )
            costs = None if tokens is None else _fit_costs(rows, tokens, solved, seed, groups)
            return cls(words, scaler, tuple(rungs), costs)

    def forecast(self, corpus: Corpus) -> tuple[Floats, Floats | None]:
        """Return the same as `to_model().forecast` for these questions."""
        rows = corpus.to_matrix(self.vocabulary, self.scaler.transform(corpus.counts))
        weights, bias = (np.stack(part) for part in zip(*map(self._to_linear, self.rungs), strict=True))
        p = to_probabilities(rows @ weights.T + bias)
        return p, None if self.costs is None else self.costs.predict(rows)

    def p_solved(self, corpus: Corpus) -> Floats:
        """Return the same as `to_model().p_solved` for these questions, shape (n, rungs)."""
        return self.forecast(corpus)[0]

    def to_model(self) -> DifficultyModel:
        """Return plain weights with the same predictions. They contain the scaling of the counts."""
        weights, bias = (np.stack(part) for part in zip(*map(self._to_linear, self.rungs), strict=True))
        costs = None
        if self.costs is not None:
            plain = self._unscale(*self.costs.to_linear())
            costs = TokenWeights(*plain, self.costs.least, self.costs.most)
        return DifficultyModel(self.vocabulary, *self._unscale(weights, bias), costs)

    def _unscale(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats, Floats]:
        """Return weights of tokens, weights of counts that are not scaled, and the biases for these."""
        counts = len(COUNTS)
        on_counts = weights[:, :counts] / self.scaler.scale_
        return weights[:, counts:], on_counts, bias - on_counts @ self.scaler.mean_

    def rank_weights(self) -> list[list[tuple[str, float]]]:
        """Return the weights of each rung's log-odds, the heaviest first: of a count per standard deviation, of a
        token for its presence."""
        names = (*COUNTS, *self.vocabulary)
        lines = (self._to_linear(rung)[0] for rung in self.rungs)
        return [
            sorted((z for z in zip(names, w.tolist(), strict=True) if z[1]), key=lambda z: -abs(z[1]))
            for w in lines
        ]

    def _to_linear(self, rung: CalibratedClassifierCV | float) -> tuple[NDArray[np.float64], np.float64]:
        """Return the weights and the bias of a rung's log-odds."""
        if isinstance(rung, float):
            return np.zeros(len(COUNTS) + len(self.vocabulary)), np.float64(np.log(rung / (1 - rung)))
        fitted = rung.calibrated_classifiers_[0]
        line, sigmoid = fitted.estimator, fitted.calibrators[0]
        return -sigmoid.a_ * line.coef_[0], -sigmoid.a_ * line.intercept_[0] - sigmoid.b_

    def save(self, folder: Path) -> None:
        """Write the skops file into `folder`, and the weights that a solve reads."""
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary = np.asarray(self.vocabulary, dtype=np.str_)
        parts = {"vocabulary": vocabulary, "scaler": self.scaler, "rungs": list(self.rungs)}
        if self.costs is not None:
            parts["costs"] = {**vars(self.costs), "lines": list(self.costs.lines)}
        write_skops(folder / SKOPS, parts)
        self.to_model().save(folder)

    @classmethod
    def load(cls, file: Path) -> TrainedDifficulty:
        """Read what `save` wrote; raise `InputError` if it is damaged or has types that are not `TRUSTED`."""
        try:
            parts = read_skops(file, TRUSTED, LARGEST)
            costs = parts.get("costs")
            costs = None if costs is None else TokenFit(**{**costs, "lines": tuple(costs["lines"])})
            trained = cls(tuple(map(str, parts["vocabulary"])), parts["scaler"], tuple(parts["rungs"]), costs)
            trained.to_model()
        except BROKEN as error:
            raise InputError(
                f"the difficulty model {file} is damaged ({shorten_error(error)}): train it again."
            ) from error
        return trained


def check_trainable(solved: Solved) -> None:
    """Raise `InputError` unless some rung has enough questions that are solved, and enough that are not."""
    count = len(solved)
    if count < LEAST:
        raise InputError(f"{count} labelled questions are too few to train on: give at least {LEAST}.")
    if not any(_is_learnable(column) for column in solved.T):
        raise InputError(
            f"the {count} questions are too much alike to train on, at each rung nearly all are solved or "
            "nearly none: add harder or easier ones."
        )


def _is_learnable(solved: NDArray[np.bool_]) -> bool:
    """Return whether enough are solved, and enough are not, for every fold, even in a sample."""
    least = max(RARE, len(solved) // 400)
    return bool(least <= solved.sum() <= len(solved) - least)


def _fit_observed(
    rows: Any, solved: NDArray[np.bool_], observed: NDArray[np.bool_], seed: int, groups: Sequence[str] | None
) -> CalibratedClassifierCV | float:
    """Fit a rung to the rows at which it was observed."""
    some = np.flatnonzero(observed)
    return _fit_rung(rows[some], solved[some], seed, None if groups is None else [groups[int(i)] for i in some])


def _fit_costs(rows: Any, tokens: Floats, solved: Solved, seed: int, groups: Sequence[str] | None) -> TokenFit:
    """Fit the tokens to the rows at which those of every rung are known."""
    known = np.flatnonzero(np.isfinite(tokens).all(axis=1))
    some = None if groups is None else [groups[int(i)] for i in known]
    splits = _make_splits(solved[known].sum(axis=1), seed, some)
    return TokenFit.fit(rows[known], tokens[known], splits if len(splits) > 1 else [])


def _fit_rung(
    rows: Any, solved: NDArray[np.bool_], seed: int, groups: Sequence[str] | None
) -> CalibratedClassifierCV | float:
    """Return the calibrated classifier of one rung, or its smoothed share if that is all there is to learn."""
    splits = _make_splits(solved, seed, groups)
    if not _is_learnable(solved) or not _have_both_classes(solved, splits):
        return float((solved.sum() + 1) / (len(solved) + 2))
    best = _make_classifier(_choose_strength(rows, solved, seed, groups))
    return CalibratedClassifierCV(best, method="sigmoid", cv=splits, ensemble=False).fit(rows, solved)


def _choose_strength(rows: Any, solved: NDArray[np.bool_], seed: int, groups: Sequence[str] | None) -> float:
    """Return the strength with the least cross-validated log-loss, on a sample: it hardly depends on the rows."""
    some = np.flatnonzero(assign_folds(solved, -(-len(solved) // SAMPLE), seed) == 0)
    sample, truth = rows[some], solved[some]
    splits = _make_splits(truth, seed, None if groups is None else [groups[int(i)] for i in some])
    if not _have_both_classes(truth, splits):
        return STRENGTHS[len(STRENGTHS) // 2]

    def loss(strength: float) -> float:
        p = cross_val_predict(_make_classifier(strength), sample, truth, cv=splits, method="predict_proba")
        return float(log_loss(truth, p))

    return min(STRENGTHS, key=loss)


def _make_splits(solved: NDArray[Any], seed: int, groups: Sequence[str] | None) -> Splits:
    """Return the rows to fit to and the rows to predict, for each fold that is not empty."""
    fold = assign_folds(solved, FOLDS, seed, groups)
    parts = ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(FOLDS))
    return [(inside, outside) for inside, outside in parts if len(outside)]


def _have_both_classes(solved: NDArray[np.bool_], splits: Splits) -> bool:
    """Return whether every fit sees both solved and unsolved questions, which a few large groups may prevent."""
    return all(0 < solved[inside].sum() < len(inside) for inside, _ in splits)


def _make_classifier(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000, tol=1e-3)
