"""Placed: the general difficulty model with one model placed on its scale, which says p(solved) rung by rung.

numpy alone. The general model is read once, when it is first asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from adaptive.learn.general import Floats, GeneralDifficulty
from adaptive.learn.placing import Placement, place


@dataclass(frozen=True)
class Placed:
    """What a `DifficultyModel` says, of a model of which only its place is known."""

    general: GeneralDifficulty
    placement: Placement

    @property
    def rungs(self) -> int:
        """How many rungs it predicts for."""
        return len(self.placement.abilities)

    def p_solved(self, questions: Sequence[str]) -> Floats:
        """Probabilities that each rung solves each question, shape (n, rungs), never falling within a row."""
        return self.placement.p_solved(self.general.b(questions))


@cache
def shipped() -> GeneralDifficulty:
    """The shipped general difficulty model."""
    return GeneralDifficulty.load()


@cache
def average() -> Placed:
    """An average model with all the thinking it wants, its one rung: what is taken for one never measured.

    The general model was learned from answers with full thinking, so it says nothing of less.
    """
    return Placed(shipped(), place(np.empty(0), np.empty((0, 1)), shipped().prior))
