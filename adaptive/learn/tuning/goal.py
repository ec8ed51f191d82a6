"""What tuning is to reach: the most accuracy to lose, against what, how surely, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.reference import Reference
from adaptive.learn.tuning.constants import BEST, TOP
from adaptive.learn.tuning.ways import Way
from adaptive.types.usage import MILLION, Usage


@dataclass(frozen=True)
class Goal:
    """The goal of tuning.

    target: the most accuracy to lose against the reference, in 0..1. confidence: of that promise, in 0..1.
    max_tokens, max_cost: limits of a question's mean cost. price: of a million tokens, read and generated; None:
    the recorded costs count. against: the constant that is the reference (`adaptive.learn.tuning.constants`).
    graded_by: what the questions are graded by; where that is the dearest rung, a loss is a disagreement with it,
    and it is the reference.

    Raises:
        InputError: Some questions have no right answer, and another constant is to be the reference.
    """

    target: float = 0.01
    confidence: float = 0.95
    max_tokens: float | None = None
    max_cost: float | None = None
    price: tuple[float, float] | None = None
    against: str = BEST
    graded_by: Reference = "answers"

    def __post_init__(self) -> None:
        if self.graded_by != "answers" and self.against != TOP:
            raise InputError(
                f"without labels all is compared with the dearest rung: leave out --against {self.against}."
            )

    def is_affordable(self, way: Way) -> bool:
        """Return whether a way keeps the limits of cost."""
        within = self.max_tokens is None or float(way.tokens.mean()) <= self.max_tokens
        cheap = self.max_cost is None or float(np.mean([self.compute_cost(t.usage) for t in way])) <= self.max_cost
        return within and cheap

    def compute_cost(self, usage: Usage) -> float:
        """Return the dollars of a usage at the price, or else as they were recorded."""
        if self.price is None:
            return usage.measure("dollars") / MILLION
        reading, making = self.price
        return (usage.prompt * reading + (usage.total - usage.prompt) * making) / 1e6
