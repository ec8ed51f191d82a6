"""Fits the general difficulty model with scikit-learn, and keeps it in a skops file.

Each kind of question has a ridge regression of the difficulties that item response theory found
(`adaptive.learn.fit.item_response`) on the terms (binary, inverse document frequency, unit length) and the
structure. Other figures that some questions have, such as the number of steps or a level ("asides"), get ridge
regressions of their own, whose predictions are further columns. The strength of regularisation and the weight of
these columns have the best cross-validated rank correlation. All of it is linear, so it becomes one weight per
term and kind.

Boosted trees blended with it brought less than 0.01 of AUROC in trials, and cannot be loaded from an untrusted
file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from adaptive.errors import InputError
from adaptive.learn.fit.skops_io import BROKEN, read_skops, shorten_error, write_skops
from adaptive.profile.general import QUESTION_KINDS, GeneralDifficulty, is_consistent
from adaptive.profile.general_features import compute_structure, extract_terms
from adaptive.profile.placement import Prior
from adaptive.profile.weights import SKOPS

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

LARGEST = 200_000_000
"""The most bytes that a model file may unpack to."""
STRENGTHS = (1.0, 3.0, 10.0)
ASIDES = (0.0, 0.1, 0.3)
"""Weights of a standard deviation of a predicted aside, beside a question's terms of length 1."""
STRUCTURE_SCALE = 0.05
"""The same weight for a figure of the structure."""
ASIDE_STRENGTH = 3.0
RARE = 4
"""A term is used only if at least so many questions have it."""
NEUTRAL = Prior(0.0, 2.0, 0.0, 0.3)


@dataclass(frozen=True)
class GeneralExamples:
    """n questions to learn from.

    kind: its index in `QUESTION_KINDS`. fold: its fold of cross-validation. b, variance: difficulty in logits and
    its uncertainty, NaN if nothing was recorded. asides: other figures, shape (n, A), NaN if a question has none.
    """

    questions: Sequence[str]
    kind: Numbers
    fold: Numbers
    b: Floats
    variance: Floats
    asides: Floats

    def select(self, rows: NDArray[np.bool_]) -> GeneralExamples:
        """Return only these rows."""
        questions = [q for q, selected in zip(self.questions, rows, strict=True) if selected]
        rest = (getattr(self, name)[rows] for name in ("kind", "fold", "b", "variance", "asides"))
        return GeneralExamples(questions, *rest)


