"""DifficultyModel: P(solved at rung k | the question's text), for each rung of a ladder, never falling in k.

One calibrated logistic regression a rung over `features`, written out as plain weights: a prediction needs
numpy alone, no scikit-learn (which takes more than a second to import), and does not depend on its version.
The fitted scikit-learn estimators are kept beside them in a skops file: see `training`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptive._util.files import BROKEN_ZIP
from adaptive.profile.features import COUNTS, QuestionFeatures

Floats = NDArray[np.float64]
SKOPS, WEIGHTS = "difficulty.skops", "difficulty.npz"
LIKELY = 0.5
"""From which probability on a rung is said to solve a question, for `name_level`."""


def name_level(p_solved: Sequence[float]) -> str:
    """The word for a row of probabilities, one for each rung; "unknown" for an empty one.

    easy: the base rung (no thinking) is likely to solve it; medium: some rung is; hard: none is.
    """
    if not len(p_solved):
        return "unknown"
    return "easy" if p_solved[0] >= LIKELY else "medium" if p_solved[-1] >= LIKELY else "hard"


def to_monotone_probabilities(logits: Floats) -> Floats:
    """Probabilities from log-odds, shape (n, rungs), that never fall within a row.

    A rung can do all that a cheaper one can: where they disagree, the cheaper one's is believed.
    """
    p = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return np.asarray(np.maximum.accumulate(p, axis=1))


@dataclass(frozen=True)
class DifficultyModel:
    """Weights of a trained model.

    vocabulary: V tokens. on_tokens: shape (rungs, V), added where a token is in the question, however often.
    on_counts: shape (rungs, len(COUNTS)). bias: shape (rungs,). The sums are log-odds.
    """

    vocabulary: tuple[str, ...]
    on_tokens: Floats
    on_counts: Floats
    bias: Floats

    @property
    def rungs(self) -> int:
        """How many rungs it predicts for."""
        return len(self.bias)

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary)}

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Probabilities that each rung solves each question, shape (n, rungs), never falling within a row."""
        if not questions:
            return np.empty((0, self.rungs))
        counts, found, ends = np.empty((len(questions), len(COUNTS))), list[int](), list[int]()
        column = self._columns.get
        for row, question in enumerate(questions):
            reading = QuestionFeatures(question)
            counts[row] = reading.to_counts()
            # The last column is of weight 0: so each question has one, and sums over none are not asked for.
            found.extend({column(t, -1) for t in reading.to_tokens()} | {-1})
            ends.append(len(found))
        on_tokens = np.add.reduceat(self._token_weights[found], [0, *ends[:-1]], axis=0)
        return to_monotone_probabilities(np.log1p(counts) @ self.on_counts.T + on_tokens + self.bias)

    @cached_property
    def _token_weights(self) -> Floats:
        """A row for each token, and one of zeros for all others; shape (V + 1, rungs)."""
        return np.vstack([self.on_tokens.T, np.zeros(self.rungs)])

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, marked as made from the skops file that is there."""
        arrays = {"on_tokens": self.on_tokens, "on_counts": self.on_counts, "bias": self.bias}
        vocabulary = np.asarray(self.vocabulary, dtype=np.str_)
        part = folder / f".{WEIGHTS}.part.npz"
        np.savez_compressed(part, vocabulary=vocabulary, made_from=np.asarray(hash_estimators(folder)), **arrays)  # type: ignore[arg-type]
        part.replace(folder / WEIGHTS)

    @classmethod
    def load(cls, folder: str | Path) -> DifficultyModel:
        """The model in `folder`; raises `InputError` naming the file if it is damaged or not to be trusted.

        The weights are read where they were made from the skops file beside them. Otherwise they are made
        again from that, which imports scikit-learn.
        """
        folder = Path(folder)
        model = _read_weights(folder)
        if model is None:
            from adaptive.learn.fit.difficulty import TrainedDifficulty

            model = TrainedDifficulty.load(folder / SKOPS).to_model()
        return model


def _read_weights(folder: Path) -> DifficultyModel | None:
    """The weights, or None where they are not there, not whole, or were not made from the skops file."""
    try:
        # Opened here: numpy leaves a file that is no archive open.
        with (folder / WEIGHTS).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if str(file["made_from"]) != hash_estimators(folder):
                return None
            vocabulary = tuple(str(t) for t in file["vocabulary"])
            model = DifficultyModel(vocabulary, file["on_tokens"], file["on_counts"], file["bias"])
    except BROKEN_ZIP:
        return None
    return model if _is_consistent(model) else None


def _is_consistent(model: DifficultyModel) -> bool:
    expected = (model.rungs, len(model.vocabulary)), (model.rungs, len(COUNTS))
    shapes = (model.on_tokens.shape, model.on_counts.shape)
    return shapes == expected and all(np.isfinite(a).all() for a in (model.on_tokens, model.on_counts, model.bias))


def hash_estimators(folder: Path) -> str:
    """What the weights in a folder are marked with: they were made from this skops file."""
    return hashlib.sha256((folder / SKOPS).read_bytes()).hexdigest()
