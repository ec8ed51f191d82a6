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

from adaptive._util.files import BROKEN_ZIP, find_artifact
from adaptive.errors import InputError
from adaptive.profile.difficulty import SKOPS, WEIGHTS, hash_estimators
from adaptive.profile.general_features import STRUCTURE, read_features, scale_features
from adaptive.profile.placement import Placement, Prior, place_model

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
            found.extend(columns[term] for term in set(terms) if term in columns)
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
        """Write the weights into `folder`, in single precision, marked as made from the skops file there."""
        arrays = {name: getattr(self, name).astype(np.float32) for name in ARRAYS}
        part = folder / f".{WEIGHTS}.part.npz"
        terms = np.frombuffer("\n".join(self.vocabulary).encode(), dtype=np.uint8)
        made_from, prior = np.asarray(hash_estimators(folder)), np.asarray(astuple(self.prior))
        np.savez_compressed(part, vocabulary=terms, made_from=made_from, prior=prior, **arrays)
        part.replace(folder / WEIGHTS)

    @classmethod
    def load(cls, folder: str | Path | None = None) -> GeneralDifficulty:
        """The model in `folder`, the shipped one without it; raises `InputError` naming the file if it is damaged.

        The weights are read where they were made from the skops file beside them. Otherwise they are made
        again from that, which imports scikit-learn.
        """
        folder = find_artifact("difficulty") if folder is None else Path(folder)
        if not (folder / SKOPS).is_file():
            raise InputError(f"{folder} has no general difficulty model ({SKOPS}): name a folder that has one.")
        model = _read_weights(folder)
        if model is None:
            from adaptive.learn.fit.general import TrainedGeneral

            model = TrainedGeneral.load(folder / SKOPS).to_model()
        return model


def _read_weights(folder: Path) -> GeneralDifficulty | None:
    """The weights, or None where they are not there, not whole, or were not made from the skops file."""
    try:
        # Opened here: numpy leaves a file that is no archive open.
        with (folder / WEIGHTS).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if str(file["made_from"]) != hash_estimators(folder):
                return None
            vocabulary = tuple(file["vocabulary"].tobytes().decode().split("\n"))
            arrays = {name: file[name].astype(np.float64) for name in ARRAYS}
            prior = Prior(*map(float, file["prior"]))
    except (*BROKEN_ZIP, TypeError, InputError):
        return None
    model = GeneralDifficulty(vocabulary, **arrays, prior=prior)
    return model if is_consistent(model) else None


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
