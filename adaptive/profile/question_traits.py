"""What the novelty of a question is measured by: hashes of what stands in it in a row, and its counts.

Of each question four kinds of hashes are read: adjacent pieces, three in a row, four characters in a row, and
four words of its *wording* in a row. The wording is the question with each run of numbers, operators and brackets
as one sign and each single letter as another: "What is 47 + 38?" and "What is (3 + 4) * 2?" have the same one, and
so have "Solve for q" and "Solve for y". So a new wording stands out even in a short question, whose numbers are
often new in some way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from adaptive.profile.features import CACHE_SIZE, MAX_CHARACTERS, QuestionFeatures

Floats = NDArray[np.float64]
Slots = NDArray[np.int64]
Hashes = NDArray[np.uint64]

TABLES = {"pairs": 18, "triples": 19, "characters": 18, "wordings": 19}
"""What is remembered of the recorded questions, and the base-2 logarithm of the bits of each table."""
_CHARACTERS = 4
_MIX, _SECOND, _THIRD, _FOURTH = (
    np.array([m], np.uint64)
    for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_FNV = np.array([0x100000001B3], np.uint64)
_START, _END = 0, 1
"""In place of a piece before the first and after the last."""
_ARITHMETIC, _LETTER = "#", "x"
_SIGNS = frozenset("+-−*×·/÷^=()[]")


@dataclass(frozen=True)
class QuestionTraits:
    """What novelty is measured by.

    slots: for each of `TABLES`, the place of each pair, triple, four characters or four words. counts: log(1 +
    count), shape (len(COUNTS),). length: log of the number of pieces.
    """

    slots: Mapping[str, Slots]
    counts: Floats
    length: float

    @classmethod
    def read(cls, question: str) -> QuestionTraits:
        """Read a question's text, as far as `MAX_CHARACTERS`."""
        features = QuestionFeatures(question)
        pieces = _hash_pieces(features.shapes)
        pairs = (pieces[:-1] * _MIX ^ pieces[1:] * _SECOND) * _MIX
        hashes = {
            "pairs": pairs,
            "triples": (pairs[:-1] ^ pieces[2:] * _THIRD) * _MIX,
            "characters": _hash_characters(question),
            "wordings": _hash_wording(read_wording(features.shapes)),
        }
        slots = {name: (hashes[name] >> np.uint64(64 - bits)).astype(np.int64) for name, bits in TABLES.items()}
        return cls(slots, np.log1p(features.to_counts()), math.log(len(pieces)))


def read_wording(shapes: Sequence[str]) -> list[str]:
    """Return the wording of a question from its `QuestionFeatures.shapes`."""
    wording: list[str] = []
    for word in map(_generalise_shape, shapes):
        if word != _ARITHMETIC or not wording or wording[-1] != _ARITHMETIC:
            wording.append(word)
    return wording


@lru_cache(CACHE_SIZE)
def _generalise_shape(shape: str) -> str:
    if shape in _SIGNS or (shape[0] == "<" and len(shape) > 1):
        return _ARITHMETIC
    return _LETTER if len(shape) == 1 and "a" <= shape <= "z" else shape


def _hash_wording(wording: Sequence[str]) -> Hashes:
    """Return a hash for each four words in a row; two ends stand after the last of them."""
    words = np.append(_hash_pieces(wording), np.uint64(_END))
    pairs = (words[:-1] * _MIX ^ words[1:] * _SECOND) * _MIX
    return np.asarray((pairs[:-2] ^ pairs[2:] * _FOURTH) * _MIX)


def _hash_pieces(pieces: Sequence[str]) -> Hashes:
    return np.array([_START, *map(_hash_piece, pieces), _END], np.uint64)


@lru_cache(CACHE_SIZE)
def _hash_piece(piece: str) -> int:
    return crc32(piece.encode(errors="replace")) + 2


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
