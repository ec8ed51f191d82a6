"""`adaptive record` on the embedded model: what is written, killed, gone on with and graded again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from adaptive._util.file_lock import hold_file

QUESTIONS = ["8+1", "47 + 38", "9 * 7", "100 - 58", "6*6", "12 + 30 + 5", "81 / 9", "5 * 12"]
ANSWERS = ["9", "85", "63", "42", "36", "47", "9", "60"]
KILLS = 20
LADDER = ("--ladder", "0,16:low,32:medium", "--no-unlimited", "--waits", "0")
ROWS = len(QUESTIONS) * 5  # the direct answer, and two efforts at two budgets


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "questions.jsonl"
    rows = ({"id": q, "question": q, "answer": a} for q, a in zip(QUESTIONS, ANSWERS, strict=True))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def command(questions: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "adaptive.cli", "record", str(questions), "--out", str(out), *LADDER, *more]


def record(questions: Path, out: Path, *more: str, code: int = 0) -> str:
    ran = subprocess.run(command(questions, out, *more), capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return ran.stderr


def test_recording_a_model_of_this_machine_imports_no_langchain(questions: Path, tmp_path: Path) -> None:
    """Which would be more than half of the time that a start takes."""
    out, names = str(tmp_path / "outcomes.db"), ["langchain_core", "langgraph"]
    code = (
        "import sys; from adaptive.cli import cli; "
        f"cli.main({['record', str(questions), '--out', out, '--limit', '1', *LADDER]}, standalone_mode=False); "
        f"print([name for name in {names} if name in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.splitlines()[-1] == "[]"
    assert count(Path(out)) == 5


def test_questions_without_answers_are_recorded_if_asked_for(tmp_path: Path) -> None:
    file, out = tmp_path / "questions.jsonl", tmp_path / "outcomes.db"
    file.write_text(json.dumps({"question": QUESTIONS[0]}) + "\n")
    assert "has no 'answer' that is text" in record(file, out, code=2)
    assert not out.exists()
    record(file, out, "--reference", "dearest")
    assert {(row[5] is not None, row[6]) for row in rows(out)} == {(True, None)}


def rows(out: Path) -> list[tuple[object, ...]]:
    """What matters of all rows, in order."""
    db = sqlite3.connect(out)
    try:
        sql = ("SELECT q.id, o.effort, o.budget, o.waits, o.sample, o.answer, o.right, o.thinking FROM outcomes o "
               "JOIN questions q ON q.number = o.question")  # fmt: skip
        return sorted(db.execute(sql).fetchall(), key=str)
    finally:
        db.close()


def count(out: Path) -> int:
    """How many rows there are; 0 while there is no table."""
    if not out.exists():
        return 0
    db = sqlite3.connect(out, timeout=30)
    try:
        made = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'outcomes'").fetchone()[0]
        return int(db.execute("SELECT count(*) FROM outcomes").fetchone()[0]) if made else 0
    finally:
        db.close()


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_with_each_attempt_once(questions: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
    record(questions, whole)
    chance, ends = random.Random(7), Counter[str]()
    for _ in range(KILLS):
        run = subprocess.Popen(command(questions, killed), stderr=subprocess.DEVNULL)
        goal, late = count(killed) + chance.choice((0, 1, 1, 2)), time.monotonic() + 60
        while run.poll() is None and count(killed) < goal and time.monotonic() < late:
            os.sched_yield()
        ends["killed" if run.poll() is None else "ended"] += 1
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert ends["killed"] == KILLS
    assert count(killed) < ROWS
    record(questions, killed)
    assert len(rows(killed)) == ROWS
    assert rows(killed) == rows(whole)


@pytest.mark.slow
def test_more_samples_are_added_to_what_is_there(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    assert f"Recorded {5 * 2} attempts" in record(questions, out, "--limit", "2")
    assert f"Recorded {2 * 2} attempts" in record(questions, out, "--limit", "2", "--samples", "1")
    record(questions, out, "--limit", "2", "--waits", "1", "--samples", "3", "--unlimited")
    kinds = Counter((row[3] > 0, row[4] > 0, row[2]) for row in rows(out))
    assert kinds[False, True, 16] == kinds[False, True, 32] == 3 * 2
    assert kinds[False, False, 1024] == 2  # abacus' window: the chain that was not cut
    assert kinds[True, False, 32] > 0


def test_another_ladder_needs_another_file(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    record(questions, out, "--limit", "1")
    said = record(questions, out, "--limit", "1", "--answer-room", "99", code=2)
    assert said == f"Error: {out} was recorded with another ladder: name another file for --out, or delete it.\n"
    assert count(out) == 5


def test_another_grader_grades_again(questions: Path, tmp_path: Path) -> None:
    out, own = tmp_path / "outcomes.db", tmp_path / "mine.py"
    own.write_text("def never(answer, reference):\n    return False\n")
    record(questions, out, "--limit", "1")
    assert any(row[6] for row in rows(out))
    said = record(questions, out, "--limit", "1", "--grade", f"{own}:never")
    assert "Grading 5 attempts again" in said
    assert [row[6] for row in rows(out)] == [0] * 5


def test_a_question_too_long_for_the_window_is_left_out(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    long = json.dumps({"id": "long", "question": "7 + " * 3000 + "1", "answer": "1"})
    questions.write_text(long + "\n" + questions.read_text())
    said = record(questions, out, "--limit", "2")
    assert "Left out question long" in said
    assert {row[0] for row in rows(out)} == {"8+1"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a database at all, and long enough to be looked at as one", "is damaged, or no file of outcomes"),
        (b"", None),
    ],
)
def test_a_file_that_is_no_database_is_told_and_kept(
    questions: Path, tmp_path: Path, content: bytes, said: str | None
) -> None:
    out = tmp_path / "outcomes.db"
    out.write_bytes(content)
    told = record(questions, out, "--limit", "1", code=2 if said else 0)
    if said:
        assert said in told
        assert out.read_bytes() == content


def test_where_no_file_can_be_made_the_reason_is_told(questions: Path) -> None:
    told = record(questions, Path("/proc/outcomes.db"), code=1)
    assert told == "Error: No such file or directory: /proc/outcomes.db.lock.\n"


def test_a_second_recorder_on_the_same_file_is_told(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "outcomes.db"
    with hold_file(out):
        told = record(questions, out, code=2)
    assert told == f"Error: another command is writing {out}: wait until it ends, or name another file.\n"
    record(questions, out)
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".lock"] == []
    assert out.stat().st_mode & 0o777 == 0o600
