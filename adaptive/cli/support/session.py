"""One call of `adaptive solve`: asks, logs and prints, several questions at once, answers in their order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from adaptive.cli.support.display import Display, Event, stderr_is_terminal
from adaptive.cli.support.errors import FAILED
from adaptive.cli.support.questions import Question, Score, graded
from adaptive.cli.support.report import SEVERITY, Result, answer_text, complaints, exit_code, one_line, usage_line
from adaptive.cli.support.signals import solve_one
from adaptive.errors import AdaptiveError
from adaptive.solve_log import Store
from adaptive.solver.spent import Tally


@dataclass
class Session:
    """What one call asks with and how it prints; `many`, `concurrency` at once, when they come from a file."""

    solver: Any
    display: Display
    log: Store | None
    many: bool = False
    concurrency: int = 1
    json: bool = False
    usage: bool = False
    images: Sequence[dict[str, Any]] = ()
    tally: Tally = field(default_factory=Tally)
    score: Score = field(default_factory=Score)

    async def ask(self, questions: Sequence[Question]) -> int:
        """Ask them all; the exit code is the worst of theirs."""
        if not self.many:
            result = await self._solve(questions[0], self.tally)
            self._print(result)
            return exit_code(result)
        answers, numbers = _Answers(questions, self._tell), iter(range(len(questions)))
        tasks = [asyncio.create_task(self._work(numbers, answers)) for _ in range(self.concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self.score.count:
            _say(str(self.score))
        return next(code for code in SEVERITY if code in answers.codes)

    async def _work(self, numbers: Iterator[int], answers: _Answers) -> None:
        """Solve the next of `numbers` until none is left; one that fails keeps none from being asked."""
        for number in numbers:
            question = answers.questions[number]
            if stderr_is_terminal():
                click.echo(f"[{number + 1}/{len(answers.questions)}] {one_line(question.text, 100)}", err=True)
            try:
                ended: Result | AdaptiveError = await self._solve(question, self.tally.part())
            except AdaptiveError as error:
                ended = error
            answers.add(number, ended)

    def _tell(self, number: int, question: Question, ended: Result | AdaptiveError) -> int:
        """Print how it ended, and return its exit code; where it failed its line stays, empty."""
        result = _failed(question, ended) if isinstance(ended, AdaptiveError) else ended
        if "reference" in result:
            self.score.add(result["reference"])
        if not isinstance(ended, AdaptiveError):
            self._print(result)
            return exit_code(result)
        click.echo(_one_line_json(result) if self.json else "")
        _say(f"Error: question {number + 1}: {ended}")
        return FAILED

    async def _solve(self, question: Question, tally: Tally) -> Result:
        """The result, logged at once: what was paid for must not wait for others to be printed."""

        def see(event: Event) -> None:
            tally.see(event)
            self.display.show(event)

        try:
            result = await solve_one(self.solver, question.text, see, self.images)
        finally:
            self.display.break_line()
        result = _graded(result, question)
        self._keep(result)
        return result

    def _keep(self, result: Result) -> None:
        """Log before printing: a reader that closes the pipe must not lose what was paid for."""
        try:
            if self.log:
                self.log.add(result)
        except AdaptiveError as error:
            _say(f"Warning: {error}")

    def _print(self, result: Result) -> None:
        answer = answer_text(result)
        if self.json:
            answer = _one_line_json(result)
        elif self.many:
            answer = one_line(answer)
        click.echo(answer)
        for line in complaints(result):
            _say(line)
        if self.usage:
            _say(usage_line(result["usage"]))


class _Answers:
    """Tells how questions ended, in their order, each as soon as all before it are told."""

    def __init__(
        self, questions: Sequence[Question], tell: Callable[[int, Question, Result | AdaptiveError], int]
    ) -> None:
        self.questions, self.codes = questions, set[int]()
        self._tell, self._next = tell, 0
        self._ended: dict[int, Result | AdaptiveError] = {}

    def add(self, number: int, ended: Result | AdaptiveError) -> None:
        """Question `number` has ended."""
        self._ended[number] = ended
        while self._next in self._ended:
            place, self._next = self._next, self._next + 1
            self.codes.add(self._tell(place, self.questions[place], self._ended.pop(place)))


def _failed(question: Question, error: AdaptiveError) -> Result:
    """What stands for the result of a question that failed."""
    failed = {"question": question.text, "answer": None, "status": "failed", "accepted": False}
    return _graded({**failed, "error": str(error)}, question)


def _graded(result: Result, question: Question) -> Result:
    return result if question.reference is None else graded(result, question.reference)


def _one_line_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _say(line: str) -> None:
    click.echo(line, err=True)
