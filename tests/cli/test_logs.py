"""`adaptive logs`: newest last, searched, whole, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.cli.stub import result


@pytest.fixture
def filled(log: Path) -> Path:
    with SolveLog(log) as store:
        store.add(result(question="first\nline"))
        store.add(result(question="second" + "!" * 100, accepted=False, answer=None))
        store.add(result(question="third\x1b[2J", status="starved", accepted=False))
    return log


def test_nothing_yet(run: Run, log: Path) -> None:
    made = run("logs")
    assert (made.exit_code, made.stdout) == (0, "")
    assert made.stderr == f"Nothing is logged yet: {log} does not exist.\n"
    assert not log.exists()


def test_where_it_is(run: Run, log: Path) -> None:
    assert run("logs", "--path").stdout == f"{log}\n"


def test_one_line_each_newest_last(run: Run, filled: Path) -> None:
    lines = [line.split("  ") for line in run("logs").stdout.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert [line[2] for line in lines] == ["accepted", "not accepted", "starved"]
    assert [line[3] for line in lines] == ["73", "-", "73"]
    assert [line[4] for line in lines] == ["first line", "second" + "!" * 73 + "…", "third�[2J"]
    assert lines[0][5] == "(59 tokens)"


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (["-n", "2"], [2, 3]),
        (["-n", "0"], [1, 2, 3]),
        (["-q", "FIRST"], [1]),
        (["-q", "nowhere"], []),
        (["2"], [2]),
    ],
)
def test_which(run: Run, filled: Path, args: list[str], ids: list[int]) -> None:
    made = run("logs", "--json", *args)
    assert [json.loads(line)["id"] for line in made.stdout.splitlines()] == ids


def test_json_is_the_result_object(run: Run, filled: Path) -> None:
    made = json.loads(run("logs", "1", "--json").stdout)
    assert made.pop("id") == 1
    assert made.pop("time").endswith("+00:00")
    assert made == result(question="first\nline")


def test_a_whole_one(run: Run, filled: Path) -> None:
    assert run("logs", "1").stdout.splitlines()[1:] == [
        "model embedded, profile abacus, seed 0",
        "difficulty easy, rung 1: why this rung",
        "  first, rung 1, budget 64, rounds [7 natural]: 73 (0.97, sure)",
        "kept: attempt 1 of 1 was accepted (rules)",
        "Usage: 59 tokens (~31 prompt, 21 thinking, 1 injected, 6 answer), 0.21 s, cost not known",
    ]


@pytest.mark.parametrize(("right", "word"), [(True, "right"), (False, "wrong")])
def test_a_graded_one(run: Run, log: Path, right: bool, word: str) -> None:
    with SolveLog(log) as store:
        store.add(result(reference={"answer": "7\n3", "right": right, "first_right": True}))
    assert run("logs", "1").stdout.splitlines()[5] == f"reference 7 3: {word}"


def test_one_of_before_reasons_were_kept(run: Run, log: Path) -> None:
    older = result()
    del older["kept_because"], older["notes"]
    with SolveLog(log) as store:
        store.add(older)
    made = run("logs", "1")
    assert (made.exit_code, "kept" in made.stdout) == (0, False)


def test_one_that_is_not_there(run: Run, filled: Path) -> None:
    made = run("logs", "9")
    assert made.exit_code == 2
    assert made.stderr == f"Error: solve 9 is not in the log {filled}: `adaptive logs` lists what is.\n"


def test_a_file_that_is_no_log(run: Run, log: Path) -> None:
    log.parent.mkdir()
    log.write_text("not a database" * 100)
    made = run("logs")
    assert (made.exit_code, made.stdout) == (1, "")
    assert "file is not a database" in made.stderr
    assert made.stderr.count("\n") == 1
