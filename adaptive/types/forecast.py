"""Forecast: what each rung is expected to achieve and to take at one question. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Forecast:
    """What a profile expects at a question, before it is asked. Both are empty if nothing is known.

    Args:
        p_solved: The probability that each rung of a ladder solves it.
        tokens: What an attempt at each rung takes in the mean, its prompt included, in the unit of the policy:
            tokens, or millionths of a dollar.
    """

    p_solved: tuple[float, ...] = ()
    tokens: tuple[float, ...] = ()

    @classmethod
    def from_difficulty(cls, difficulty: Mapping[str, Any]) -> Forecast:
        """Read it from the result of `Profile.predict_difficulty`."""
        return cls(tuple(difficulty["p_solved"]), tuple(difficulty.get("tokens", ())))

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.p_solved)


NO_FORECAST = Forecast()
