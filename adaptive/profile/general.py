"""GeneralDifficulty: how hard a question is for language models, from its text alone, whatever the model.

Difficulty b is in logits: logit P(a model solves the question) = slope * (ability - b), with the model's ability
and slope found by `placing.place` from a few graded questions. For each kind of question there is a linear model
over `wording`, and which kind a question is of is found from its structure; b is the mean over the kinds. It was
learned from recorded answers of many models: see models/difficulty.

numpy alone: the fitted scikit-learn estimators are kept beside the weights in a skops file, see
`general_training`.
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
"""Kinds of questions, each with recorded answers: grade-school maths, contest maths, program output, options."""
ARRAYS = ("rarity", "on_terms", "on_structure", "bias", "gate_structure", "gate_bias", "lowest", "highest")
CHUNK = 1000
"""Questions whose terms are looked up at a time."""


@dataclass(frozen=True)
class GeneralDifficulty:
    """Weights of the trained model, K = len(KINDS).

    vocabulary: V terms, each with its `rarity` (inverse document frequency), shape (V,). on_terms: shape (V, K).
    on_structure, gate_structure: shape (len(STRUCTURE), K). bias, gate_bias, lowest, highest: shape (K,); no kind
    says less than `lowest` or more than `highest`. prior: what models are like on this scale.
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
        """How hard each question is, in logits, more is harder; shape (n,)."""
        parts = [self._predict_chunk(questions[i : i + CHUNK]) for i in range(0, len(questions), CHUNK)]
        return np.concatenate([np.empty(0), *((of_kind * kind).sum(axis=1) for of_kind, kind in parts)])

    def predict_kinds(self, questions: Sequence[str]) -> Floats:
        """Probabilities that each question is of each of `QUESTION_KINDS`, shape (n, K)."""
        parts = [self._predict_chunk(questions[i : i + CHUNK])[1] for i in range(0, len(questions), CHUNK)]
        return np.concatenate([np.empty((0, len(QUESTION_KINDS))), *parts])

    def _predict_chunk(self, questions: Sequence[str]) -> tuple[Floats, Floats]:
        """What each kind's model says of each question, and the probabilities of the kinds: shapes (n, K)."""
        columns = self._columns
        found: list[int] = []
        ends, figures = [], []
        for question in questions:
            terms, row = read_features(question)
            found.extend(columns[term] for term in dict.fromkeys(terms) if term in columns)
            ends.append(len(found))
            figures.append(row)
        structure = scale_features(figures)
        said = (
            self._sum_term_weights(np.asarray(found, dtype=np.int64), np.asarray(ends))
            + structure @ self.on_structure
        )
        gate = structure @ self.gate_structure + self.gate_bias
        share = np.exp(gate - gate.max(axis=1, keepdims=True))
        return np.clip(said + self.bias, self.lowest, self.highest), share / share.sum(axis=1, keepdims=True)

    def _sum_term_weights(self, columns: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
        """The terms' weights summed for each question, which has `found[ends[i-1]:ends[i]]`, over their length."""
        rarity = self.rarity[columns]
        sums = np.zeros((len(columns) + 1, len(QUESTION_KINDS) + 1))
        np.cumsum(np.column_stack([self.on_terms[columns] * rarity[:, None], rarity**2]), axis=0, out=sums[1:])
        total = np.diff(sums[np.concatenate([[0], ends])], axis=0)
        length = np.sqrt(total[:, -1:])
        return np.asarray(np.divide(total[:, :-1], length, out=np.zeros_like(total[:, :-1]), where=length > 0))

    def save(self, folder: Path) -> None:
        """Write the weights in single precision, where the estimators that they were made from must be already."""
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
    """Whether the arrays fit together and hold numbers."""
    terms, kinds, figures = len(model.vocabulary), len(QUESTION_KINDS), len(STRUCTURE)
    shapes = ((terms,), (terms, kinds), (figures, kinds), (kinds,), (figures, kinds), (kinds,), (kinds,), (kinds,))
    arrays = [getattr(model, name) for name in ARRAYS]
    return all(a.shape == shape and np.isfinite(a).all() for a, shape in zip(arrays, shapes, strict=True))


@dataclass(frozen=True)
class PlacedDifficulty:
    """What a `DifficultyModel` says, of a model of which only its place is known."""

    general: GeneralDifficulty
    placement: Placement

    @property
    def rungs(self) -> int:
        """How many rungs it predicts for."""
        return len(self.placement.abilities)

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Probabilities that each rung solves each question, shape (n, rungs), never falling within a row."""
        return self.placement.p_solved(self.general.predict(questions))


@cache
def load_shipped_difficulty() -> GeneralDifficulty:
    """The shipped general difficulty model."""
    return GeneralDifficulty.load()


@cache
def place_average_model() -> PlacedDifficulty:
    """An average model with all the thinking it wants, its one rung: what is taken for one never measured.

    The general model was learned from answers with full thinking, so it says nothing of less.
    """
    return PlacedDifficulty(
        load_shipped_difficulty(), place_model(np.empty(0), np.empty((0, 1)), load_shipped_difficulty().prior)
    )
