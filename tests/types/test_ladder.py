from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS, Ladder, Rung, parse_effort

RUNGS = st.builds(Rung, st.sampled_from(EFFORTS), st.integers(0, 4096), st.integers(0, 9), st.integers(1, 64))
LADDERS = st.lists(RUNGS, min_size=1, max_size=6).map(lambda r: Ladder(tuple(sorted(r, key=lambda x: x.budget))))


@given(LADDERS)
def test_a_ladder_survives_json(ladder: Ladder) -> None:
    assert Ladder.from_json(json.loads(json.dumps(ladder.to_json()))) == ladder


@given(LADDERS)
def test_a_ladder_is_a_sequence_of_its_rungs(ladder: Ladder) -> None:
    assert list(ladder) == [ladder[i] for i in range(len(ladder))]
    assert ladder[ladder.top].budget == max(r.budget for r in ladder)


@pytest.mark.parametrize(
    ("effort", "budget", "thinks"), [("none", 0, False), ("none", 64, False), ("low", 0, False), ("low", 1, True)]
)
def test_a_rung_thinks_with_a_budget_and_an_effort(effort: Any, budget: int, thinks: bool) -> None:
    assert Rung(effort, budget).thinks is thinks


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ({"effort": "huge", "budget": 1}, "effort 'huge' is not known: use one of none, minimal, low"),
        ({"effort": "low", "budget": -1}, "budget must be 0 or more, got -1"),
        ({"effort": "low", "budget": 1, "waits": -2}, "waits must be 0 or more, got -2"),
        ({"effort": "low", "budget": 1, "answer_room": 0}, "answer_room must be 1 or more, got 0"),
    ],
)
def test_a_bad_rung_is_refused_with_its_value(rung: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Ladder.from_json([rung])


@pytest.mark.parametrize(
    ("budgets", "said"), [([], "at least one rung"), ([0, 64, 32], r"ordered by budget, got \[0, 64, 32\]")]
)
def test_a_bad_ladder_is_refused(budgets: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Ladder(tuple(Rung("low", b) for b in budgets))


def test_efforts_are_known_by_their_names() -> None:
    assert [parse_effort(e) for e in EFFORTS] == list(EFFORTS)
