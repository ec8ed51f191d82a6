"""Domain: how unlike the questions that a profile was measured on is a question?

Difficulty, verifier and thresholds say something about questions of the kind that was recorded, and nothing about
any other. Novelty is measured four ways: the share of adjacent pieces of the question, of three in a row, and of
four characters in a row that no recorded question has, and how far its counts (`features.COUNTS`) are from theirs.
Each is standardised by what recorded questions of about the same length have when they are left out, group by
group; the mean of the four is the score. A question whose score is above that of nearly all of these, the share
`alpha` excepted, is outside: a conformal p-value (Vovk et al. 2005, "Algorithmic learning in a random world").

Plain numpy, and bits instead of words: nobody can read the recorded questions out of a profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from adaptive._util.arrays import read_arrays, write_arrays
from adaptive._util.files import BROKEN_ZIP
from adaptive.errors import InputError
from adaptive.profile.features import CACHE_SIZE, COUNTS, MAX_CHARACTERS, QuestionFeatures

Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]
Slots = NDArray[np.int64]
Hashes = NDArray[np.uint64]

FILE = "domain.npz"
TABLES = {"pairs": 18, "triples": 19, "characters": 18}
"""What is remembered of the recorded questions, and the base-2 logarithm of the bits of each table."""
MEASURES = (*TABLES, "counts")
"""The measures of novelty, in order."""
ALPHA = 0.05
UNLIKE = "unlike the questions that this profile was measured on"
LEAST_DEVIATION, MOST_DEVIATION = -2.0, 20.0
"""A standardised measure counts within these limits: one alone cannot make a question usual."""
ROUNDING = 1e-6
_CHARACTERS = 4
_MIX, _SECOND, _THIRD = (
    np.array([m], np.uint64) for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
_FNV = np.array([0x100000001B3], np.uint64)


@dataclass(frozen=True)
class QuestionTraits:
    """What novelty is measured by.

    slots: for each of `TABLES`, the place of each pair, triple or four characters. counts: log(1 + count), shape
    (len(COUNTS),). length: log of the number of pieces.
    """

    slots: Mapping[str, Slots]
    counts: Floats
    length: float

    @classmethod
    def read(cls, question: str) -> QuestionTraits:
        """Read a question's text, as far as `MAX_CHARACTERS`."""
        features = QuestionFeatures(question)
        pieces = np.array([_START, *map(_hash_piece, features.shapes), _END], np.uint64)
        pairs = (pieces[:-1] * _MIX ^ pieces[1:] * _SECOND) * _MIX
        triples = (pairs[:-1] ^ pieces[2:] * _THIRD) * _MIX
        hashes = {"pairs": pairs, "triples": triples, "characters": _hash_characters(question)}
        slots = {name: (hashes[name] >> np.uint64(64 - bits)).astype(np.int64) for name, bits in TABLES.items()}
        return cls(slots, np.log1p(features.to_counts()), math.log(len(pieces)))


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

    lengths: k logarithms, rising. mean, deviation: shape (len(MEASURES), k).
    """

    lengths: Floats
    mean: Floats
    deviation: Floats

    def standardise(self, measured: Floats, length: float) -> Floats:
        """Return the deviations of measures, shape (len(MEASURES),), from questions of this length."""
        mean, deviation = (
            np.array([np.interp(length, self.lengths, row) for row in rows])
            for rows in (self.mean, self.deviation)
        )
        return np.asarray(np.clip((measured - mean) / deviation, LEAST_DEVIATION, MOST_DEVIATION))


@dataclass(frozen=True)
class Domain:
    """The questions that a profile was measured on.

    tables: for each of `TABLES` its bits, packed. scores: of the recorded questions when they are left out,
    rising. alpha: the share of questions of the same kind that may be called outside, in 0..1.
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
        shares = [1 - read_bits(self.tables[name], traits.slots[name]) for name in TABLES]
        return compute_score(shares, traits, self.spread, self.scale)

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
            numbers = {name: read[name].astype(np.float64) for name in _NUMBERS}
            domain = cls(
                {name: read[name] for name in TABLES},
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


def compute_score(shares: list[Floats], traits: QuestionTraits, spread: CountSpread, scale: NoveltyScale) -> float:
    """Return the score of a question.

    Args:
        shares: For each of `TABLES`, 1 for each of its slots that is new, else 0.
        traits: The question.
        spread: See `Domain`.
        scale: See `Domain`.
    """
    return float(np.mean(scale.standardise(measure_novelty(shares, traits, spread), traits.length)))


def measure_novelty(shares: list[Floats], traits: QuestionTraits, spread: CountSpread) -> Floats:
    """Return the measures of a question, shape (len(MEASURES),). The arguments are those of `compute_score`."""
    means = [float(share.mean()) if len(share) else 0.0 for share in shares]
    return np.array([*means, spread.measure_distance(traits.counts)])


def read_bits(table: Bits, slots: Slots) -> Floats:
    """Return 1 for each slot whose bit is set, else 0."""
    return np.asarray((table[slots >> 3] >> (7 - (slots & 7)).astype(np.uint8)) & 1, np.float64)


@lru_cache(CACHE_SIZE)
def _hash_piece(piece: str) -> int:
    return crc32(piece.encode(errors="replace")) + 2


_START, _END = 0, 1
"""In place of a piece before the first and after the last."""


def _hash_characters(question: str) -> Hashes:
    """Return a hash for each four bytes in a row of the text in lower case, in which all digits are the same."""
    text = f" {question[:MAX_CHARACTERS].lower()} ".encode(errors="replace")
    raw = np.frombuffer(text, np.uint8)
    codes = np.where((raw >= ord("0")) & (raw <= ord("9")), ord("0"), raw).astype(np.uint64)
    count = max(0, len(codes) - _CHARACTERS + 1)
    mixed = np.zeros(count, np.uint64)
    for start in range(_CHARACTERS):
        mixed = (mixed ^ codes[start : start + count]) * _FNV
    return mixed * _MIX


def _is_consistent(domain: Domain) -> bool:
    spread, scale, counts, knots = domain.spread, domain.scale, len(COUNTS), len(domain.scale.lengths)
    bits = all(domain.tables[name].shape == (2**size // 8,) for name, size in TABLES.items())
    shapes = [
        spread.mean.shape,
        spread.deviation.shape,
        spread.precision.shape,
        scale.mean.shape,
        scale.deviation.shape,
    ]
    expected = [(counts,), (counts,), (counts, counts), *[(len(MEASURES), knots)] * 2]
    numbers = (spread.mean, spread.deviation, spread.precision, scale.mean, scale.deviation, domain.scores)
    finite = all(np.isfinite(one).all() for one in numbers) and bool((scale.deviation > 0).all())
    return (
        bits
        and shapes == expected
        and finite
        and bool(len(domain.scores))
        and domain.tables["pairs"].dtype == np.uint8
    )
