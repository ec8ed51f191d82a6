"""`adaptive feedback`, and what `adaptive logs` makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.cli.stub import ATTEMPT, result


@pytest.fixture
def filled(log: Path) -> Path:
    with SolveLog(log) as store:
        for question in ("first", "second\nline"):
            store.add(result(question=question))
    return log


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["1", "right"], "Recorded for solve 1 (first): 73 is right.\n"),
        (["last", "wrong"], "Recorded for solve 2 (second line): 73 is wrong.\n"),
        (
            ["2", "wrong", "--answer", "7\n4"],
            "Recorded for solve 2 (second line): 73 is wrong, the right answer is 7 4.\n",
        ),
    ],
)
def test_what_was_said_is_recorded(run: Run, filled: Path, args: list[str], said: str) -> None:
    made = run("feedback", *args)
    assert (made.exit_code, made.stdout, made.stderr) == (0, said, "")


def test_a_solve_without_an_answer_can_be_told_the_right_one(run: Run, log: Path) -> None:
    with SolveLog(log) as store:
        store.add(result(answer=None, accepted=False))
    told = run("feedback", "1", "wrong", "--answer", "5").stdout
    assert told.endswith(": giving no answer is wrong, the right answer is 5.\n")


def test_the_newest_word_counts_and_is_shown(run: Run, filled: Path) -> None:
    run("feedback", "1", "right")
    run("feedback", "1", "wrong", "--answer", "74")
    assert "user: wrong, it is 74" in run("logs", "1").stdout.splitlines()
    told = json.loads(run("logs", "1", "--json").stdout)["feedback"]["user"]
    assert (told["right"], told["answer"]) == (False, "74")
    assert "user:" not in run("logs", "2").stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["9", "right"], "solve 9 is not in the log"),
        (["0", "right"], "'0' is not the number of a solve, nor 'last'"),
        (["first", "right"], "'first' is not the number of a solve, nor 'last'"),
        (["9" * 30, "right"], "is not the number of a solve, nor 'last'"),
        (["1", "maybe"], "'maybe' is not one of 'right', 'wrong'"),
        (["1", "wrong", "--answer", " "], "--answer is empty"),
        (["1", "wrong", "--answer", "73.0"], "the answer of solve 1 is 73, the same as --answer: say right"),
    ],
)
def test_what_cannot_be_said(run: Run, filled: Path, args: list[str], said: str) -> None:
    made = run("feedback", *args)
    assert (made.exit_code, made.stdout, made.stderr.count("\n")) == (2, "", 1)
    assert said in made.stderr


def test_nothing_is_logged_yet(run: Run, log: Path) -> None:
    made = run("feedback", "last", "right")
    assert (made.exit_code, made.stderr) == (2, f"Error: nothing is logged yet: {log} does not exist.\n")
    assert not log.exists()
    SolveLog(log).close()
    assert "nothing is logged yet" in run("feedback", "last", "right").stderr


def test_the_calibration_of_nothing(run: Run, filled: Path) -> None:
    made = run("logs", "--calibration")
    assert (made.exit_code, made.stdout) == (0, "")
    assert made.stderr.startswith("Nothing was observed yet: of 2 logged solves none has feedback")
    told = json.loads(run("logs", "--calibration", "--json").stdout)
    assert told == {"solves": 2, "observed": 0, "calibration": []}


def test_predicted_against_observed(run: Run, filled: Path) -> None:
    run("feedback", "1", "right")
    run("feedback", "2", "wrong")
    checked = {**ATTEMPT, "verdict": {**ATTEMPT["verdict"], "verifier": "check"}}  # type: ignore[dict-item]
    with SolveLog(filled) as store:
        store.add(result(profile="mine", attempts=[checked]))
    assert run("logs", "--calibration").stdout.splitlines() == [
        "3 of 3 logged solves were observed.",
        "",
        "embedded, profile abacus: 2 by user",
        "p(solved) at the rung whose answer was kept",
        "  predicted    count   mean  right  95 % interval",
        "  0.9 to 1.0       2   0.99   0.50  0.09 to 0.91",
        "score of the verdict: rules",
        "  predicted    count   mean  right  95 % interval",
        "  0.9 to 1.0       2   0.97   0.50  0.09 to 0.91",
        "accepted answers: 1 of 2 right, 0.50 (0.09 to 0.91)",
        "",
        "embedded, profile mine: 1 by verdict",
        "p(solved) at the rung whose answer was kept",
        "  predicted    count   mean  right  95 % interval",
        "  0.9 to 1.0       1   0.99   1.00  0.21 to 1.00",
        "accepted answers: none was observed",
    ]
    told = json.loads(run("logs", "--calibration", "--json", "-q", "first").stdout)
    assert (told["solves"], told["observed"]) == (1, 1)
    assert told["calibration"][0]["accepted"]["right"] == 1


def test_a_calibration_is_not_of_one_solve(run: Run, filled: Path) -> None:
    made = run("logs", "1", "--calibration")
    assert made.exit_code == 2
    assert "leave out the number" in made.stderr


def test_what_the_policy_would_have_begun_with(run: Run, log: Path) -> None:
    with SolveLog(log) as store:
        store.add(result(shadow={"rung": 0, "effort": "none", "budget": 0, "reason": "easy", "p_solved": [0.9]}))
    assert "on its own it would have begun at rung 0: easy" in run("logs", "1").stdout.splitlines()
