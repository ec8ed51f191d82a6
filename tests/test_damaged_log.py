"""Rows of a log that are not what they were: one sentence, whoever reads them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from adaptive.solve_log import SolveLog
from tests.cli.stub import ATTEMPT, RESULT


@pytest.mark.parametrize(
    "arguments",
    [["logs", "1"], ["logs"], ["logs", "--calibration"], ["logs", "--drift"], ["feedback", "1", "right"]],
)
@pytest.mark.parametrize(
    "changed",
    [
        7,
        b"\0",
        {"usage": {}},
        {"answer": 3},
        {"attempts": [{"rounds": 3}]},
        {"attempts": [7]},
        {"difficulty": {}},
        {"difficulty": {"outside": True, "p_solved": ["x", 2]}},
        {"difficulty": {"outside": True, "p_solved": [0.1, 2]}},
        {"difficulty": {"outside": True, "p_solved": []}, "profile": [7]},
        {"difficulty": {"outside": True, "p_solved": []}, "profile": None},
        {"attempts": [{**ATTEMPT, "verdict": {"verifier": [], "score": "x"}}]},
    ],
)
def test_a_damaged_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], changed: Any
) -> None:
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "log.db"))
    with SolveLog(tmp_path / "log.db") as log:
        log.add(RESULT)
        log.add_feedback(1, True)
    text = json.dumps({**RESULT, **changed}) if isinstance(changed, dict) else changed
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("UPDATE solves SET result = ?", (text,))
    made = CliRunner().invoke(cli, arguments, prog_name="adaptive")
    if made.exit_code:  # some do not read what is damaged
        assert made.exit_code == 1, made.exception
        assert made.stderr.startswith("Error: solve 1 in the log ")
        assert " is damaged: " in made.stderr


LADDER = [{"effort": "none", "budget": 0}, {"effort": "low", "budget": 64}]
MADE = {**ATTEMPT, "model": "embedded"}
EXPLORED = {**RESULT, "attempts": [MADE], "explored": {"ladder": LADDER, "attempts": [MADE]}}


def fit_from_log(file: Path, monkeypatch: pytest.MonkeyPatch, result: dict[str, Any]) -> Result:
    monkeypatch.setenv("ADAPTIVE_LOG", str(file))
    with SolveLog(file) as log:
        log.add(result)
    return CliRunner().invoke(cli, ["fit", "--from-log", "-y"], prog_name="adaptive")


def test_an_explored_solve_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fit_from_log(tmp_path / "log.db", monkeypatch, EXPLORED)
    assert (made.exit_code, "explored questions in the log are too few" in made.stderr) == (2, True), made.stderr


@pytest.mark.parametrize(
    "changed",
    [
        {"explored": 7},
        {"explored": {"ladder": [7], "attempts": []}},
        {"explored": {"ladder": [{"effort": "low", "budget": "x"}], "attempts": []}},
        {"explored": {"ladder": [{"effort": "low", "budget": -1}], "attempts": []}},
        {"explored": {"ladder": LADDER, "attempts": [{**MADE, "budget": "x"}]}},
        {"explored": {"ladder": LADDER, "attempts": [7]}},
        {"attempts": [{**MADE, "base": 5}]},
        {"attempts": [{**MADE, "usage": {"prompt": []}}]},
        {"reference": 7},
    ],
)
def test_a_damaged_one_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    file = tmp_path / "log.db"
    fit_from_log(file, monkeypatch, EXPLORED)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE solves SET result = ?", (json.dumps({**EXPLORED, **changed}),))
    made = CliRunner().invoke(cli, ["fit", "--from-log", "-y"], prog_name="adaptive")
    assert made.stderr == "Error: solve 1 in the log is damaged: name another file in ADAPTIVE_LOG.\n", (
        made.exception
    )
