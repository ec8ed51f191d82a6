r"""Whether two answers are the same: numbers by their value, as exact fractions, everything else by its text.

It serves grading against a reference and agreement between attempts. Nothing is evaluated: an answer is text that
a model wrote, so its size is bounded before any arithmetic.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

LONGEST_NUMBER = 400
"""The most characters of a number, and its largest power of ten. Anything longer or larger is text."""
CACHE_SIZE = 4096
"""Texts whose parsed form is cached, because votes compare each answer with each other one again and again."""

_WHOLE = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]+"
_DECIMAL = rf"(?:{_WHOLE})(?:\.[0-9]*)?|\.[0-9]+"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?) ?(?:(?P<whole>[0-9]+) (?=[0-9]+ ?/))?(?P<top>{_DECIMAL})"
    rf"(?:e(?P<power>[+-]?[0-9]{{1,4}}))?(?: ?/ ?(?P<bottom>{_DECIMAL}))?(?P<unit>.*)",
    re.DOTALL,
)
_ATTACHED = re.compile(r"%|°[cf]?|mm|cm|m|km|in|ft|mg|g|kg|ml|cl|l|s|h|min|am|pm")
_UNIT = re.compile(r"[^\W\d_]{2,}(?: ?[/ ] ?[^\W\d_]+){0,3}(?:\^[23])?")
_NO_UNIT = re.compile(
    r"\b(?:pi|sqrt|root|sin|cos|tan|log|ln|exp|and|or|to|over|times|plus|minus|by|mod|half|dozen|hundred|thousand|"
    r"[mbtr]+illion|remainder|squared|cubed|factorial)\b"
)
_LATEX = (
    (re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]*)\}"), r" \1"),
    (re.compile(r"\\(?:left|right|displaystyle)(?![a-z])"), ""),
    (re.compile(r"\\[!,;: ]|~"), " "),
    (re.compile(r"\^\s*(?:\{\s*)?\\circ(?:\s*\})?|\\degree"), "°"),
    (re.compile(r"\\(?:times|cdot)\b"), "*"),
    (re.compile(r"\\\(|\\\)|\\\[|\\\]|\\?\$|\*\*|`"), ""),
    (re.compile(r"\\%"), "%"),
)
_TEN_TO = re.compile(r" ?[*×·] ?10 ?\^ ?(?:\{ ?([+-]?[0-9]+) ?\}|([+-]?[0-9]+))")
_SUPERSCRIPTS = {ord(c): f"^{d}" for d, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_SIGNS = {ord("−"): "-", ord("–"): "-", ord("\u2044"): "/", ord("÷"): "/"}


@dataclass(frozen=True)
class Quantity:
    """A number and its unit, singular and in lower case; "" if it has none."""

    value: Fraction
    unit: str = ""


def same_answer(a: str | None, b: str | None) -> bool:
    """Whether `a` and `b` are the same answer.

    Two numbers are the same if their values are exactly equal ("1,000" and "1000", "3/4" and "0.75") and their
    units are too, if both have one. A number never equals a text that is not one. Any other two texts must be the
    same when case, spaces, markup and final punctuation are ignored. None and "" equal nothing.
    """
    if a is None or b is None:
        return False
    one, two = parse_quantity(a), parse_quantity(b)
    if one is None or two is None:
        return one is two and normalise_text(a) == normalise_text(b) != ""
    return one.value == two.value and (one.unit == two.unit or "" in (one.unit, two.unit))


def parse_number(text: str) -> Fraction | None:
    """Return the exact value of a text that is a number, with or without a unit; else None."""
    quantity = parse_quantity(text)
    return quantity.value if quantity else None


@lru_cache(maxsize=CACHE_SIZE)
def parse_quantity(text: str) -> Quantity | None:
    """Return the number and unit of a text such as "-3", "1,000", "1 1/2" or "5 apples", else None."""
    if len(text) > 4 * LONGEST_NUMBER:
        return None
    plain = _TEN_TO.sub(lambda m: f"e{m[1] or m[2]}", _simplify_text(text))
    match = _NUMBER.fullmatch(_unwrap_numbers(plain)) if len(plain) <= LONGEST_NUMBER else None
    if match is None or (unit := _parse_unit(match["unit"])) is None or (value := _compute_value(match)) is None:
        return None
    return Quantity(value, unit)


@lru_cache(maxsize=CACHE_SIZE)
def normalise_text(text: str) -> str:
    """Return a text without case, markup, final punctuation and the spaces around symbols."""
    plain = re.sub(r" ?([^\w ]) ?", r"\1", _simplify_text(text))
    return re.sub(r"^\((\w)\)$", r"\1", plain)


def _simplify_text(text: str) -> str:
    """Return a text as one line of simple characters in lower case, with LaTeX's markup resolved or dropped."""
    text = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS)).translate(_SIGNS).casefold()
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    return " ".join(text.split()).rstrip(".,;: ").lstrip("= ")


def _unwrap_numbers(plain: str) -> str:
    """Return a text without a leading `x =` and without the brackets or braces around plain numbers."""
    plain = re.sub(r"^[a-z] ?= ?", "", plain)
    return re.sub(r"[({] ?([+-]?[0-9.,]+) ?[)}]", r"\1", plain)


def _parse_unit(rest: str) -> str | None:
    """Return the unit after a number: "" if nothing follows, None if what follows is no unit."""
    unit = rest.strip()
    if not unit or _ATTACHED.fullmatch(unit):
        return _make_singular(unit)
    spaced = rest.startswith(" ") and _UNIT.fullmatch(unit)
    return _make_singular(unit) if spaced and not _NO_UNIT.search(unit) else None


def _make_singular(unit: str) -> str:
    unit = {"dollar": "", "dollars": "", "percent": "%"}.get(unit, unit)
    return unit.removesuffix("s") if len(unit) > 2 else unit


def _compute_value(match: re.Match[str]) -> Fraction | None:
    """Return the value of a match of `_NUMBER`; None if it divides by zero or its power is too large."""
    power = int(match["power"] or 0)
    bottom = _parse_decimal(match["bottom"] or "1")
    if abs(power) > LONGEST_NUMBER or bottom == 0:
        return None
    value = int(match["whole"] or 0) + _parse_decimal(match["top"]) * Fraction(10) ** power / bottom
    return -value if match["sign"] == "-" else value


def _parse_decimal(digits: str) -> Fraction:
    return Fraction(re.sub("[, ]", "", digits).rstrip(".") or "0")
