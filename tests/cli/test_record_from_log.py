"""`adaptive record --from-log`: what is recorded, what is handed back to be answered, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.cli.stub import result

LADDER = ("--ladder", "0,16:low", "--no-unlimited", "--waits", "0")
ADVICE = (
    "give it with `adaptive feedback ID wrong --answer TEXT` or `adaptive feedback ID right`, or get a file to "
    "fill in with --unanswered FILE.\n"
)


def in_domain(question: str, outside: bool = True, **changed: Any) -> dict[str, Any]:
    difficulty = {"level": "unknown", "p_solved": [], "typical": 0.01, "outside": outside}
    return result(question=question, difficulty=difficulty, **changed)


@pytest.fixture
def filled(log: Path) -> Path:
    with SolveLog(log) as store:
        store.add_feedback(store.add(in_domain("8+1", answer="10")), False, "9")
        store.add_feedback(store.add(in_domain("7+1", answer="8")), True)
        store.add(in_domain("6+1", reference={"answer": "7", "right": False, "first_right": False}))
        store.add(in_domain("5+1"))
        store.add(in_domain("4+1"))
        store.add_feedback(store.add(in_domain("3+1", outside=False)), True)
    return log


def read(out: Path) -> dict[str, str]:
    with OutcomeStore(out) as outcomes:
        return {one.question.text: one.question.reference for one in outcomes}


def test_questions_outside_are_recorded(run: Run, filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    made = run("record", "--from-log", "--out", str(out), *LADDER)
    assert made.exit_code == 0, made.stderr
    assert made.stderr.startswith(f"2 logged questions lack a right answer: {ADVICE}")
    assert read(out) == {"6+1": "7", "7+1": "8", "8+1": "9"}
    again = run("record", "--from-log", "--out", str(out), *LADDER)
    assert "Recorded 0 attempts" in again.stderr


def test_the_newest_up_to_the_limit(run: Run, filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    run("record", "--from-log", "--limit", "1", "--out", str(out), *LADDER)
    assert read(out) == {"6+1": "7"}


def test_the_others_are_filled_in_and_recorded(run: Run, filled: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "outcomes.db", tmp_path / "unanswered.jsonl"
    made = run("record", "--from-log", "--unanswered", str(file), "--out", str(out), *LADDER)
    assert made.stderr.startswith(
        f"2 logged questions lack a right answer: fill in {file}, and record it like any"
    )
    lines = file.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"question": "4+1", "answer": ""},
        {"question": "5+1", "answer": ""},
    ]
    file.write_text(lines[0].replace('""', '"5"') + "\n")
    assert run("record", str(file), "--out", str(out), *LADDER).exit_code == 0
    assert read(out)["4+1"] == "5"
    refused = run("record", "--from-log", "--unanswered", str(file), "--out", str(out), *LADDER)
    assert (refused.exit_code, file.read_text().count("\n")) == (2, 1)
    assert "is there already, perhaps with answers of yours: name another file" in refused.stderr


def test_nothing_can_be_graded(run: Run, log: Path, tmp_path: Path) -> None:
    with SolveLog(log) as store:
        store.add(in_domain("5+1"))
    made = run("record", "--from-log", "--out", str(tmp_path / "outcomes.db"))
    assert made.exit_code == 2
    assert made.stderr == f"Error: no question can be graded: 1 logged question lacks a right answer: {ADVICE}"
    file = tmp_path / "unanswered.jsonl"
    run("record", "--from-log", "--unanswered", str(file), "--out", str(tmp_path / "outcomes.db"))
    assert file.read_text() == '{"question": "5+1", "answer": ""}\n'
    assert not (tmp_path / "outcomes.db").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "give QUESTIONS or --from-log, one of them"),
        (["questions.jsonl", "--from-log"], "give QUESTIONS or --from-log, not both"),
        (["questions.jsonl", "--unanswered", "FILE"], "--unanswered is for logged questions: give --from-log too"),
        (["--from-log", "-m", "hf:other"], "no logged question of hf:other is unlike those that its profile was"),
        (["--from-log", "--unanswered", "no/folder/FILE"], "no/folder/FILE cannot be written"),
    ],
)
def test_what_is_refused(run: Run, filled: Path, tmp_path: Path, args: list[str], said: str) -> None:
    made = run("record", *args, "--out", str(tmp_path / "outcomes.db"))
    assert made.exit_code in (1, 2)
    assert (made.stdout, made.stderr.count("\n")) == ("", 1)
    assert said in made.stderr
    assert not (tmp_path / "outcomes.db").exists()


def test_nothing_is_logged_yet(run: Run, log: Path, tmp_path: Path) -> None:
    made = run("record", "--from-log", "--out", str(tmp_path / "outcomes.db"))
    assert (made.exit_code, made.stderr) == (2, f"Error: nothing is logged yet: {log} does not exist.\n")
    assert not log.exists()
