r"""Answers of several parts: points and tuples, sets, intervals, ratios, lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from adaptive.answers.simplify import simplify_text

LONGEST_LIST = 2000
"""The most characters of an answer that is read as several parts."""

SameItem = Callable[[str, str], bool]
Kind = Literal["brackets", "set", "ratio", "list"]

_RATIO = re.compile(
    r"([0-9][0-9.,]*)(?: ?: ?| to )([0-9][0-9.,]*)(?:(?: ?: ?| to )([0-9][0-9.,]*))? ?(am|pm|[ap]\.m)?"
)
_PLUS_MINUS = re.compile(r"(?:([a-z]) ?= ?)?± ?([^±]+)")
_SEPARATORS = re.compile(
    r" ?(?:, ?(?:and|or|und|oder|et|ou|y|o)|,|;| and | or | und | oder | et | ou |\\cup)(?= |$|[^ ]) ?"
)
_LABEL = re.compile(r"^[a-z](?:_[a-z0-9]|_\{[a-z0-9]\})? ?= ?")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Structure:
    """Parts of an answer, as simplified texts.

    Attributes:
        kind: "brackets" for points, tuples and intervals, "set", "ratio", or "list" if there are no brackets.
        parts: The parts, in the order in which they stand.
        brackets: The opening and the closing bracket; "" unless `kind` is "brackets".
    """

    kind: Kind
    parts: tuple[str, ...]
    brackets: str = ""


def parse_structure(text: str) -> Structure | None:
    """Return the parts of a text such as "(1, 2)", "{3, 4}", "[0, 1)", "3:4" or "2, 3"; None if it has none."""
    if len(text) > LONGEST_LIST:
        return None
    plain = _LABEL.sub("", simplify_text(text).replace("\\{", "{").replace("\\}", "}"))
    if ratio := _RATIO.fullmatch(plain):
        return Structure("ratio", tuple(part.replace(".m", "m") for part in ratio.groups() if part))
    if signs := _PLUS_MINUS.fullmatch(plain):
        return Structure("set", (signs[2].strip(), f"-{signs[2].strip()}"))
    bracketed = _read_brackets(plain)
    if bracketed is not None:
        return bracketed
    parts = split_parts(plain)
    return Structure("list", parts) if len(parts) > 1 and all(parts) else None


def split_parts(plain: str) -> tuple[str, ...]:
    """Split a simplified text at the commas and the like that stand in no brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(plain):
        if plain[at] in _OPEN:
            depth += 1
        elif plain[at] in _CLOSE:
            depth -= 1
        elif depth == 0 and plain[at] in " ,;" and (cut := _SEPARATORS.match(plain, at)):
            parts.append(plain[start:at])
            start = at = cut.end()
            continue
        at += 1
    parts.append(plain[start:])
    return tuple(_LABEL.sub("", part.strip()) for part in parts)


def match_structures(one: Structure, two: Structure, same: SameItem, *, ordered: bool = True) -> bool:
    """Whether two answers of several parts are the same.

    Brackets must be the same for two parts, because [0, 1) is another interval than (0, 1). A set has no order. A
    list without brackets may stand for a set or for more than two parts in brackets.

    Args:
        one: An answer.
        two: Another one.
        same: Tells whether two parts are the same.
        ordered: Whether the order of two lists counts.
    """
    if len(one.parts) != len(two.parts) or not _match_kinds(one, two):
        return False
    kinds = {one.kind, two.kind}
    if "set" in kinds or (kinds == {"list"} and not ordered):
        return _match_unordered(one.parts, two.parts, same)
    return all(same(a, b) for a, b in zip(one.parts, two.parts, strict=True))


def _match_kinds(one: Structure, two: Structure) -> bool:
    kinds = {one.kind, two.kind}
    if kinds == {"brackets"}:
        return one.brackets == two.brackets or (len(one.parts) > 2 and "(]" not in one.brackets + two.brackets)
    if kinds == {"brackets", "list"} or kinds == {"brackets", "set"}:
        return "[]" in (one.brackets, two.brackets) or (len(one.parts) > 2 and "set" not in kinds)
    return kinds != {"ratio", "list"} and (len(kinds) == 1 or kinds == {"set", "list"})


def _match_unordered(one: Sequence[str], two: Sequence[str], same: SameItem) -> bool:
    left = list(two)
    for part in one:
        found = next((place for place, other in enumerate(left) if same(part, other)), None)
        if found is None:
            return False
        del left[found]
    return True


def _read_brackets(plain: str) -> Structure | None:
    """Return what stands in one pair of brackets; None if the brackets do not stand around all of the text."""
    if len(plain) < 2 or plain[0] not in "([{]" or plain[-1] not in ")]}[":
        return None
    parts = split_parts(plain[1:-1])
    if plain[0] == "{":
        return Structure("set", parts) if plain[-1] == "}" and all(parts) and _is_balanced(plain[1:-1]) else None
    if len(parts) < 2 or not all(parts) or not _is_balanced(plain[1:-1]) or plain[-1] == "}":
        return None
    first = "(" if plain[0] == "]" else plain[0]  # ]0, 1[ is the open interval in France
    last = ")" if plain[-1] == "[" else plain[-1]
    return Structure("brackets", parts, first + last)


def _is_balanced(plain: str) -> bool:
    depth = 0
    for c in plain:
        depth += (c in _OPEN) - (c in _CLOSE)
        if depth < 0:
            return False
    return depth == 0
