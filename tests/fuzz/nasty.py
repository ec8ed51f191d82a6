"""Values that nobody expects: texts, numbers, and JSON that was changed in one place or two."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

TEXTS = (
    "", " ", "\n", "-", "--", "-1", "0", "1", "2", "64", "1.5", "nan", "inf", "-inf", "1e-320", "1e308", "1e999",
    "5%", "101%", "-0", "+7", "0x10", "1_000", "10" * 20, "9" * 5000, "٣", "²", "true", "null", "none", "[]", "{}",
    "[1", '{"a": 1', "=", "a=b", "a=", "=b", "a=b=c", ",", "low,high", "low,,high", "low,low", "0,64", "64,0",
    "0,64:max", "1/2", "m=1/2", "m=-1/2", "m=nan/1", "m=1/2/3/4", "\udcff", "a\udc80b", "🙂", "a\u2028b",
    "\x1b[31mred\x1b[0m",
    "\x00", "é" * 300, "x" * 20_000, "../..", "~", "$HOME", "%s%n", "What is 2 + 3?", "5", "<think>", "</think>",
    "http://[", "http://a:99999/v1", "http://user:pa@ss word@127.0.0.1:9/v1", "127.0.0.1:9",
)  # fmt: skip
"""Some of them cannot be an argument of a process (NUL), but come from files and servers."""
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 7, -(10**30), 10**30, 2**31, 2**63, 2**64, 0.5, -0.5, 1e300, 1e-320, float("nan"), float("inf"),
    float("-inf"), True, False,
)  # fmt: skip


def deep(depth: int) -> list[Any]:
    """Lists in lists."""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


VALUES = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from([text for text in TEXTS if len(text) < 1000]),
    st.sampled_from([None, [], {}, [None], [[]], {"": None}, [{}], {"a": {"a": {}}}, [1, "a", None], ["x"] * 40]),
    st.integers(),
    st.text(max_size=20),
    st.just(deep(60)),
)


def iterate_places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in JSON, as the keys and indices that lead there."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield from iterate_places(one, (*place, key))


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """JSON with one to three values changed, left out or doubled."""
    made = copy.deepcopy(value)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        places = list(iterate_places(made))
        place = draw(st.sampled_from(places))
        if not place:
            made = copy.deepcopy(draw(st.one_of(st.just(made), VALUES)))  # what is drawn is shared
            continue
        holder = made
        for key in place[:-1]:
            holder = holder[key]
        what = draw(st.sampled_from(["change", "change", "change", "leave out", "double"]))
        if what == "leave out":
            del holder[place[-1]]
        elif what == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[place[-1]]))
        else:
            holder[place[-1]] = copy.deepcopy(draw(VALUES))
    return made


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes that were cut, flipped, moved or filled in a few places."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(made) - 1)))
        what = draw(st.sampled_from(["flip", "flip", "cut", "drop", "insert", "repeat"]))
        size = draw(st.sampled_from([1, 2, 4, 16, 100]))
        if what == "cut":
            del made[at:]
        elif what == "drop":
            del made[at : at + size]
        elif what == "insert":
            made[at:at] = draw(st.binary(min_size=1, max_size=8)) * size
        elif what == "repeat":
            made[at:at] = made[at : at + size]
        elif made:
            made[at] ^= draw(st.integers(1, 255))
    return bytes(made)
