"""Places a model on the scale of the general difficulty with a few graded questions.

logit P(solved at rung k | question) = slope * (ability_k - b): an ability for each rung that never falls, and one
slope for all. Both are the most likely given the answers and a prior over models (MAP): without any answer this is
an average model, and few answers lead to nothing extreme.

It needs numpy alone. For one slope the best abilities that never fall are found exactly: each rung by Newton's
method, and neighbours that are out of order pooled (pool adjacent violators; Robertson, Wright and Dykstra 1988).
The slope is then the best of a grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptive.errors import InputError
from adaptive.types.from_json import dataclass_from_json

Floats = NDArray[np.float64]

GRID = np.linspace(-3, 3, 49)
"""The log slopes to try, in standard deviations of the prior."""
STEPS = 50
CLOSE = 1e-10


@dataclass(frozen=True)
class Prior:
    """The distribution of models: normal, for the ability (in logits) and for the log of the slope."""

    ability: float
    ability_sd: float
    log_slope: float
    log_slope_sd: float

    def __post_init__(self) -> None:
        if self.ability_sd <= 0 or self.log_slope_sd < 0:
            raise InputError("a prior's ability_sd must be above 0 and its log_slope_sd 0 or more.")
        if not all(map(math.isfinite, asdict(self).values())):
            raise InputError("a prior's figures must be numbers.")


@dataclass(frozen=True)
class Placement:
    """A place on the scale. abilities: of each rung, in logits, never falling. answers: how many it rests on."""

    abilities: tuple[float, ...]
    slope: float
    answers: int = 0

    def __post_init__(self) -> None:
        rising = all(a <= b for a, b in zip(self.abilities, self.abilities[1:], strict=False))
        if not (rising and all(map(math.isfinite, self.abilities))):
            raise InputError("a placement's abilities must be numbers that never fall.")
        if not (self.slope > 0 and math.isfinite(self.slope)):
            raise InputError(f"a placement's slope must be above 0, got {self.slope}.")

    def p_solved(self, b: ArrayLike) -> Floats:
        """Return p(solved) of questions of the difficulties `b`, shape (n, rungs), never falling within a row."""
        hard = np.asarray(b, dtype=np.float64)
        return _sigmoid(self.slope * (np.asarray(self.abilities) - hard[:, None]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, which `from_json` reads."""
        return {"abilities": list(self.abilities), "slope": self.slope, "answers": self.answers}

    @classmethod
    def from_json(cls, data: Any, where: str = "the placement") -> Placement:
        """Read the result of `to_json`; raise `InputError` naming `where` and the key that is wrong."""
        return dataclass_from_json(cls, data, where)


def place_model(b: ArrayLike, solved: ArrayLike, prior: Prior) -> Placement:
    """Return the most likely placement. With a fixed slope (log_slope_sd 0) right answers lower no ability.

    Args:
        b: Difficulties of the questions in logits, shape (n,).
        solved: Whether each rung or a cheaper one solves each question, shape (n, rungs); NaN if it was not tried.
        prior: The distribution of models.

    Raises:
        InputError: The shapes do not fit, or a value is none of 0, 1 and NaN.
    """
    hard, right = _check_answers(b, solved)
    logs = prior.log_slope + prior.log_slope_sd * (GRID if prior.log_slope_sd else GRID[:1] * 0)
    fits = [_fit_abilities(hard, right, float(np.exp(log)), prior) for log in logs]
    away = (logs - prior.log_slope) / (prior.log_slope_sd or 1.0)
    loss = [one[1] + 0.5 * far * far for one, far in zip(fits, away, strict=True)]
    best = int(np.argmin(loss))
    return Placement(fits[best][0], float(np.exp(logs[best])), int((~np.isnan(right)).sum()))


def _check_answers(b: ArrayLike, solved: ArrayLike) -> tuple[Floats, Floats]:
    hard, right = np.asarray(b, dtype=np.float64), np.asarray(solved, dtype=np.float64)
    if hard.ndim != 1 or right.ndim != 2 or len(hard) != len(right) or not right.shape[1]:
        raise InputError(
            f"difficulties of shape (n,) and answers of shape (n, rungs) are needed, got {hard.shape} and "
            f"{right.shape}."
        )
    if not np.isfinite(hard).all():
        raise InputError("a difficulty is not a number: give questions that have one.")
    if not np.isin(right[~np.isnan(right)], (0.0, 1.0)).all():
        raise InputError("an answer is neither solved (1) nor not (0) nor not tried (NaN).")
    return hard, right


def _fit_abilities(hard: Floats, right: Floats, slope: float, prior: Prior) -> tuple[tuple[float, ...], float]:
    """Return the best abilities that never fall, for one slope, and their loss (minus the log posterior)."""
    blocks: list[tuple[list[int], float]] = []
    for rung in range(right.shape[1]):
        members = [rung]
        ability = _fit_ability(hard, right[:, members], slope, prior)
        while blocks and blocks[-1][1] > ability:
            members = blocks.pop()[0] + members
            ability = _fit_ability(hard, right[:, members], slope, prior)
        blocks.append((members, ability))
    abilities = tuple(ability for members, ability in blocks for _ in members)
    return abilities, _compute_loss(hard, right, slope, abilities, prior)


def _fit_ability(hard: Floats, right: Floats, slope: float, prior: Prior) -> float:
    """Return the ability that is best for all these rungs: Newton's method, kept inside a bracket."""
    observed = ~np.isnan(right)
    b, wins = np.broadcast_to(hard[:, None], right.shape)[observed], float(right[observed].sum())
    rungs = right.shape[1]
    pull = rungs / prior.ability_sd**2
    # The derivative is between these two when all answers are wrong, or all right.
    low = prior.ability - slope * len(b) / pull - 1.0
    high = prior.ability + slope * len(b) / pull + 1.0
    at = prior.ability
    for _ in range(STEPS):
        p = _sigmoid(slope * (at - b))
        falls = slope * (float(p.sum()) - wins) + pull * (at - prior.ability)
        low, high = (at, high) if falls < 0 else (low, at)
        step = at - falls / (slope**2 * float((p * (1 - p)).sum()) + pull)
        step = step if low < step < high else (low + high) / 2
        if abs(step - at) < CLOSE:
            break
        at = step
    return at


def _compute_loss(hard: Floats, right: Floats, slope: float, abilities: Sequence[float], prior: Prior) -> float:
    at = np.asarray(abilities)
    z = slope * (at - hard[:, None])
    wrong = np.nansum(np.logaddexp(0, z) - right * z)
    return float(wrong + 0.5 * (((at - prior.ability) / prior.ability_sd) ** 2).sum())


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -40, 40))))
