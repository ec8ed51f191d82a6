"""The cache: found by all that is asked, kept at once, and without secrets."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive.compare.cache import CellCache, ComparisonRequest
from adaptive.compare.cell import Cell, CellResult, CellSetting
from adaptive.errors import AdaptiveError, InputError
from tests.compare.rows import row

ASKING = ComparisonRequest("What?", ("digest",), 0.5)
CELL = Cell(CellSetting("m", "low", 4000))
BOUGHT = row(estimated=("answer",), cost=0.5).result
assert BOUGHT is not None


def test_what_is_kept_is_found_in_another_run_and_only_when_asked_the_same(tmp_path: Path) -> None:
    with CellCache(tmp_path / "new" / "c.db") as cache:
        cache.add(ASKING, CELL, BOUGHT)
    others = [
        (replace(ASKING, prompt="Who?"), CELL),
        (replace(ASKING, images=()), CELL),
        (replace(ASKING, temperature=None), CELL),
        (replace(ASKING, engine={"served_model": "other"}), CELL),
        (ASKING, replace(CELL, repeat=1)),
        (ASKING, Cell(CellSetting("n", "low", 4000))),
        (ASKING, Cell(CellSetting("m", "high", 4000))),
        (ASKING, Cell(CellSetting("m", "low", 4001))),
    ]
    with CellCache(tmp_path / "new" / "c.db") as cache:
        assert cache.get(ASKING, CELL) == BOUGHT
        assert [cache.get(*other) for other in others] == [None] * len(others)


def test_what_is_asked_again_takes_its_place(tmp_path: Path) -> None:
    with CellCache(tmp_path / "c.db") as cache:
        cache.add(ASKING, CELL, BOUGHT)
        newer = CellResult(replace(BOUGHT.attempt, answer="8"), "stop", ("a note",))
        cache.add(ASKING, CELL, newer)
        assert cache.get(ASKING, CELL) == newer


def test_the_file_is_private(tmp_path: Path) -> None:
    CellCache(tmp_path / "c.db").close()
    assert (tmp_path / "c.db").stat().st_mode & 0o077 == 0


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(InputError, match="is no cache of comparisons"):
        CellCache(other)
    with sqlite3.connect(other) as db:
        assert [name for (name,) in db.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    db.close()


def test_what_is_no_file_of_sqlite_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_text("hello " * 100)
    with pytest.raises(AdaptiveError, match=r"cannot be used .*: name another with --cache"):
        CellCache(tmp_path / "c.db")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "7",
        "[" * 99_999,
        "{}",
        json.dumps({**BOUGHT.to_json(), "notes": [7]}),
        json.dumps({**BOUGHT.to_json(), "attempt": {**BOUGHT.attempt.to_json(), "budget": "x"}}),
    ],
)
def test_a_damaged_cell_is_said_in_a_sentence(tmp_path: Path, text: str) -> None:
    with CellCache(tmp_path / "c.db") as cache:
        cache.add(ASKING, CELL, BOUGHT)
    with closing(sqlite3.connect(tmp_path / "c.db")) as db, db:
        db.execute("UPDATE cells SET bought = ?", (text,))
    with (
        CellCache(tmp_path / "c.db") as cache,
        pytest.raises(AdaptiveError, match=r"cannot be used .*: name another with --cache"),
    ):
        cache.get(ASKING, CELL)
