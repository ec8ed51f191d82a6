"""The levels of a profile as efforts of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.chat.levels import list_unnamed, name_levels
from adaptive.types.ladder import EFFORTS


@pytest.mark.parametrize(
    ("levels", "named"),
    [
        (["low", "high", "max"], {"low": "low", "high": "high", "max": "max"}),
        (["low", "medium", "high", "ultra"], {"low": "low", "medium": "medium", "high": "high", "xhigh": "ultra"}),
        (["none", "default"], {"none": "none", "medium": "default"}),
        (["tiny", "low", "high"], {"minimal": "tiny", "low": "low", "high": "high"}),
        (["a", "b", "c"], {"minimal": "a", "low": "b", "medium": "c"}),
        (["low", "middling", "high"], {"low": "low", "medium": "middling", "high": "high"}),
        (["high", "max", "ultra"], {"high": "high", "max": "max"}),
        ([], {}),
    ],
)
def test_levels(levels: list[str], named: dict[str, str]) -> None:
    assert name_levels(levels) == named
    assert list_unnamed(levels) == [level for level in levels if level not in named.values()]


KNOWN = st.sampled_from([*EFFORTS, "ultra", "default", "mega"])


@given(st.lists(KNOWN, unique=True))
def test_every_level_of_ours_stays_and_none_is_named_twice(levels: list[str]) -> None:
    named = name_levels(levels)
    assert {e for e in EFFORTS if e in levels} <= named.keys()
    assert all(named[e] == e for e in EFFORTS if e in levels)
    assert len(set(named.values())) == len(named)
    assert list(named) == [e for e in EFFORTS if e in named]


@given(st.lists(st.sampled_from(EFFORTS), unique=True), st.integers(0, 6))
def test_a_new_level_keeps_its_place(efforts: list[str], place: int) -> None:
    levels = sorted(efforts, key=EFFORTS.index)
    levels.insert(place, "ultra")
    named = name_levels(levels)
    assert list(named.values()) == [level for level in levels if level in named.values()]