@dataclass(frozen=True)
class Head:
    """The model of one kind. Its columns are terms, structure, and predicted asides times `aside`."""

    structure: StandardScaler
    asides: StandardScaler
    line: Ridge
    aside: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class TrainedGeneral:
    """Fitted estimators.

    rarity: the inverse document frequency of each term. out_of_fold: the out-of-fold prediction of each example's
    b.
    """

    vocabulary: tuple[str, ...]
    rarity: Floats
    structure: StandardScaler
    asides: tuple[Ridge, ...]
    gate: LogisticRegression
    heads: tuple[Head, ...]
    prior: Prior = NEUTRAL
    out_of_fold: Floats | None = None

    @classmethod
    def fit(cls, examples: GeneralExamples) -> TrainedGeneral:
        """Fit all but the prior, which needs the models' answers: see `with_prior`."""
        with threadpool_limits(limits=1):
            words = TfidfVectorizer(analyzer=extract_terms, binary=True, min_df=RARE)
            terms = words.fit_transform(examples.questions)
            figures = compute_structure(examples.questions)
            scaler = StandardScaler().fit(figures)
            columns = _stack_columns(terms, STRUCTURE_SCALE * scaler.transform(figures))
            asides = tuple(_fit_aside(columns, values) for values in examples.asides.T)
            predicted = np.stack([line.predict(columns) for line in asides], axis=1)
            gate = LogisticRegression(max_iter=2000).fit(scaler.transform(figures), examples.kind)
            crossed = np.full(len(examples.questions), np.nan)
            heads = tuple(
                _fit_head(k, examples, (terms, figures, predicted), crossed) for k in range(len(QUESTION_KINDS))
            )
        return cls(
            tuple(words.get_feature_names_out()), words.idf_, scaler, asides, gate, heads, out_of_fold=crossed
        )

    def to_matrix(self, questions: Sequence[str]) -> Any:
        """Return the terms of questions as sparse rows of length 1, shape (n, V)."""
        words = TfidfVectorizer(analyzer=extract_terms, binary=True, vocabulary=self.vocabulary)
        words.idf_ = self.rarity
        return words.transform(questions)

    def with_prior(self, prior: Prior) -> TrainedGeneral:
        """Return the same with another prior."""
        return replace(self, prior=prior)

    def to_model(self) -> GeneralDifficulty:
        """Return plain weights with the same predictions. They contain the scalings and the asides."""
        weights, bias = (np.stack(part, axis=-1) for part in zip(*map(self._to_linear, self.heads), strict=True))
        count = len(self.vocabulary)
        gate = self.gate.coef_.T / self.structure.scale_[:, None]
        return GeneralDifficulty(
            vocabulary=self.vocabulary,
            rarity=self.rarity,
            on_terms=weights[:count],
            on_structure=weights[count:],
            bias=bias,
            gate_structure=gate,
            gate_bias=self.gate.intercept_ - self.structure.mean_ @ gate,
            lowest=np.array([head.lowest for head in self.heads]),
            highest=np.array([head.highest for head in self.heads]),
            prior=self.prior,
        )

    def _to_linear(self, head: Head) -> tuple[Floats, np.float64]:
        """Return a head's weights on terms and unscaled structure, and its bias."""
        count = len(self.vocabulary)
        own, aside = np.split(head.line.coef_, [len(head.line.coef_) - len(self.asides)])
        weights, bias = _unscale(own, head.line.intercept_, count, head.structure)
        aside = head.aside * aside / head.asides.scale_
        for one, mean, line in zip(aside, head.asides.mean_, self.asides, strict=True):
            more, start = _unscale(line.coef_, line.intercept_, count, self.structure)
            weights, bias = weights + one * more, bias + one * (start - mean)
        return weights, bias

    def save(self, folder: Path) -> None:
        """Write the skops file into `folder`, and the weights that a solve reads."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {
            "vocabulary": np.asarray(self.vocabulary, dtype=np.str_), "rarity": self.rarity,
            "structure": self.structure, "asides": list(self.asides), "gate": self.gate,
            "heads": [list(vars(head).values()) for head in self.heads], "prior": list(astuple(self.prior)),
        }  # fmt: skip
        write_skops(folder / SKOPS, parts)
        self.to_model().save(folder)

    @classmethod
    def load(cls, file: Path) -> TrainedGeneral:
        """Read what `save` wrote; raise `InputError` if it is damaged or has types of others."""
        try:
            held = read_skops(file, (), LARGEST)
            heads = tuple(Head(*head) for head in held["heads"])
            vocabulary = tuple(map(str, held["vocabulary"]))
            parts = (held["rarity"], held["structure"], tuple(held["asides"]), held["gate"], heads)
            trained = cls(vocabulary, *parts, prior=Prior(*held["prior"]))
            sound = is_consistent(trained.to_model())
        except BROKEN as error:
            raise InputError(
                f"the difficulty model {file} is damaged ({shorten_error(error)}): get it again, or train it."
            ) from error
        if not sound:
            raise InputError(f"the difficulty model {file} is damaged (its parts do not fit): get it again.")
        return trained


def _unscale(weights: Floats, bias: float, count: int, scaler: StandardScaler) -> tuple[Floats, Any]:
    """Return weights on `count` terms and unscaled structure, from those on scaled structure, and the bias."""
    figures = STRUCTURE_SCALE * weights[count:] / scaler.scale_
    return np.concatenate([weights[:count], figures]), bias - figures @ scaler.mean_


def _stack_columns(first: Any, *more: Floats) -> Any:
    return hstack([first, *map(csr_matrix, more)]).tocsr()


def _fit_ridge(strength: float, columns: Any, target: Floats, weight: Floats | None = None) -> Ridge:
    """Fit a ridge regression. Its weights are stored in single precision, which halves the file."""
    mean = 1.0 if weight is None else float(weight.mean())
    line = Ridge(alpha=strength * mean, solver="sparse_cg", tol=1e-3).fit(columns, target, weight)
    line.coef_ = line.coef_.astype(np.float32)
    return line


def _fit_aside(columns: Any, values: Floats) -> Ridge:
    rows = np.flatnonzero(~np.isnan(values))
    return _fit_ridge(ASIDE_STRENGTH, columns[rows], values[rows])


def _fit_head(
    kind: int, examples: GeneralExamples, parts: tuple[Any, Floats, Floats], out_of_fold: Floats
) -> Head:
    """Fit the model of one kind with the settings that rank best; write its predictions into `out_of_fold`."""
    rows = np.flatnonzero((examples.kind == kind) & ~np.isnan(examples.b))
    target, fold = examples.b[rows], examples.fold[rows]
    weight = 1 / (1 + examples.variance[rows])
    terms, figures, asides = (part[rows] for part in parts)
    scalers = StandardScaler().fit(figures), StandardScaler().fit(asides)
    figures, asides = (scaler.transform(part) for scaler, part in zip(scalers, (figures, asides), strict=True))
    best, line, aside = -np.inf, None, 0.0
    for strength, heavy in product(STRENGTHS, ASIDES):
        columns = _stack_columns(terms, STRUCTURE_SCALE * figures, heavy * asides)
        predicted = _cross_predict(strength, columns, target, weight, fold)
        ranks = float(spearmanr(predicted, target)[0])
        if ranks > best:
            best, aside, out_of_fold[rows] = ranks, heavy, predicted
            line = _fit_ridge(strength, columns, target, weight)
    if line is None:
        raise InputError(f"nothing can be learned of {len(rows)} questions of the kind {QUESTION_KINDS[kind]!r}.")
    return Head(*scalers, line, aside, float(out_of_fold[rows].min()), float(out_of_fold[rows].max()))


def _cross_predict(strength: float, columns: Any, target: Floats, weight: Floats, fold: Numbers) -> Floats:
    predicted = np.empty(len(target))
    for one in np.unique(fold):
        inside, outside = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        predicted[outside] = _fit_ridge(strength, columns[inside], target[inside], weight[inside]).predict(
            columns[outside]
        )
    return predicted
