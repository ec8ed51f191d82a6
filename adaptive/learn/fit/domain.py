"""Fits the domain of a profile to recorded questions (`adaptive.profile.domain`).

Every question is scored as a new one would be: without it, and without the others of its group, in the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive.profile.domain import (
    ALPHA,
    MEASURES,
    CountSpread,
    Domain,
    NoveltyScale,
    average_deviations,
    measure_novelty,
)
from adaptive.profile.question_traits import TABLES, Floats, QuestionTraits

LEAST_GROUPS = 10
"""With fewer groups each question is one of its own: what a group left out lacks would tell nothing."""
KNOTS, WIDTH = 12, 0.35
"""At how many lengths the scale is known, and over what distance (in logarithms) questions count for one."""
SHRINKAGE = 0.3
"""How much of the correlation of counts is taken to be chance."""
FLOORS = (*[0.01] * len(TABLES), 1.0)
"""The least deviation of each measure."""

PARTS = 10

Counts = dict[str, NDArray[np.int64]]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FittedDomain:
    """A domain, and the score of each recorded question without its group, shape (n,)."""

    domain: Domain
    left_out: Floats

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Whether each recorded question is unlike those of other groups, shape (n,)."""
        return np.asarray(self.left_out > self.domain.threshold)

    @property
    def typical(self) -> Floats:
        """The share of the recorded questions that are at least as novel as each, shape (n,)."""
        as_novel = len(self.left_out) - np.searchsorted(self.domain.scores, self.left_out, side="left")
        return np.asarray(as_novel / len(self.left_out), np.float64)


def fit_domain(questions: Sequence[str], groups: Sequence[str], alpha: float = ALPHA) -> FittedDomain:
    """Fit a domain.

    Args:
        questions: The texts of the recorded questions, at least one.
        groups: The group of each. The scores of a group are those of questions of a new group.
        alpha: The share of questions of the same kind that may be called outside, in 0..1.
    """
    traits = [QuestionTraits.read(question) for question in questions]
    parts = _split(_make_groups(groups))
    counts = {name: np.zeros(2**bits, np.int64) for name, bits in TABLES.items()}
    _add(counts, traits, 1)
    measured = np.empty((len(traits), len(MEASURES)))
    for part in parts:
        spread = _fit_spread(traits, _list_others(part, len(traits)))
        for rows in part:
            measured[rows] = _measure_left_out(traits, rows, counts, spread)
    lengths = np.array([one.length for one in traits])
    scores = np.empty(len(traits))
    for part in parts:
        others = _list_others(part, len(traits))
        scale = _fit_scale(lengths[others], measured[others])
        for row in (row for rows in part for row in rows):
            scores[row] = average_deviations(scale.standardise(measured[row], lengths[row]), TABLES)
    tables = {name: np.packbits(count > 0) for name, count in counts.items()}
    everyone = np.arange(len(traits))
    spread, scale = _fit_spread(traits, everyone), _fit_scale(lengths, measured)
    return FittedDomain(Domain(tables, spread, scale, np.sort(scores), alpha), scores)


def _make_groups(groups: Sequence[str]) -> list[list[int]]:
    """Return the rows of each group."""
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return list(rows.values()) if len(rows) >= LEAST_GROUPS else [[row] for row in range(len(groups))]


def _split(groups: list[list[int]]) -> list[list[list[int]]]:
    """Return the groups in parts: means and deviations are taken from the other parts."""
    return [groups[start::PARTS] for start in range(min(PARTS, len(groups)))]


def _list_others(part: list[list[int]], count: int) -> Rows:
    """Return the rows of the other parts; all rows if there are none."""
    others = np.setdiff1d(np.arange(count), [row for rows in part for row in rows])
    return others if len(others) else np.arange(count)


def _measure_left_out(
    traits: Sequence[QuestionTraits], rows: list[int], counts: Counts, spread: CountSpread
) -> Floats:
    """Return the measures of a group without it, shape (rows, len(MEASURES)). `counts` stay as they are."""
    members = [traits[row] for row in rows]
    _add(counts, members, -1)
    measured = []
    for one in members:
        new = [(counts[name][one.slots[name]] == 0).astype(np.float64) for name in TABLES]
        measured.append(measure_novelty(new, one, spread))
    _add(counts, members, 1)
    return np.array(measured)


def _add(counts: Counts, traits: Sequence[QuestionTraits], times: int) -> None:
    for one in traits:
        for name, slots in one.slots.items():
            np.add.at(counts[name], slots, times)


def _fit_spread(traits: Sequence[QuestionTraits], rows: Rows) -> CountSpread:
    """Return the spread of the counts of some questions, whose correlations are shrunk."""
    counts = np.array([traits[row].counts for row in rows])
    centred = counts - counts.mean(axis=0)
    covariance = centred.T @ centred / len(counts)
    deviation = np.sqrt(np.diag(covariance)) + 0.1
    correlation = covariance / np.outer(deviation, deviation)
    shrunk = (1 - SHRINKAGE) * correlation + SHRINKAGE * np.eye(len(deviation))
    return CountSpread(counts.mean(axis=0), deviation, np.linalg.inv(shrunk))


def _fit_scale(lengths: Floats, measured: Floats) -> NoveltyScale:
    """Return the scale: means and deviations over questions of about the same length."""
    knots = np.quantile(lengths, np.linspace(0.02, 0.98, KNOTS))
    weights = np.exp(-0.5 * ((lengths - knots[:, None]) / WIDTH) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = weights @ measured
    variance = weights @ measured**2 - mean**2
    floor = (SHRINKAGE * measured.std(axis=0)) ** 2 + np.array(FLOORS) ** 2
    return NoveltyScale(knots, mean.T, np.sqrt(np.maximum(variance, 0) + floor).T)
