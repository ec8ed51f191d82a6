"""DifficultyModel: P(solved at rung k | the question's text), and the tokens that rung k takes, for each rung.

One calibrated logistic regression per rung, and one linear regression of the logarithm of its tokens, over
`adaptive.profile.features`, written out as plain weights. A
prediction needs numpy alone: scikit-learn takes more than a second to import, and its versions differ. The fitted
estimators are kept beside the weights in a skops file, see `adaptive.learn.fit.difficulty`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.profile.features import COUNTS, QuestionFeatures
from adaptive.profile.weights import read_weights, report_damage, write_weights

Floats = NDArray[np.float64]
LIKELY = 0.5
"""A rung is expected to solve a question from this probability on."""


def name_level(p_solved: Sequence[float]) -> str:
    """Return the level of a question from its row of probabilities, one for each rung.

    easy: the base rung (no thinking) is likely to solve it; medium: some rung is; hard: none is; unknown: the row
    is empty.
    """
    if not len(p_solved):
        return "unknown"
    return "easy" if p_solved[0] >= LIKELY else "medium" if max(p_solved) >= LIKELY else "hard"


def to_probabilities(logits: Floats) -> Floats:
    """Return probabilities from log-odds. A dearer rung may be less likely: too much thinking breaks answers."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


@dataclass(frozen=True)
class TokenWeights:
    """Weights of the tokens that an attempt takes, whose sums are logarithms of mean tokens.

    on_tokens, on_counts, bias: shaped like those of the `DifficultyModel`. least, most: bounds of the logarithm,
    shape (rungs,). Nothing is predicted beyond what was recorded.
    """

    on_tokens: Floats
    on_counts: Floats
    bias: Floats
    least: Floats
    most: Floats

    def to_arrays(self) -> dict[str, Floats]:
        """Return the arrays by the names that they have in a file."""
        return {f"cost_{name}": value for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> TokenWeights | None:
        """Read what `to_arrays` wrote; None if there is nothing of it."""
        if "cost_bias" not in arrays:
            return None
        return cls(*(arrays[f"cost_{field.name}"] for field in fields(cls)))


@dataclass(frozen=True)
class DifficultyModel:
    """Weights of a trained model, whose sums are log-odds.

    costs: the same of the tokens; None if they were not fitted.
    vocabulary: V tokens. on_tokens: shape (rungs, V), added once if the token is in the question.
    on_counts: shape (rungs, len(COUNTS)). bias: shape (rungs,).
    """

    vocabulary: tuple[str, ...]
    on_tokens: Floats
    on_counts: Floats
    bias: Floats
    costs: TokenWeights | None = None

    @property
    def rungs(self) -> int:
        """The number of rungs that it predicts for."""
        return len(self.bias)

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary)}

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Return p(solved) of each question at each rung, shape (n, rungs)."""
        return self.forecast(questions)[0]

    def forecast(self, questions: Sequence[str]) -> tuple[Floats, Floats | None]:
        """Return p(solved) of each question at each rung, and its mean tokens, both of shape (n, rungs).

        The tokens are None if they were not fitted.
        """
        if not questions:
            return np.empty((0, self.rungs)), np.empty((0, self.rungs))
        counts, columns, ends = np.empty((len(questions), len(COUNTS))), list[int](), list[int]()
        column = self._columns.get
        for row, question in enumerate(questions):
            features = QuestionFeatures(question)
            counts[row] = features.to_counts()
            # The last column has weight 0. Every question gets it, since `reduceat` cannot sum an empty slice.
            columns.extend({column(t, -1) for t in features.to_tokens()} | {-1})
            ends.append(len(columns))
        on_tokens = np.add.reduceat(self._token_weights[columns], [0, *ends[:-1]], axis=0)
        scaled, on_solved, on_cost = np.log1p(counts), on_tokens[:, : self.rungs], on_tokens[:, self.rungs :]
        p = to_probabilities(scaled @ self.on_counts.T + on_solved + self.bias)
        if (costs := self.costs) is None:
            return p, None
        logs = scaled @ costs.on_counts.T + on_cost + costs.bias
        return p, np.asarray(np.exp(np.clip(logs, costs.least, costs.most)))

    @cached_property
    def _token_weights(self) -> Floats:
        """A row for each token, and a row of zeros for all others; shape (V + 1, rungs, or twice as many)."""
        rows = [self.on_tokens, *([self.costs.on_tokens] if self.costs else ())]
        weights = np.concatenate(rows).T
        return np.vstack([weights, np.zeros(weights.shape[1])])

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, beside the estimators that they were made from."""
        vocabulary = np.asarray(self.vocabulary, dtype=np.str_)
        arrays = {"on_tokens": self.on_tokens, "on_counts": self.on_counts, "bias": self.bias}
        costs = self.costs.to_arrays() if self.costs else {}
        write_weights(folder, {"vocabulary": vocabulary, **arrays, **costs})

    @classmethod
    def load(cls, folder: str | Path) -> DifficultyModel:
        """Return the model in `folder`; raise `InputError` naming the file if it is missing or damaged."""
        folder = Path(folder)
        arrays = read_weights(folder)
        try:
            if not _is_consistent(arrays):
                raise report_damage(folder)
            vocabulary = tuple(arrays["vocabulary"].tolist())
            costs = TokenWeights.from_arrays(arrays)
            return cls(vocabulary, arrays["on_tokens"], arrays["on_counts"], arrays["bias"], costs)
        except KeyError as error:
            raise report_damage(folder) from error


def _is_consistent(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether arrays of a file can be used. Nothing is made of them before: that could take gigabytes."""
    vocabulary, rungs = arrays["vocabulary"], arrays["bias"].shape
    shapes = {"on_tokens": rungs + vocabulary.shape, "on_counts": (*rungs, len(COUNTS)), "bias": rungs}
    if "cost_bias" in arrays:
        shapes |= {f"cost_{one.name}": shapes.get(one.name, rungs) for one in fields(TokenWeights)}
    return (
        vocabulary.dtype.kind == "U"
        and (vocabulary.ndim, len(rungs)) == (1, 1)
        and all(
            arrays[name].dtype == np.float64 and arrays[name].shape == shape and np.isfinite(arrays[name]).all()
            for name, shape in shapes.items()
        )
    )
