"""What predicts p(solved) of questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Predictor(Protocol):
    """Anything that predicts how likely each rung is to solve each question."""

    def p_solved(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities, shape (n, rungs)."""
        ...

    def forecast(self, questions: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the probabilities, and the mean tokens of an attempt, both of shape (n, rungs).

        The tokens are None if they do not depend on the question.
        """
        ...


def predict_nothing() -> Predictor | None:
    """Return None: the difficulty model of a profile without one."""
    return None
