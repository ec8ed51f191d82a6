r"""Whether two answers are the same: numbers by their value, as exact fractions, everything else by its text.

It serves agreement between attempts, votes, and with `adaptive.answers.graded` the grading against a reference.
"""

from __future__ import annotations

from functools import lru_cache

from adaptive.answers.extract import read_answer
from adaptive.answers.language import parse_polarity, uses_decimal_comma
from adaptive.answers.numerals import parse_quantity
from adaptive.answers.simplify import normalise_text
from adaptive.answers.structures import match_structures, parse_structure
from adaptive.answers.units import match_units


# A vote compares every answer with every other after each sample, and a search of policies replays many votes.
@lru_cache(4096)
def same_answer(a: str | None, b: str | None) -> bool:
    """Whether `a` and `b` are the same answer, or replies that give the same answer.

    Of a longer reply the answer is read (`adaptive.answers.extract`), then the two are compared by `same_value`.
    None and "" equal nothing.
    """
    if a is None or b is None:
        return False
    one, two = read_answer(a), read_answer(b)
    comma = uses_decimal_comma(a) or uses_decimal_comma(b)
    return same_value(one.text, two.text, comma=comma)


def same_value(a: str, b: str, *, comma: bool = False) -> bool:
    """Whether two answers, without words around them, are the same.

    Two numbers are the same if their values are exactly equal ("1,000" and "1000", "3/4" and "0.75") and their
    units are too, if both have one. A number never equals a text that is not one. Points, sets, intervals and
    lists are the same if their parts are. Yes is true, in any language. Any other two texts must be the same when
    case, spaces, markup and final punctuation are ignored. "" equals nothing.

    Args:
        a: An answer.
        b: Another one.
        comma: Whether the comma is the decimal sign.
    """
    one, two = parse_quantity(a, comma=comma), parse_quantity(b, comma=comma)
    if one is not None and two is not None:
        return one.value == two.value and match_units(one.unit, two.unit)
    if one is not None or two is not None:
        return False
    if normalise_text(a) == normalise_text(b):
        return normalise_text(a) != ""
    first, second = parse_structure(a), parse_structure(b)
    if first is not None and second is not None:
        return match_structures(first, second, lambda x, y: same_value(x, y, comma=comma))
    yes = parse_polarity(a)
    return yes is not None and yes == parse_polarity(b)
