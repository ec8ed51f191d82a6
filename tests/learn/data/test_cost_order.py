"""The order of rungs of several models: by what they cost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.cost_order import order_by_cost
from adaptive.learn.data.outcome import rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.types.ladder import Ladder, Rung
from tests.learn.made import many, write

OTHER = "openai:other"
BUDGETS = (("none", 0), ("low", 64), ("high", 256))
OTHERS = (("low", 32), ("high", 512))
LADDER = Ladder((*(Rung(e, b) for e, b in BUDGETS), *(Rung(e, b, model=OTHER) for e, b in OTHERS)))  # type: ignore[arg-type]
KEYS = [rung_to_key(rung) for rung in LADDER]
costs = st.lists(st.floats(0.001, 9.0), min_size=len(KEYS), max_size=len(KEYS))


@given(rows=st.lists(costs, min_size=1, max_size=4))
def test_rungs_are_ordered_by_cost_and_each_models_own_keep_their_order(rows: list[list[float]]) -> None:
    ordered = order_by_cost(LADDER, [dict(zip(KEYS, row, strict=True)) for row in rows])
    assert set(ordered) == set(LADDER)
    for model in LADDER.models:
        assert [r for r in ordered if r.model == model] == [r for r in LADDER if r.model == model]
    means = {key: sum(row[i] for row in rows) / len(rows) for i, key in enumerate(KEYS)}
    for before, after in zip(ordered, list(ordered)[1:], strict=False):
        dearer = means[rung_to_key(before)] > means[rung_to_key(after)]
        cheaper_ones = (r for r in LADDER if r.model == after.model and r.budget < after.budget)
        assert not dearer or any(means[rung_to_key(r)] >= means[rung_to_key(before)] for r in cheaper_ones)


def test_only_questions_with_every_rung_count() -> None:
    dear_first = dict(zip(KEYS, (9.0, 10.0, 11.0, 1.0, 2.0), strict=True))
    partial = {KEYS[0]: 0.0, KEYS[3]: 99.0}
    assert [rung.model for rung in order_by_cost(LADDER, [dear_first, partial])][:2] == [OTHER, OTHER]
    assert order_by_cost(LADDER, [partial]) == LADDER


def test_a_cost_that_is_not_known_is_said() -> None:
    unknown = {**dict.fromkeys(KEYS, 1.0), KEYS[4]: None}
    with pytest.raises(
        InputError, match="what openai:other high 512 costs is not known, and tokens of several models"
    ):
        order_by_cost(LADDER, [unknown])


def test_a_file_of_the_first_format_is_to_be_recorded_anew(tmp_path: Path) -> None:
    file = write(tmp_path / "outcomes.db", many(2))
    db = sqlite3.connect(file)
    db.execute("UPDATE plan SET value = '1' WHERE name = 'format'")
    db.commit()
    db.close()
    with pytest.raises(InputError, match="has the format 1, this version of adaptive reads 2: record anew"):
        OutcomeStore(file)
