"""Answers of a file graded against its references: beside each result, in the log, and summed up."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from adaptive.cli.support.questions import ReferenceCounts, ReferenceGrader
from adaptive.errors import AdaptiveError
from adaptive.learn.data.questions import Question
from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run, Use
from tests.cli.stub import ATTEMPT, RESULT, Solver


def ended(*answers: str | None) -> dict[str, Any]:
    """A result whose attempts gave these answers, the last one kept."""
    attempts = [{**copy.deepcopy(ATTEMPT), "answer": answer} for answer in answers]
    return {**RESULT, "answer": answers[-1], "attempts": attempts, "kept": len(attempts) - 1}


class Answers(Solver):
    """Ends each question as scripted; an error is raised."""

    def __init__(self, ends: dict[str, dict[str, Any] | Exception]) -> None:
        super().__init__()
        self.ends = ends

    async def astream(self, asked: Any, stream_mode: list[str]) -> Any:
        self.made = self.ends[asked["messages"][-1][1]]
        self.error = self.made if isinstance(self.made, Exception) else None
        async for item in super().astream(asked, stream_mode):
            yield item


@pytest.mark.parametrize(
    ("answers", "reference", "right", "first_right"),
    [
        (["73"], "73", True, True),
        (["73"], "74", False, False),
        (["74", "73.0"], "73", True, False),
        (["73 apples", "74"], "73", False, True),
        ([None, "1,000"], "1000", True, False),
        (["7", None], "7", False, True),
        (["Paris."], "paris", True, True),
        (["You have 5 slices left."], "5", True, True),
        (["x+1", "1+x"], "2x", False, False),
        (["2x", "1+x"], "x+1", True, False),
    ],
)
async def test_graded(answers: list[str | None], reference: str, right: bool, first_right: bool) -> None:
    grader = ReferenceGrader()
    made = await grader.grade_result(ended(*answers), Question("id", "q", reference))
    grader.close()
    assert made == {
        **ended(*answers),
        "reference": {"answer": reference, "right": right, "first_right": first_right},
    }


@pytest.mark.parametrize(
    ("flips", "said"),
    [
        ([(True, True)], "1 of 1. Escalation made 0 wrong answers right and 0 right answers wrong."),
        ([(True, False)], "1 of 1. Escalation made 1 wrong answer right and 0 right answers wrong."),
        (
            [(True, False)] * 3 + [(False, True)] + [(False, False), (True, True)],
            "4 of 6. Escalation made 3 wrong answers right and 1 right answer wrong.",
        ),
    ],
)
def test_the_score(flips: list[tuple[bool, bool]], said: str) -> None:
    score = ReferenceCounts()
    for right, first_right in flips:
        score.add({"answer": "73", "right": right, "first_right": first_right})
    assert str(score) == f"Right: {said}"


async def test_what_cannot_be_graded_is_neither_right_nor_wrong() -> None:
    grader, score = ReferenceGrader(), ReferenceCounts()
    made = await grader.grade_result(ended("5x"), Question("id", "q", r"\sqrt"))
    grader.close()
    score.add(made["reference"])
    assert made["reference"] == {"answer": r"\sqrt", "right": None, "first_right": None}
    assert str(score).startswith("Right: 0 of 1, 1 cannot be graded. Escalation made 0 wrong")


async def test_a_letter_is_graded_by_the_options_of_the_question() -> None:
    grader, question = ReferenceGrader(), Question("id", "Which?\n**A.** 41\n**B.** 42", "B")
    grades = [(await grader.grade_result(ended(text), question))["reference"]["right"] for text in ("42", "41")]
    grader.close()
    assert grades == [True, False]


class TestFile:
    ENDS: dict[str, dict[str, Any] | Exception] = {
        "kept": ended("73"),
        "mended": ended("1", "73"),
        "broken": ended("73", "1"),
        "without": ended("73"),
        "failed": AdaptiveError("the engine broke."),
    }

    @pytest.fixture
    def file(self, tmp_path: Path) -> str:
        path = tmp_path / "questions.jsonl"
        rows = [
            {"question": name} if name == "without" else {"question": name, "answer": 73} for name in self.ENDS
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    def test_is_summed_up(self, run: Run, scripted: Use, file: str) -> None:
        scripted(Answers(self.ENDS))
        made = run("solve", "--file", file)
        assert made.stdout == "73\n73\n1\n73\n\n"
        assert made.stderr.splitlines()[-1] == (
            "Right: 2 of 4. Escalation made 1 wrong answer right and 1 right answer wrong."
        )

    def test_beside_each_result_and_in_the_log(self, run: Run, scripted: Use, file: str, log: Path) -> None:
        scripted(Answers(self.ENDS))
        made = [json.loads(line) for line in run("solve", "--file", file, "--json").stdout.splitlines()]
        grades = [
            (row["reference"]["right"], row["reference"]["first_right"]) for row in made if "reference" in row
        ]
        assert grades == [(True, True), (True, False), (False, True), (False, False)]
        assert ["reference" in row for row in made] == [True, True, True, False, True]
        with SolveLog(log) as store:
            assert sorted(map(str, made[:-1])) == sorted(str(solve.result) for solve in store.list_recent())

    def test_without_references_there_is_no_summary(self, run: Run, scripted: Use, tmp_path: Path) -> None:
        path = tmp_path / "questions.jsonl"
        path.write_text('{"question": "without"}\n')
        scripted(Answers(self.ENDS))
        made = run("solve", "--file", str(path), "--json")
        assert ("reference" in json.loads(made.stdout), made.stderr) == (False, "")
