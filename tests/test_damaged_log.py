"""Rows of a log that are not what they were: one sentence, whoever reads them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adaptive.cli import cli
from adaptive.solve_log import SolveLog
from tests.cli.stub import RESULT


@pytest.mark.parametrize(
    "arguments", [["logs", "1"], ["logs"], ["logs", "--calibration"], ["feedback", "1", "right"]]
)
@pytest.mark.parametrize(
    "changed",
    [7, b"\0", {"usage": {}}, {"answer": 3}, {"attempts": [{"rounds": 3}]}, {"attempts": [7]}, {"difficulty": {}}],
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
        assert made.exit_code == 1
        assert made.stderr.startswith("Error: solve 1 in the log ")
        assert " is damaged: " in made.stderr
