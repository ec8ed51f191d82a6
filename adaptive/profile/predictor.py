"""What predicts p(solved) of questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Predictor(Protocol):
    """Anything that predicts how likely each rung is to solve each question."""

    def p_solved(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities, shape (n, rungs), never falling within a row."""
        ...


def predict_nothing() -> Predictor | None:
    """Return None: the difficulty model of a profile without one."""
    return None
