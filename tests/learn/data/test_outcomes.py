"""Files of outcomes that a stranger made: whatever stands in a cell, reading it is one sentence or plain data."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import AdaptiveError
from adaptive.learn.data.outcome import Outcome, OutcomeKey
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.types.attempt import Attempt, Round
from adaptive.types.usage import Usage

QUESTION = Question("1", "What is 1 + 1?", "2")
ATTEMPT = Attempt(
    rung=0, arm="first", effort="low", budget=64, waits=0, answer="2", text="2", thinking="1 + 1",
    status="answered", finish="natural", rounds=(Round(5, 0, "natural"),),
    usage=Usage(prompt=9, thinking=5, answer=1),
)  # fmt: skip
DEEP = "[" * 99_999
LEGAL: dict[Any, tuple[str, ...]] = {
    "7": ("rung", "budget", "waits", "model", "cap", "base", "confidence", "weakest"),
    '"x"': ("effort", "answer", "text", "thinking", "reason", "advice"),
    "[]": ("rounds", "forced", "probes", "trace", "turns", "starved", "verdict"),
    "{}": ("rounds", "forced", "probes", "trace", "turns", "starved", "verdict", "usage"),  # as nothing
    "[7]": ("trace",),
    "null": ("answer", "confidence", "weakest", "verdict", "base", "cap"),
}
"""The fields that may have a value."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with OutcomeStore(tmp_path / "outcomes.db", {"model": "m"}) as store:
        store.add_questions([QUESTION])
        store.add(QUESTION, Outcome(OutcomeKey("low", 64), ATTEMPT, True, 9, 0))
    return tmp_path / "outcomes.db"


def change(file: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(sql, values)


def read_error(file: Path) -> str | None:
    """Return why the file cannot be read; None if it can."""
    try:
        with OutcomeStore(file) as store:
            list(store)
    except AdaptiveError as error:
        return str(error)
    return None


def check_attempt(file: Path, text: str, *, legal: bool) -> None:
    change(file, "UPDATE outcomes SET attempt = ?", zlib.compress(text.encode()))
    why = read_error(file)
    assert (why is None) == legal, why
    if why is not None:
        assert why.startswith(f"{file} is damaged, or no file of outcomes (")
        assert why.endswith("): record again.")


@pytest.mark.parametrize("name", [field.name for field in fields(Attempt)])
def test_each_field_of_an_attempt_is_checked(file: Path, name: str) -> None:
    for value in ("7", '"x"', "[]", "null", "{}", "[7]", "1e999", f"1{'0' * 30}", DEEP):
        text = json.dumps({**ATTEMPT.to_json(), name: "HERE"}).replace('"HERE"', value)
        check_attempt(file, text, legal=name in LEGAL.get(value, ()))


@pytest.mark.parametrize("text", ["[]", "7", "null", "", "{}", DEEP])
def test_what_is_no_attempt_at_all_is_damage(file: Path, text: str) -> None:
    check_attempt(file, text, legal=False)


@pytest.mark.parametrize("changed", [{"usage": {"prompt": "x"}}, {"usage": 7}, {"rounds": [{"tokens": 1}]}])
def test_so_is_what_is_wrong_inside(file: Path, changed: dict[str, Any]) -> None:
    check_attempt(file, json.dumps({**ATTEMPT.to_json(), **changed}), legal=False)


@pytest.mark.parametrize("column", ["budget", "waits", "sample", "prompt", "closing", "attempt"])
def test_so_is_a_cell_of_another_kind(file: Path, column: str) -> None:
    change(file, f"UPDATE outcomes SET {column} = 'x'")
    assert "is damaged, or no file of outcomes" in (read_error(file) or "")


@pytest.mark.parametrize("column", ["question", "reference", "grouped"])
def test_so_is_a_question_that_is_no_text(file: Path, column: str) -> None:
    change(file, f"UPDATE questions SET {column} = ?", b"\xff")
    assert "is damaged, or no file of outcomes" in (read_error(file) or "")
