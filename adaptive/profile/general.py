"""GeneralDifficulty: how hard a question is for language models, from its text alone, whatever the model.

Difficulty b is in logits: logit P(a model solves the question) = slope * (ability - b), with the model's ability
and slope found by `adaptive.profile.placement` from a few graded questions. Each kind of question has a linear
model over `adaptive.profile.general_features`; the kind of a question is predicted from its structure, and b is
the mean over the kinds. It was learned from recorded answers of many models, see models/difficulty.

It needs numpy alone. The fitted estimators are kept beside the weights in a skops file, see
`adaptive.learn.fit.general`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptive._util.files import find_artifact
from adaptive.errors import InputError
from adaptive.profile.general_features import STRUCTURE, read_features, scale_features
from adaptive.profile.placement import Placement, Prior, place_model
from adaptive.profile.weights import SKOPS, read_weights, report_damage, write_weights

Floats = NDArray[np.float64]

QUESTION_KINDS = ("word problem", "competition", "code", "choice")
"""Kinds of questions that were recorded: grade-school maths, contest maths, program output, multiple choice."""
ARRAYS = ("rarity", "on_terms", "on_structure", "bias", "gate_structure", "gate_bias", "lowest", "highest")
CHUNK = 1000
"""The number of questions whose terms are looked up at a time."""


@dataclass(frozen=True)
class GeneralDifficulty:
    """Weights of the trained model, K = len(QUESTION_KINDS).

    vocabulary: V terms, each with its `rarity` (inverse document frequency), shape (V,). on_terms: shape (V, K).
    on_structure, gate_structure: shape (len(STRUCTURE), K). bias, gate_bias, lowest, highest: shape (K,);
    predictions of a kind are clipped to lowest..highest. prior: the distribution of models on this scale.
    """

    vocabulary: tuple[str, ...]
    rarity: Floats
    on_terms: Floats
    on_structure: Floats
    bias: Floats
    gate_structure: Floats
    gate_bias: Floats
    lowest: Floats
    highest: Floats
    prior: Prior

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        return {term: i for i, term in enumerate(self.vocabulary)}

    def predict(self, questions: Sequence[str]) -> Floats:
        """Return how hard each question is, in logits, more is harder; shape (n,)."""
        parts = [self._predict_chunk(questions[i : i + CHUNK]) for i in range(0, len(questions), CHUNK)]
        return np.concatenate([np.empty(0), *((of_kind * kind).sum(axis=1) for of_kind, kind in parts)])

    def predict_kinds(self, questions: Sequence[str]) -> Floats:
        """Return the probability that each question is of each of `QUESTION_KINDS`, shape (n, K)."""
        parts = [self._predict_chunk(questions[i : i + CHUNK])[1] for i in range(0, len(questions), CHUNK)]
        return np.concatenate([np.empty((0, len(QUESTION_KINDS))), *parts])

    def _predict_chunk(self, questions: Sequence[str]) -> tuple[Floats, Floats]:
        """Return the difficulty by each kind's model, and the probabilities of the kinds, each of shape (n, K)."""
        columns = self._columns
        rows: list[int] = []
        ends, figures = [], []
        for question in questions:
            terms, row = read_features(question)
            rows.extend(columns[term] for term in set(terms) if term in columns)
            ends.append(len(rows))
            figures.append(row)
        structure = scale_features(figures)
        b = (
            self._sum_term_weights(np.asarray(rows, dtype=np.int64), np.asarray(ends))
            + structure @ self.on_structure
        )
        gate = structure @ self.gate_structure + self.gate_bias
        share = np.exp(gate - gate.max(axis=1, keepdims=True))
        return np.clip(b + self.bias, self.lowest, self.highest), share / share.sum(axis=1, keepdims=True)

    def _sum_term_weights(self, columns: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
        """Return the weights of each question's terms, `columns[ends[i-1]:ends[i]]`, summed at unit length."""
        rarity = self.rarity[columns]
        sums = np.zeros((len(columns) + 1, len(QUESTION_KINDS) + 1))
        np.cumsum(np.column_stack([self.on_terms[columns] * rarity[:, None], rarity**2]), axis=0, out=sums[1:])
        total = np.diff(sums[np.concatenate([[0], ends])], axis=0)
        length = np.sqrt(total[:, -1:])
        return np.asarray(np.divide(total[:, :-1], length, out=np.zeros_like(total[:, :-1]), where=length > 0))

    def save(self, folder: Path) -> None:
        """Write the weights in single precision, beside the estimators that they were made from."""
        terms = np.frombuffer("\n".join(self.vocabulary).encode(), dtype=np.uint8)
        arrays = {name: getattr(self, name).astype(np.float32) for name in ARRAYS}
        write_weights(folder, {"vocabulary": terms, "prior": np.asarray(astuple(self.prior)), **arrays})

    @classmethod
    def load(cls, folder: str | Path | None = None) -> GeneralDifficulty:
        """Return the model in `folder`, by default the shipped one.

        Raises:
            InputError: The folder has no such model, or it is damaged.
        """
        folder = find_artifact("difficulty") if folder is None else Path(folder)
        if not (folder / SKOPS).is_file():
            raise InputError(f"{folder} has no general difficulty model ({SKOPS}): name a folder that has one.")
        arrays = read_weights(folder)
        try:
            vocabulary = tuple(arrays["vocabulary"].tobytes().decode().split("\n"))
            prior = Prior(*map(float, arrays["prior"]))
            model = cls(vocabulary, **{name: arrays[name].astype(np.float64) for name in ARRAYS}, prior=prior)
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise report_damage(folder) from error
        if not is_consistent(model):
            raise report_damage(folder)
        return model


def is_consistent(model: GeneralDifficulty) -> bool:
    """Return whether the arrays fit together and hold numbers."""
    terms, kinds, figures = len(model.vocabulary), len(QUESTION_KINDS), len(STRUCTURE)
    shapes = ((terms,), (terms, kinds), (figures, kinds), (kinds,), (figures, kinds), (kinds,), (kinds,), (kinds,))
    arrays = [getattr(model, name) for name in ARRAYS]
    return all(a.shape == shape and np.isfinite(a).all() for a, shape in zip(arrays, shapes, strict=True))


@dataclass(frozen=True)
class PlacedDifficulty:
    """Predicts like a `DifficultyModel`, for a model of which only the placement is known."""

    general: GeneralDifficulty
    placement: Placement

    @property
    def rungs(self) -> int:
        """The number of rungs that it predicts for."""
        return len(self.placement.abilities)

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Return p(solved) of each question at each rung, shape (n, rungs), never falling within a row."""
        return self.placement.p_solved(self.general.predict(questions))

    def forecast(self, questions: Sequence[str]) -> tuple[Floats, None]:
        """Return p(solved) of each question at each rung. The tokens do not depend on the question."""
        return self.p_solved(questions), None


@cache
def load_shipped_difficulty() -> GeneralDifficulty:
    """Return the shipped general difficulty model, loaded once."""
    return GeneralDifficulty.load()


@cache
def place_average_model() -> PlacedDifficulty:
    """Return an average model with one rung, full thinking: the stand-in for a model that nobody measured.

    The general model was learned from answers with full thinking, so it says nothing about less.
    """
    return PlacedDifficulty(
        load_shipped_difficulty(), place_model(np.empty(0), np.empty((0, 1)), load_shipped_difficulty().prior)
    )
