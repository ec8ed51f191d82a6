"""`adaptive solve --file IN --out OUT`: one line for each question, whatever ends a run, and what it comes to."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.cli.support.progress import Progress
from adaptive.errors import AdaptiveError
from tests.cli.conftest import Run, Use
from tests.cli.stub import ROOT, Solver, result

LATE, KILLS, COUNT = 120.0, 20, 60


class Sums(Solver):
    """Answers each question, but those that it fails at."""

    def __init__(self, *fails: str) -> None:
        super().__init__(result(usage={**result()["usage"], "cost": 0.25}))
        self.fails = fails

    async def astream(self, asked: Any, stream_mode: list[str]) -> AsyncIterator[tuple[str, Any]]:
        self.error = AdaptiveError("it broke.") if asked["messages"][-1][1] in self.fails else None
        async for item in super().astream(asked, stream_mode):
            yield item


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [{"id": f"q{i}", "question": f"{i} + 1?", "answer": 73 if i % 2 else 4} for i in range(6)]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def read(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_line_for_each_question_and_what_they_come_to(run: Run, scripted: Use, file: Path, out: Path) -> None:
    scripted(Sums())
    made = run("solve", "--file", str(file), "--out", str(out))
    assert (made.exit_code, made.stdout) == (0, "")
    rows = read(out)
    assert sorted(row["id"] for row in rows) == [f"q{i}" for i in range(6)]
    assert {row["id"]: row["reference"]["right"] for row in rows} == {f"q{i}": i % 2 == 1 for i in range(6)}
    assert made.stderr == (
        f"Solved 6 questions; {out} holds 6 of 6: 354 tokens and $1.5000, right 3 of 6.\n"
        "Right: 3 of 6. Escalation made 0 wrong answers right and 0 right answers wrong.\n"
    )


def test_what_is_there_is_not_asked_again(run: Run, scripted: Use, file: Path, out: Path) -> None:
    first, again = Sums("1 + 1?", "3 + 1?"), Sums()
    scripted(first)
    made = run("solve", "--file", str(file), "--out", str(out))
    assert made.exit_code == 1
    assert "Error: question q1: it broke." in made.stderr
    assert "2 failed: run it again to try them again." in made.stderr
    assert len(read(out)) == 4
    scripted(again)
    made = run("solve", "--file", str(file), "--out", str(out))
    assert (made.exit_code, again.asked) == (0, ["1 + 1?", "3 + 1?"])
    assert f"Solved 2 questions; {out} holds 6 of 6: 354 tokens and $1.5000, right 3 of 6." in made.stderr
    assert Counter(row["id"] for row in read(out)) == Counter(f"q{i}" for i in range(6))


def test_the_exit_code_is_that_of_all_results(run: Run, scripted: Use, file: Path, out: Path) -> None:
    scripted(Solver(result(accepted=False)))
    command = ("solve", "--file", str(file), "--out", str(out))
    assert [run(*command).exit_code for _ in range(2)] == [3, 3]


def test_limit_and_shuffle(run: Run, scripted: Use, file: Path, tmp_path: Path) -> None:
    def ask(*how: str) -> list[str]:
        solver = Sums()
        scripted(solver)
        assert run("solve", "--file", str(file), "--concurrency", "1", *how).exit_code == 0
        return solver.asked

    asked = [f"{i} + 1?" for i in range(6)]
    assert ask("--limit", "2") == asked[:2]
    shuffled = ask("--shuffle")
    assert (sorted(shuffled), shuffled != asked) == (asked, True)
    assert ask("--shuffle", "--limit", "2") == shuffled[:2]
    assert ask("--shuffle", "--seed", "5") != shuffled


def test_a_longer_run_goes_on_with_a_shorter_one(run: Run, scripted: Use, file: Path, out: Path) -> None:
    asked: list[str] = []
    for limit in ("2", "4", "3"):
        solver = Sums()
        scripted(solver)
        made = run("solve", "--file", str(file), "--out", str(out), "--shuffle", "--limit", limit)
        asked += solver.asked
        assert f"holds {limit} of {limit}: {59 * int(limit)} tokens" in made.stderr
    assert len(asked) == len(set(asked)) == len(read(out)) == 4


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"settings": "other"},
            "was made with another model, profile or options: give the same, or another --out",
        ),
        ({"question": "other?"}, "answers another question than the one with id 'q0'"),
        ({"id": "q1"}, "is a second result of question 'q1': delete one"),
        ({"id": 7}, "is no result of a solve: name another --out"),
    ],
)
def test_a_file_of_something_else(
    run: Run, scripted: Use, file: Path, out: Path, changes: dict[str, Any], expected: str
) -> None:
    scripted(Sums())
    command = ("solve", "--file", str(file), "--out", str(out), "--concurrency", "1")
    run(*command)
    rows = read(out)
    before = "".join(json.dumps(row) + "\n" for row in [*rows[1:], {**rows[0], **changes}])
    out.write_text(before)
    made = run(*command)
    assert (made.exit_code, made.stderr.count("\n"), out.read_text()) == (2, 1, before)
    assert expected in made.stderr


def test_the_questions_are_not_written_over(run: Run, scripted: Use, file: Path) -> None:
    scripted(Sums())
    before = file.read_bytes()
    made = run("solve", "--file", str(file), "--out", str(file))
    assert (made.exit_code, file.read_bytes()) == (2, before)
    assert "line 1 of" in made.stderr


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["q", "--out", "o"], "--out is for the questions of a file: give one with --file"),
        (["q", "--limit", "2"], "--limit is for the questions of a file"),
        (["q", "--shuffle"], "--shuffle is for the questions of a file"),
        (["--file", "-", "--out", "o", "--json"], "--out writes JSON, --json prints it: leave out one"),
    ],
)
def test_options_that_do_not_go_together(run: Run, args: list[str], expected: str) -> None:
    made = run("solve", *args, input="q")
    assert (made.exit_code, made.stdout) == (2, "")
    assert expected in made.stderr


def test_progress_says_rate_cost_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("adaptive.cli.support.progress.time.monotonic", lambda: now[0])
    progress = Progress(total=13, done=3, kept_in="out.jsonl", word="solved")
    for _ in range(4):
        now[0] += 30.0
        progress.advance("354 tokens and $1.5000, right 3 of 6")
    assert capsys.readouterr().err.splitlines()[-1] == (
        "solved 7 of 13 for 354 tokens and $1.5000, right 3 of 6, 2.0 a minute, 3 minutes left"
    )


def end_when_it_has(count: int, out: Path, command: list[str], by: signal.Signals = signal.SIGKILL) -> str:
    """Run a command, end it once the file has so many whole lines, and return what it said."""
    run = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    late = time.monotonic() + LATE
    while run.poll() is None and time.monotonic() < late:
        if out.exists() and out.read_bytes().count(b"\n") >= count:
            break
        time.sleep(0.01)
    run.send_signal(by)
    _, said = run.communicate()
    assert run.returncode == {signal.SIGINT: 130}.get(by, -by), said
    return said


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_run_goes_on(run: Run, scripted: Use, file: Path, out: Path, by: signal.Signals) -> None:
    command = ["solve", "--file", str(file), "--out", str(out), "--concurrency", "1"]
    said = end_when_it_has(3, out, ["tests.cli.stub", "tires", *command], by)
    if by == signal.SIGINT:
        assert said == f"Interrupted: 3 of 6 questions are solved in {out}, run it again to go on.\n"
    before = out.read_bytes()
    solver = Sums()
    scripted(solver)
    assert run(*command).exit_code == 0
    assert solver.asked == [f"{i} + 1?" for i in (3, 4, 5)]
    assert out.read_bytes().startswith(before)
    assert [row["id"] for row in read(out)] == [f"q{i}" for i in range(6)]


@pytest.mark.slow
def test_twenty_kills_lose_and_double_nothing(run: Run, tmp_path: Path, out: Path) -> None:
    """The real command and model, killed at any moment; then the file is that of a run that nobody killed."""
    rng, whole, file = random.Random(21), tmp_path / "whole.jsonl", tmp_path / "sums.csv"
    rows = "".join(f"What is {i} + {i + 3}?,{2 * i + 3},s{i}\n" for i in range(COUNT))
    file.write_text("question,answer,id\n" + rows)
    command = ["solve", "--file", str(file), "--concurrency", "4", "--no-log"]
    done = b""
    for _ in range(KILLS):
        goal = done.count(b"\n") + rng.randrange(1, 3)
        end_when_it_has(goal, out, ["adaptive.cli", *command, "--out", str(out)])
        killed = out.read_bytes()
        assert killed.startswith(done), "what was there stays"
        done = killed[: killed.rfind(b"\n") + 1]
    finished = run(*command, "--out", str(out))
    unbroken = run(*command, "--out", str(whole))
    assert finished.exit_code == unbroken.exit_code
    assert finished.stderr.splitlines()[-1] == unbroken.stderr.splitlines()[-1], "the same grades"
    answers, expected = ({row["id"]: row["answer"] for row in read(one)} for one in (out, whole))
    assert answers == expected
    assert len(read(out)) == len(answers) == COUNT
