r"""Reads a text that is a number, with or without a unit, as an exact fraction.

Nothing is evaluated but a fraction, a mixed number, a power of two small whole numbers, and a power of ten: an
answer is text that a model wrote, so its size is bounded before any arithmetic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from adaptive.answers.simplify import CACHE_SIZE, simplify_text
from adaptive.answers.units import parse_unit, split_currency

LONGEST_NUMBER = 400
"""The most characters of a number, and its largest power of ten. Anything longer or larger is text."""
LARGEST_POWER = 1000
"""The most digits of a power."""

LITERAL = r"(?:[0-9](?:[0-9]|[.,'](?=[0-9])| (?=[0-9]{3}(?![0-9/]))|\.(?=\([0-9]))*|\.[0-9]+)"
"""A row of digits with separators in it. What they mean, `_parse_digits` says."""
NUMBER = (
    rf"(?:(?P<whole>[0-9]+)(?: and | & | )(?P<part>[1-9][0-9]*) ?/ ?(?P<parts>[0-9]+)"
    rf"|(?P<top>{LITERAL})(?P<repeat>\([0-9]{{1,40}}\)|…)?"
    rf"(?:e(?P<power>[+-]?[0-9]{{1,4}})(?![0-9])|\^(?P<raised>[+-]?[0-9]{{1,4}})(?![0-9])"
    rf"| ?[*x] ?10 ?\^(?P<ten>[+-]?[0-9]{{1,4}})(?![0-9]))?"
    rf"(?: ?/ ?(?P<bottom>{LITERAL}))?(?: (?P<zeros>thousand|million|billion|trillion)(?![a-z]))?)"
)
_WHOLE_TEXT = re.compile(rf"(?P<sign>[+-]?) ?{NUMBER}(?P<unit>.*)", re.DOTALL)
_ZEROS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_GROUPED = {
    ",": re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"),
    ".": re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+"),
    " ": re.compile(r"[0-9]{1,3}(?: [0-9]{3})+"),
    "'": re.compile(r"[0-9]{1,3}(?:'[0-9]{3})+"),
}
_REPEATED = re.compile(r"^([0-9])\1$|([0-9]+?)\2{2,}$")
_ASSIGNMENT = re.compile(r"^[a-z](?:_[a-z0-9]|\([a-z0-9]\))? ?= ?|^≈ ?")
_WRAPPED = re.compile(r"\( ?([-+]?[$€£]?[0-9.][^(),{}]*)\)|\{ ?([-+]?[$€£]?[0-9.][^(),{}]*)\}")
_FRACTION_PARTS = re.compile(r"^([+-]?) ?\(?(-?[0-9]+)\)? ?/ ?\(?([0-9]+)\)?$")


@dataclass(frozen=True)
class Quantity:
    """A number and its unit, singular and in lower case; "" if it has none."""

    value: Fraction
    unit: str = ""


def parse_number(text: str) -> Fraction | None:
    """Return the exact value of a text that is a number, with or without a unit; else None."""
    quantity = parse_quantity(text)
    return quantity.value if quantity else None


def parse_quantity(text: str, *, comma: bool = False) -> Quantity | None:
    """Return the number and unit of a text such as "-3", "1,000", "1 1/2" or "5 apples", else None.

    Args:
        text: The text.
        comma: Whether the comma is the decimal sign: "1.234" is then a thousand and more, and "1,234" is not.
    """
    return _parse_cached(text, comma) if len(text) <= 4 * LONGEST_NUMBER else None


@lru_cache(maxsize=CACHE_SIZE)
def _parse_cached(text: str, comma: bool) -> Quantity | None:
    plain, currency = split_currency(_unwrap_numbers(simplify_text(text)))
    match = _WHOLE_TEXT.fullmatch(plain) if len(plain) <= LONGEST_NUMBER else None
    if match is None or (unit := parse_unit(match["unit"])) is None:
        return None
    value = compute_value(match, comma=comma or currency == "eur" or unit == "eur")
    if value is None or (currency and unit not in ("", currency)):
        return None
    return Quantity(-value if match["sign"] == "-" else value, currency or unit)


def compute_value(match: re.Match[str], *, comma: bool = False) -> Fraction | None:
    """Return the value of a match of `NUMBER` without its sign; None if it has none, or one too large."""
    if len(match["whole"] or match["top"]) > LONGEST_NUMBER or len(match["bottom"] or "") > LONGEST_NUMBER:
        return None
    if match["whole"]:
        parts = int(match["parts"])
        return int(match["whole"]) + Fraction(int(match["part"]), parts) if parts else None
    top = parse_decimal(match["top"], match["repeat"] or "", comma=comma)
    bottom = parse_decimal(match["bottom"] or "1", comma=comma)
    ten = int(match["power"] or match["ten"] or 0) + _ZEROS.get(match["zeros"] or "", 0)
    if top is None or not bottom or abs(ten) > LONGEST_NUMBER:
        return None
    if match["raised"] is not None and (top := _raise(top, int(match["raised"]))) is None:
        return None
    return top * Fraction(10) ** ten / bottom


def parse_decimal(digits: str, repeat: str = "", *, comma: bool = False) -> Fraction | None:
    """Return the value of digits with separators; None if the separators make no sense.

    Args:
        digits: As `LITERAL` matches them.
        repeat: "(3)" if these digits repeat for ever, "…" if the last ones do, as often as is seen: "0.333…".
        comma: Whether the comma is the decimal sign.
    """
    point = _split_at_point(digits, comma)
    if point is None:
        return None
    whole, decimals = point
    if repeat == "…":
        found = _REPEATED.search(decimals)
        if found is None:
            return None
        decimals, repeat = decimals[: found.start()], found[1] or found[2]
    elif repeat and not decimals and not digits.endswith((".", ",")):
        return None  # 2(3) is a product
    value = Fraction(int(whole or "0")) + Fraction(int(decimals or "0"), 10 ** len(decimals))
    period = repeat.strip("()")
    return value + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(decimals)) if period else value


def _split_at_point(digits: str, comma: bool) -> tuple[str, str] | None:
    """Return the digits before and after the decimal sign; None if the separators make no sense."""
    point, group = (",", ".") if comma else (".", ",")
    used = {separator for separator in ".,' " if separator in digits}
    if {".", ","} <= used:
        # With both, the last one is the decimal sign, whatever the language.
        point, group = (",", ".") if digits.rfind(",") > digits.rfind(".") else (".", ",")
    elif group in used and not _GROUPED[group].fullmatch(digits):
        if not comma or digits.count(group) > 1:  # 1,2 may be two numbers, but 3.5 is one everywhere
            return None
        point, group = group, point
    elif digits.count(point) > 1:
        if not _GROUPED[point].fullmatch(digits):
            return None
        point, group = group, point  # 1.234.567
    whole, _, decimals = digits.partition(point)
    grouping = used - {point}
    if len(grouping) > 1 or point in decimals or any(c in decimals for c in grouping):
        return None
    if grouping and not _GROUPED[grouping.pop()].fullmatch(whole):
        return None
    return re.sub("[.,' ]", "", whole), decimals


def _raise(base: Fraction, power: int) -> Fraction | None:
    digits = max(len(str(base.numerator)), len(str(base.denominator)))
    if digits * abs(power) > LARGEST_POWER or (not base and power <= 0):
        return None
    return base**power


def _unwrap_numbers(plain: str) -> str:
    """Return a text without a leading `x =`, nor brackets around a number or the parts of a fraction."""
    plain = _ASSIGNMENT.sub("", plain)
    if inner := _WRAPPED.fullmatch(plain):
        return (inner[1] or inner[2]).strip()
    return _FRACTION_PARTS.sub(r"\1\2/\3", plain)
