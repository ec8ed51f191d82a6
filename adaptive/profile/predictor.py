"""P(solved) of a question, by what a profile knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Predictor(Protocol):
    """Anything that says how likely each rung is to solve each question."""

    def p_solved(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities, shape (n, rungs), never falling within a row."""
        ...


def predict_nothing() -> Predictor | None:
    """The difficulty model of a profile for which none was trained: none."""
    return None
