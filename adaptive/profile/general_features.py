"""The features of the general difficulty model: a question's terms, and a row of figures about its structure.

`adaptive.profile.features` is for one model and sums. This is for questions of any kind, prose, LaTeX, multiple
choice or code, and for many at a time: one pass of a regular expression, then counting. Code is read as text, it
is neither run nor parsed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS = 20_000
"""The characters of a question that are read, from its start: hostile input stays cheap."""
MAX_WORD = 24
"""The characters of a word that are read."""

_PIECE = re.compile(r"\\?[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_OPTION = re.compile(r"^\(?[A-J][).] +(.*)$", re.MULTILINE)
_PURE = re.compile(r"[$−-]?[\d.,/]+ ?%?$")
_SIGNS = tuple("?.,;:([{^=%$/+-*\"'_<>&|\\\n")
_GROUPS = {
    "rate": "each every per apiece",
    "sum": "total altogether combined sum",
    "rest": "left remain remaining remains rest",
    "scale": "twice double triple half third quarter times",
    "percent": "percent percentage interest discount",
    "compare": "more less fewer than older younger",
    "mean": "average mean median probability",
    "condition": "if suppose after before then when",
    "negative": "not except least false incorrect none neither",
    "find": "find compute determine evaluate prove",
    "integer": "integer integers positive prime digits divisor real",
    "loop": "for while in range",
    "branch": "elif else return break continue",
}
_GROUP = {word: i for i, words in enumerate(_GROUPS.values()) for word in words.split()}
_OF_PIECES = (
    "pieces", "words", "word_length", "long_words", "names", "variety", "commands", "letters", "numbers",
    "different_numbers", "one_digit", "digits", "longest_number", "decimals", "size",
)  # fmt: skip
_OF_OPTIONS = (
    "options",
    "option_length",
    "longest_option",
    "option_spread",
    "options_with_digits",
    "pure_numbers",
)
_OF_CODE = (
    "lines",
    "deepest",
    "indent",
    "last_length",
    "last_digits",
    "last_quotes",
    "last_commas",
    "last_spaces",
)
STRUCTURE: tuple[str, ...] = (
    "characters", *(f"sign_{sign!r}" for sign in _SIGNS), *_OF_PIECES, *(f"group_{name}" for name in _GROUPS),
    *_OF_OPTIONS, *_OF_CODE,
)  # fmt: skip
"""The names of the columns of `compute_structure`, in order."""


def read_features(question: str) -> tuple[list[str], list[float]]:
    """Return a question's terms (words and pairs), and a figure for each of `STRUCTURE`, before the log."""
    text = question[:MAX_CHARACTERS]
    pieces = _PIECE.findall(text)
    shapes = list(map(_shape_piece, pieces))
    terms = shapes + [f"{a} {b}" for a, b in pairwise(shapes)]
    signs = [text.count(sign) for sign in _SIGNS]
    return terms, [
        len(text),
        *signs,
        *_measure_pieces(pieces, shapes),
        *_count_groups(shapes),
        *_measure_options(text),
        *_measure_code(text),
    ]


def extract_terms(question: str) -> list[str]:
    """Return a question's terms: the analyzer of the vectorizer."""
    return read_features(question)[0]


def scale_features(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return log(1 + figure), shape (n, len(STRUCTURE))."""
    return np.log1p(np.asarray(rows, dtype=np.float64).reshape(len(rows), len(STRUCTURE)))


def compute_structure(questions: Sequence[str]) -> NDArray[np.float64]:
    """Return a row for each question, a column for each of `STRUCTURE`, after the log."""
    return scale_features([read_features(q)[1] for q in questions])


@lru_cache(maxsize=1 << 16)
def _shape_piece(piece: str) -> str:
    """Return a word in lower case, a short number as it is, and one of over two digits as how many it has.

    "Half of 10" differs from "half of 7", and 1,250 hardly from 1,350.
    """
    if not piece[0].isdecimal():
        return piece.lower()[:MAX_WORD]
    if len(piece) <= 2:
        return piece
    whole, _, part = piece.replace(",", "").partition(".")
    return f"<{len(whole)}.{len(part)}d>" if part else f"<{len(whole)}d>"


def _measure_pieces(pieces: Sequence[str], shapes: Sequence[str]) -> list[float]:
    """Return the figures of `_OF_PIECES`. Lists are a third faster than generators here."""
    words = [p for p in pieces if p[0].isalpha()]
    numbers = [p for p in pieces if p[0].isdecimal()]
    lengths = list(map(len, words))
    sizes = list(map(len, numbers))
    return [
        len(pieces), len(words), sum(lengths) / max(1, len(words)), len([n for n in lengths if n > 8]),
        len([w for w in words if w[0].isupper()]), len(set(shapes)) / max(1, len(shapes)),
        len([p for p in pieces if p[0] == "\\" and len(p) > 1]),
        len({w for w, n in zip(words, lengths, strict=True) if n == 1}), len(numbers), len(set(numbers)),
        sizes.count(1), sum(sizes), max(sizes, default=0), len([p for p in numbers if "." in p]),
        sum([math.log1p(_parse_size(p)) for p in numbers]),
    ]  # fmt: skip


def _parse_size(number: str) -> float:
    """Return a number's size, from its first 15 digits alone."""
    whole = number.replace(",", "").partition(".")[0]
    return float(int(whole[:15])) if whole.isascii() else 0.0


def _count_groups(shapes: Sequence[str]) -> list[float]:
    counted = [0.0] * len(_GROUPS)
    for group in map(_GROUP.get, shapes):
        if group is not None:
            counted[group] += 1
    return counted


def _measure_options(text: str) -> list[float]:
    """Return the figures of `_OF_OPTIONS`, about the lines that begin with (A), B) or C."""
    options = _OPTION.findall(text) if "\n" in text else []
    if len(options) < 2:
        return [0.0] * len(_OF_OPTIONS)
    lengths = [len(option) for option in options]
    mean = sum(lengths) / len(options)
    spread = math.sqrt(sum((n - mean) ** 2 for n in lengths) / len(options))
    digits = sum(any(map(str.isdecimal, option)) for option in options)
    pure = sum(_PURE.match(option) is not None for option in options)
    return [len(options), mean, max(lengths), spread, digits / len(options), pure / len(options)]


def _measure_code(text: str) -> list[float]:
    """Return the figures of `_OF_CODE`, about a Python function and the last line that calls or asserts."""
    if "def " not in text:
        return [0.0] * len(_OF_CODE)
    lines = [line for line in text[text.index("def ") :].splitlines() if line]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    last = next((line for line in reversed(lines) if "(" in line), "")
    return [
        len(lines), max(indents), sum(indents), len(last), sum(map(str.isdecimal, last)),
        last.count("'") + last.count('"'), last.count(","), last.count(" "),
    ]  # fmt: skip
