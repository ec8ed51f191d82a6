"""DifficultyModel: P(solved at rung k | the question's text), for each rung of a ladder, never falling in k.

One calibrated logistic regression per rung over `adaptive.profile.features`, written out as plain weights. A
prediction needs numpy alone: scikit-learn takes more than a second to import, and its versions differ. The fitted
estimators are kept beside the weights in a skops file, see `adaptive.learn.fit.difficulty`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
    return "easy" if p_solved[0] >= LIKELY else "medium" if p_solved[-1] >= LIKELY else "hard"


def to_monotone_probabilities(logits: Floats) -> Floats:
    """Return probabilities from log-odds, shape (n, rungs), that never fall within a row.

    A rung can do all that a cheaper one can: if they disagree, the higher probability of the cheaper one counts.
    """
    p = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return np.asarray(np.maximum.accumulate(p, axis=1))


@dataclass(frozen=True)
class DifficultyModel:
    """Weights of a trained model, whose sums are log-odds.

    vocabulary: V tokens. on_tokens: shape (rungs, V), added once if the token is in the question.
    on_counts: shape (rungs, len(COUNTS)). bias: shape (rungs,).
    """

    vocabulary: tuple[str, ...]
    on_tokens: Floats
    on_counts: Floats
    bias: Floats

    @property
    def rungs(self) -> int:
        """The number of rungs that it predicts for."""
        return len(self.bias)

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary)}

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Return p(solved) of each question at each rung, shape (n, rungs), never falling within a row."""
        if not questions:
            return np.empty((0, self.rungs))
        counts, columns, ends = np.empty((len(questions), len(COUNTS))), list[int](), list[int]()
        column = self._columns.get
        for row, question in enumerate(questions):
            features = QuestionFeatures(question)
            counts[row] = features.to_counts()
            # The last column has weight 0. Every question gets it, since `reduceat` cannot sum an empty slice.
            columns.extend({column(t, -1) for t in features.to_tokens()} | {-1})
            ends.append(len(columns))
        on_tokens = np.add.reduceat(self._token_weights[columns], [0, *ends[:-1]], axis=0)
        return to_monotone_probabilities(np.log1p(counts) @ self.on_counts.T + on_tokens + self.bias)

    @cached_property
    def _token_weights(self) -> Floats:
        """A row for each token, and a row of zeros for all others; shape (V + 1, rungs)."""
        return np.vstack([self.on_tokens.T, np.zeros(self.rungs)])

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, beside the estimators that they were made from."""
        vocabulary = np.asarray(self.vocabulary, dtype=np.str_)
        arrays = {"on_tokens": self.on_tokens, "on_counts": self.on_counts, "bias": self.bias}
        write_weights(folder, {"vocabulary": vocabulary, **arrays})

    @classmethod
    def load(cls, folder: str | Path) -> DifficultyModel:
        """Return the model in `folder`; raise `InputError` naming the file if it is missing or damaged."""
        folder = Path(folder)
        arrays = read_weights(folder)
        try:
            vocabulary = tuple(map(str, arrays["vocabulary"]))
            model = cls(vocabulary, arrays["on_tokens"], arrays["on_counts"], arrays["bias"])
            consistent = _is_consistent(model)
        except (KeyError, TypeError) as error:
            raise report_damage(folder) from error
        if not consistent:
            raise report_damage(folder)
        return model


def _is_consistent(model: DifficultyModel) -> bool:
    expected = (model.rungs, len(model.vocabulary)), (model.rungs, len(COUNTS))
    shapes = (model.on_tokens.shape, model.on_counts.shape)
    return shapes == expected and all(np.isfinite(a).all() for a in (model.on_tokens, model.on_counts, model.bias))
