"""P(solved at rung k | the question's text, its embedding): a line a rung over what the text alone gives and the
embedding, written out as plain weights. numpy alone; `embedding_training` fits them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import AdaptiveError, InputError
from adaptive.profile.difficulty import to_monotone_probabilities
from adaptive.profile.weights import hash_estimators
from adaptive.types.logistic import log_odds

if TYPE_CHECKING:
    from adaptive.embeddings.cached import Reader
    from adaptive.profile.predictor import Predictor


Floats = NDArray[np.float64]
FILE = "embedding.npz"
ARRAYS = ("on_text", "on_vector", "bias")
ALONE = "how hard the question is was told from its text alone"


@dataclass(frozen=True)
class Embedding:
    """An embedding model as a profile names it: its spec, and how many numbers it gives for a text."""

    model: str
    dimension: int

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise InputError(f"'dimension' must be 1 or more, got {self.dimension}.")


@dataclass(frozen=True)
class Lines:
    """Weights of a rung's log-odds. on_text: of the text's own log-odds, shape (rungs,). on_vector: of the
    embedding as it is, shape (rungs, D). bias: shape (rungs,)."""

    on_text: Floats
    on_vector: Floats
    bias: Floats

    def p_solved(self, text: Floats, vectors: NDArray[np.float32]) -> Floats:
        """Probabilities that never fall within a row, shape (n, rungs).

        text: those by the text alone, shape (n, rungs). vectors: embeddings, shape (n, D).
        """
        return to_monotone_probabilities(odds(text) * self.on_text + vectors @ self.on_vector.T + self.bias)

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, marked as fitted beside the difficulty model that is there."""
        part = folder / f".{FILE}.part.npz"
        arrays = {name: getattr(self, name) for name in ARRAYS}
        np.savez_compressed(part, made_from=np.asarray(hash_estimators(folder)), **arrays)
        part.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path, rungs: int, dimension: int) -> Lines:
        """The weights in `folder`; raises `InputError` naming the file where it is damaged or does not fit."""
        file = folder / FILE
        try:
            with file.open("rb") as raw, np.load(raw, allow_pickle=False) as held:
                made_from, lines = str(held["made_from"]), cls(*(held[name] for name in ARRAYS))
        except FileNotFoundError as error:
            raise InputError(f"{folder} has an 'embedding' and no {FILE}: train the profile again.") from error
        except BROKEN_ZIP as error:
            raise InputError(f"{file} is damaged ({error}): train the profile again.") from error
        if not lines._whole(rungs, dimension):
            raise InputError(
                f"{file} has no finite weights for {rungs} rungs and {dimension} numbers: train the profile again."
            )
        if made_from != hash_estimators(folder):
            raise InputError(f"{file} was fitted beside another difficulty model: train the profile again.")
        return lines

    def _whole(self, rungs: int, dimension: int) -> bool:
        shapes = (rungs,), (rungs, dimension), (rungs,)
        arrays = [getattr(self, name) for name in ARRAYS]
        return all(
            a.shape == shape and a.dtype.kind == "f" and np.isfinite(a).all()
            for a, shape in zip(arrays, shapes, strict=True)
        )


@dataclass(frozen=True)
class Embedded:
    """The difficulty model `text` and, on top of it, the embedding that `reader` reads."""

    text: Predictor
    lines: Lines
    reader: Reader

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Probabilities, shape (n, rungs), never falling within a row; raises `AdaptiveError` as the reader."""
        text = self.text.p_solved(questions)
        return self.lines.p_solved(text, self.reader.read(questions)) if questions else text

    def or_text(self, question: str) -> tuple[Floats, list[str]]:
        """The row of one question; where its embedding cannot be had, by the text alone, and why in words."""
        try:
            return self.p_solved([question])[0], []
        except AdaptiveError as error:
            return self.text.p_solved([question])[0], [f"{str(error).rstrip('.')}: {ALONE}"]


def odds(p: Floats) -> Floats:
    """Log-odds of probabilities, as features of other models; the same shape."""
    return np.asarray(np.vectorize(log_odds, otypes=[np.float64])(p))
