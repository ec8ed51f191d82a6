"""Domain: how unlike the questions that a profile was measured on is a question?

Difficulty, verifier and thresholds say something about questions of the kind that was recorded, and nothing about
any other. Novelty is measured five ways: the share of adjacent pieces of the question, of three in a row, of four
characters in a row and of four words of its wording in a row that no recorded question has (`question_traits`),
and how far its counts (`features.COUNTS`) are from theirs. Each is standardised by what recorded questions of
about the same length have when they are left out, group by group; their mean is the score, in which the wording
counts twice: by the other measures a new wording may be usual, above all in a short question. A question is
outside if its score is above that of nearly all of these, the share `alpha` excepted: a conformal p-value (Vovk et
al. 2005, "Algorithmic learning in a random world").

Plain numpy, and bits instead of words: nobody can read the recorded questions out of a profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.profile.features import COUNTS
from adaptive.profile.question_traits import TABLES, Floats, QuestionTraits, Slots

Bits = NDArray[np.uint8]

FILE = "domain.npz"
MEASURES = (*TABLES, "counts")
"""The measures of novelty, in order."""
WEIGHTS = {"wordings": 2.0}
"""How often a measure counts in the score, if not once."""
LATER_TABLES = ("wordings",)
"""Tables that older profiles lack: they measure novelty without them."""
ALPHA = 0.05
UNLIKE = "unlike the questions that this profile was measured on"
LEAST_DEVIATION, MOST_DEVIATION = -2.0, 20.0
"""A standardised measure counts within these limits: one alone cannot make a question usual."""
ROUNDING = 1e-6


@dataclass(frozen=True)
class CountSpread:
    """How counts are spread. mean, deviation: shape (len(COUNTS),); precision: of standardised counts, square."""

    mean: Floats
    deviation: Floats
    precision: Floats

    def measure_distance(self, counts: Floats) -> float:
        """Return the squared Mahalanobis distance."""
        away = (counts - self.mean) / self.deviation
        return float(away @ self.precision @ away)


@dataclass(frozen=True)
class NoveltyScale:
    """What measures recorded questions have by length, when they are left out.

    lengths: k logarithms, rising. mean, deviation: shape (measures, k).
    """

    lengths: Floats
    mean: Floats
    deviation: Floats

    def standardise(self, measured: Floats, length: float) -> Floats:
        """Return the deviations of measures, shape (measures,), from questions of this length."""
        place = float(np.interp(length, self.lengths, np.arange(len(self.lengths))))
        left = int(place)
        right = min(left + 1, len(self.lengths) - 1)
        mean, deviation = (
            rows[:, left] + (place - left) * (rows[:, right] - rows[:, left])
            for rows in (self.mean, self.deviation)
        )
        return np.asarray(np.clip((measured - mean) / deviation, LEAST_DEVIATION, MOST_DEVIATION))


@dataclass(frozen=True)
class Domain:
    """The questions that a profile was measured on.

    tables: for each of `TABLES` its bits, packed, in this order. scores: of the recorded questions when they are
    left out, rising. alpha: the share of questions of the same kind that may be called outside, in 0..1.
    """

    tables: Mapping[str, Bits]
    spread: CountSpread
    scale: NoveltyScale
    scores: Floats
    alpha: float = ALPHA

    def score(self, question: str) -> float:
        """Return how novel a question is: about 0 for a usual one, more the more novel."""
        return self._cached_score(question)

    def p_value(self, question: str) -> float:
        """Return the share of recorded questions, itself included, that are at least as novel; in 0..1."""
        as_novel = len(self.scores) - int(np.searchsorted(self.scores, self.score(question), side="left"))
        return (as_novel + 1) / (len(self.scores) + 1)

    def is_outside(self, question: str) -> bool:
        """Return whether a question is unlike the recorded ones."""
        return self.score(question) > self.threshold + ROUNDING

    @cached_property
    def threshold(self) -> float:
        """The highest score inside. With too few questions for `alpha` it is the highest that was recorded."""
        if not self.alpha:
            return math.inf
        return float(self.scores[self.find_rank(self.alpha, len(self.scores)) - 1])

    @staticmethod
    def find_rank(alpha: float, recorded: int) -> int:
        """Return the rank, from 1, of the threshold among the scores of so many recorded questions."""
        return min(math.ceil((1 - alpha) * (recorded + 1)), recorded)

    @cached_property
    def _cached_score(self) -> Callable[[str], float]:
        return lru_cache(256)(self._compute_score)  # each node of a solve asks about the same question

    def _compute_score(self, question: str) -> float:
        traits = QuestionTraits.read(question)
        shares = [1 - read_bits(table, traits.slots[name]) for name, table in self.tables.items()]
        measured = measure_novelty(shares, traits, self.spread)
        return average_deviations(self.scale.standardise(measured, traits.length), self.tables)

    def save(self, folder: Path) -> None:
        """Write `domain.npz` into a folder. A reader never sees half of it."""
        arrays: dict[str, NDArray[Any]] = {
            **self.tables, "count_mean": self.spread.mean, "count_deviation": self.spread.deviation,
            "count_precision": self.spread.precision, "lengths": self.scale.lengths, "mean": self.scale.mean,
            "deviation": self.scale.deviation, "scores": self.scores,
        }  # fmt: skip
        write_arrays(folder / FILE, arrays)

    @classmethod
    def load(cls, folder: Path, alpha: float = ALPHA) -> Domain:
        """Return the domain in a folder; raise `InputError` naming the file if it is missing or damaged."""
        file = folder / FILE
        try:
            read = read_arrays(file)
            numbers = {name: read[name] for name in _NUMBERS}
            domain = cls(
                {name: read[name] for name in TABLES if name in read or name not in LATER_TABLES},
                CountSpread(*(numbers[f"count_{name}"] for name in ("mean", "deviation", "precision"))),
                NoveltyScale(numbers["lengths"], numbers["mean"], numbers["deviation"]),
                numbers["scores"],
                alpha,
            )
            consistent = _is_consistent(domain)
        except FileNotFoundError as error:
            raise InputError(f"{file}, which the profile names, is not there: train it again.") from error
        except (*BROKEN_ZIP, KeyError, TypeError) as error:
            raise InputError(f"{file} is damaged ({error}): train the profile again.") from error
        if not consistent:
            raise InputError(f"{file} is damaged: train the profile again.")
        return domain


def find_no_domain() -> Domain | None:
    """Return None: the domain of a profile that does not know it."""
    return None


_NUMBERS = ("count_mean", "count_deviation", "count_precision", "lengths", "mean", "deviation", "scores")


def average_deviations(deviations: Floats, tables: Iterable[str]) -> float:
    """Return the score of a question: the mean of its measures' deviations, some of which count more than others.

    Args:
        deviations: Shape (number of tables + 1,).
        tables: Their names; that of the counts comes after them.
    """
    weights = np.array([WEIGHTS.get(name, 1.0) for name in (*tables, "counts")])
    return float(deviations @ weights / weights.sum())


def measure_novelty(shares: list[Floats], traits: QuestionTraits, spread: CountSpread) -> Floats:
    """Return the measures of a question, shape (len(shares) + 1,).

    Args:
        shares: For each table, 1 for each of its slots that is new, else 0.
        traits: The question.
        spread: See `Domain`.
    """
    means = [float(share.mean()) if len(share) else 0.0 for share in shares]
    return np.array([*means, spread.measure_distance(traits.counts)])


def read_bits(table: Bits, slots: Slots) -> Floats:
    """Return 1 for each slot whose bit is set, else 0."""
    return np.asarray((table[slots >> 3] >> (7 - (slots & 7)).astype(np.uint8)) & 1, np.float64)


def _is_consistent(domain: Domain) -> bool:
    spread, scale, counts, knots = domain.spread, domain.scale, len(COUNTS), len(domain.scale.lengths)
    bits = all(t.dtype == np.uint8 and t.shape == (2 ** TABLES[n] // 8,) for n, t in domain.tables.items())
    shapes = [
        spread.mean.shape,
        spread.deviation.shape,
        spread.precision.shape,
        scale.mean.shape,
        scale.deviation.shape,
        scale.lengths.shape,
    ]
    expected = [(counts,), (counts,), (counts, counts), *[(len(domain.tables) + 1, knots)] * 2, (knots,)]
    numbers = (*vars(spread).values(), *vars(scale).values(), domain.scores)
    return (
        bits
        and shapes == expected
        and domain.scores.ndim == 1
        and bool(knots and len(domain.scores))
        and all(one.dtype == np.float64 and np.isfinite(one).all() for one in numbers)
        and all(bool((one > 0).all()) for one in (spread.deviation, scale.deviation))
    )
