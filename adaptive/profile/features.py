"""The features of a question's text: tokens, and a short row of counts.

Pure Python and numpy: a prediction takes milliseconds, and only training pays for importing scikit-learn. Numbers
are replaced by their size, so that "47 + 38" and "12 + 95" look alike and "4712 + 3895" does not: what makes
arithmetic hard is how long the numbers are, and how many.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS = 20_000
"""The characters of a question that are read, from its start: hostile input stays cheap."""

CACHE_SIZE = 1 << 16
"""The number of pieces in each cache: most pieces come again and again."""

_PIECE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+(?:'[a-z]+)?|[^\w\s]")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_OPERATORS = {"+": "+", "-": "-", "−": "-", "*": "*", "×": "*", "·": "*", "/": "/", "÷": "/", "^": "^"}
_BUCKETS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 24, 40, 80)

_KEYWORDS = {
    "rate": "each every per apiece",
    "sum": "total altogether sum combined add plus",
    "rest": "left remain remaining remains minus subtract difference",
    "scale": "twice double triple half third quarter times thrice",
    "percent": "percent percentage interest discount %",
    "compare": "more less fewer than older younger greater",
    "mean": "average mean median",
    "divisor": "gcd lcm divisor common multiple factor prime remainder",
    "unknown": "solve equation variable unknown x y z",
    "condition": "if suppose after before then when",
    "logic": "prove show not all none only least most except",
}
_GROUP = {word: i for i, words in enumerate(_KEYWORDS.values()) for word in words.split()}
_BASE_COUNTS = (
    "characters", "words", "sentences", "numbers", "different_numbers", "digits", "longest_number",
    "shortest_number", "decimals", "brackets", "work_add", "work_multiply", "op_+", "op_-", "op_*", "op_/",
    "op_^", "symbols",
)  # fmt: skip
COUNTS: tuple[str, ...] = (*_BASE_COUNTS, *(f"key_{name}" for name in _KEYWORDS))
"""The names of the columns of `to_counts`, in order."""


@dataclass(frozen=True)
class QuestionFeatures:
    """The features of one question, which is parsed once."""

    question: str

    @cached_property
    def pieces(self) -> list[str]:
        """Words in lower case, numbers and single symbols, in order."""
        return _PIECE.findall(self.question[:MAX_CHARACTERS].lower())

    @cached_property
    def shapes(self) -> list[str]:
        """The pieces, each number replaced by its size."""
        return list(map(_shape_piece, self.pieces))

    @cached_property
    def base_counts(self) -> list[float]:
        """The columns of `_BASE_COUNTS`, before the log."""
        pieces, text = self.pieces, self.question[:MAX_CHARACTERS]
        numbers = [p for p in pieces if p[0].isdecimal()]
        sizes = [_count_digits(p) for p in numbers] or [0]
        words = sum([p[0].isalpha() for p in pieces])
        signs = [_OPERATORS[p] for p in pieces if p in _OPERATORS]
        return [
            len(text), words, len(_SENTENCE.findall(text)), len(numbers), len(set(numbers)), sum(sizes),
            max(sizes), min(sizes), sum(["." in p for p in numbers]), sum([p in "([{" for p in pieces]),
            *_count_digit_steps(pieces, signs), *[signs.count(s) for s in "+-*/^"],
            len(pieces) - words - len(numbers),
        ]  # fmt: skip

    def to_counts(self) -> list[float]:
        """Return a value for each of `COUNTS`, before the log."""
        groups = [0.0] * len(_KEYWORDS)
        for piece in self.pieces:
            if piece in _GROUP:
                groups[_GROUP[piece]] += 1
        return [*self.base_counts, *groups]

    def to_tokens(self) -> list[str]:
        """Return 1- and 2-grams, operators with the sizes beside them, and the counts in buckets.

        The buckets let a linear model draw a curve: "#numbers=3" has a weight of its own.
        """
        shapes = self.shapes
        pairs = [f"{a} {b}" for a, b in pairwise(shapes)]
        buckets = map(_format_bucket, _BASE_COUNTS, self.base_counts)
        return [*shapes, *pairs, *_find_operations(shapes), *buckets]


def count_features(questions: Sequence[str]) -> NDArray[np.float64]:
    """Return a row for each question, a column for each of `COUNTS`: log(1 + count), shape (n, len(COUNTS))."""
    rows = [QuestionFeatures(q).to_counts() for q in questions]
    return np.log1p(np.asarray(rows, dtype=np.float64).reshape(len(rows), len(COUNTS)))


def normalise_question(question: str) -> str:
    """Return a key that is equal for questions that differ only in case, spaces and final punctuation."""
    return " ".join(question.lower().split()).rstrip(" .?!")


@lru_cache(CACHE_SIZE)
def _shape_piece(piece: str) -> str:
    """Return a word as it is, a number as its digits before and after the point: "<2d>", "<1.2d>"."""
    if not piece[0].isdecimal():
        return piece[:24]
    whole, _, part = piece.replace(",", "").partition(".")
    return f"<{len(whole)}.{len(part)}d>" if part else f"<{len(whole)}d>"


def _find_operations(shapes: Sequence[str]) -> Iterator[str]:
    """Yield each operator between two numbers with their sizes, sorted if the operator is commutative."""
    for place in [i for i, s in enumerate(shapes) if s in _OPERATORS and 0 < i < len(shapes) - 1]:
        left, sign, right = shapes[place - 1 : place + 2]
        if left.startswith("<") and right.startswith("<"):
            a, b = sorted((left, right)) if _OPERATORS[sign] in "+*" else (left, right)
            yield f"{a}{_OPERATORS[sign]}{b}"


def _count_digit_steps(pieces: Sequence[str], signs: Sequence[str]) -> tuple[float, float]:
    """Return the digit steps of written sums (the longer number) and of products (one length times the other)."""
    add = multiply = 0.0
    if not signs:
        return add, multiply
    for left, sign, right in zip(pieces, pieces[1:], pieces[2:], strict=False):
        if sign in _OPERATORS and left[0].isdecimal() and right[0].isdecimal():
            a, b = _count_digits(left), _count_digits(right)
            add += max(a, b) if _OPERATORS[sign] in "+-" else 0
            multiply += a * b if _OPERATORS[sign] in "*/" else 0
    return add, multiply


@lru_cache(CACHE_SIZE)
def _count_digits(number: str) -> int:
    return sum(c.isdecimal() for c in number)


@lru_cache(CACHE_SIZE)
def _format_bucket(name: str, value: float) -> str:
    return f"#{name}={_find_bucket(value)}"


def _find_bucket(value: float) -> int:
    """Return the largest of `_BUCKETS` that `value` reaches, or beyond the last one the largest power of two."""
    if value >= 2 * _BUCKETS[-1]:
        return 1 << math.frexp(value)[1] - 1
    return _BUCKETS[bisect_right(_BUCKETS, value) - 1]
