"""`adaptive solve --file --concurrency N`: several at once, told in the order of the file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.engines.registry import get_parallel_solves
from adaptive.errors import AdaptiveError
from adaptive.solve_log import SolveLog
from adaptive.solver.spent import SpentTokens
from tests.cli.conftest import Run, Use
from tests.cli.stub import EVENTS, Solver

QUESTIONS = ["one", "two", "three", "four", "five", "six"]


class Backwards(Solver):
    """Ends the questions under way in the wrong order: each waits until the one after it has ended."""

    def __init__(self, at_once: int, **more: Any) -> None:
        super().__init__(**more)
        self.at_once, self.ended, self.most = at_once, set[str](), 0
        self.changed: asyncio.Condition | None = None

    async def astream(self, asked: Any, stream_mode: list[str]) -> AsyncIterator[tuple[str, Any]]:
        question = asked["messages"][-1][1]
        place = QUESTIONS.index(question)
        self.changed = self.changed or asyncio.Condition()
        last = place % self.at_once == self.at_once - 1 or place == len(QUESTIONS) - 1
        async with self.changed:
            self.asked.append(question)
            self.most = max(self.most, len(self.asked) - len(self.ended))
            if not last:
                await self.changed.wait_for(lambda: QUESTIONS[place + 1] in self.ended)
            self.ended.add(question)
            self.changed.notify_all()
        if question == "two" and self.error:
            raise self.error
        yield "values", {"adaptive_result": {**self.made, "question": question, "answer": question}}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(QUESTIONS))
    return str(path)


def test_answers_come_in_the_order_of_the_file(run: Run, scripted: Use, file: str, log: Path) -> None:
    solver = Backwards(3)
    scripted(solver)
    made = run("solve", "--file", file, "--concurrency", "3")
    assert (made.exit_code, made.stdout.split(), made.stderr) == (0, QUESTIONS, "")
    assert solver.most == 3
    with SolveLog(log) as store:
        assert sorted(solve.result["question"] for solve in store.list_recent(0)) == sorted(QUESTIONS)


def test_one_that_fails_keeps_its_line(run: Run, scripted: Use, file: str) -> None:
    scripted(Backwards(6, error=AdaptiveError("broken.")))
    made = run("solve", "--file", file, "--concurrency", "6")
    assert (made.exit_code, made.stderr) == (1, "Error: question 2: broken.\n")
    assert made.stdout.split("\n") == ["one", "", *QUESTIONS[2:], ""]


def test_an_engine_that_gains_nothing_gets_one_at_a_time(run: Run, scripted: Use, file: str) -> None:
    solver = Backwards(1)
    scripted(solver)
    assert run("solve", "--file", file, "-m", "hf:x").exit_code == 0
    assert solver.most == 1


@pytest.mark.parametrize(
    ("spec", "many"), [("embedded", 32), ("onnx:x", 32), ("hf:x", 1), ("vllm:x", 256), ("http://x/v1", 256)]
)
def test_how_many_are_worth_it_before_the_engine_is_asked(spec: str, many: int) -> None:
    assert get_parallel_solves(spec) == many


def test_thinking_is_shown_of_one_at_a_time(run: Run, scripted: Use, file: str) -> None:
    scripted(Solver())
    made = run("solve", "--file", file, "--show-thinking", "--concurrency", "2")
    assert made.exit_code == 2
    assert "thinking is shown of one question at a time" in made.stderr


def test_what_several_at_once_spent_is_added_up() -> None:
    tally = SpentTokens()
    first, second = tally.add_part(), tally.add_part()
    for event in EVENTS[:3]:
        first.count_event(event)
        second.count_event(event)
    for event in EVENTS[3:]:
        first.count_event(event)
    assert str(tally) == "22 thinking and 4 answer tokens spent in 3 attempts"


def test_an_engine_that_fails_in_the_middle_says_what_was_spent(run: Run, scripted: Use) -> None:
    scripted(Solver(events=EVENTS[:3], error=AdaptiveError("it is gone.")))
    made = run("solve", "q")
    spent = "6 thinking and 0 answer tokens spent in 1 attempt"
    assert (made.exit_code, made.stdout, made.stderr) == (1, "", f"Error: it is gone. ({spent})\n")
