"""One call of `adaptive solve`: solves, logs and prints; several questions at the same time, answers in order."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import click

from adaptive._util.redact import redact_error
from adaptive.cli.support.display import Display, stderr_is_terminal
from adaptive.cli.support.errors import FAILED
from adaptive.cli.support.questions import ReferenceCounts, ReferenceGrader
from adaptive.cli.support.report import (
    SEVERITY,
    Result,
    explain_unverified,
    format_answer,
    format_complaints,
    format_usage,
    get_exit_code,
    to_one_line,
)
from adaptive.cli.support.signals import solve_one
from adaptive.errors import AdaptiveError
from adaptive.learn.data.questions import Question
from adaptive.solve_log import SolveLog
from adaptive.solver.spent import SpentTokens
from adaptive.types.events import Event


@dataclass
class Session:
    """A solver and how its results are printed.

    Args:
        solver: The compiled graph.
        display: Shows events on stderr.
        log: The log of solves, None to log nothing.
        many: Whether the questions come from a file.
        concurrency: Questions of a file solved at the same time.
        json: Print result objects instead of answers.
        usage: Print the usage on stderr.
        images: Content blocks for each question.
        require_verified: Whether an answer that is not verified fails.
    """

    solver: Any
    display: Display
    log: SolveLog | None
    many: bool = False
    concurrency: int = 1
    json: bool = False
    usage: bool = False
    images: Sequence[dict[str, Any]] = ()
    require_verified: bool = False
    tally: SpentTokens = field(default_factory=SpentTokens)
    score: ReferenceCounts = field(default_factory=ReferenceCounts)
    grader: ReferenceGrader = field(default_factory=ReferenceGrader)
    unverified: Counter[str] = field(default_factory=Counter)
    _shows: bool = True

    async def ask(self, questions: Sequence[Question]) -> int:
        """Solve all questions; return the worst of their exit codes."""
        if not self.many:
            result = await self.solve(questions[0], self.tally)
            self._print_result(result)
            return get_exit_code(result, require_verified=self.require_verified)
        answers, numbers = _OrderedAnswers(questions, self._print_outcome), iter(range(len(questions)))
        tasks = [asyncio.create_task(self._run_worker(numbers, answers)) for _ in range(self.concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.grader.close()
        for reason, count in self.unverified.items():
            _print_to_stderr(f"Not verified: {count} of {len(questions)} answers: {reason}.")
        if self.score.count:
            _print_to_stderr(str(self.score))
        return next(code for code in SEVERITY if code in answers.codes)

    async def _run_worker(self, numbers: Iterator[int], answers: _OrderedAnswers) -> None:
        """Solve the next of `numbers` until none is left; a failure does not stop the others."""
        for number in numbers:
            question = answers.questions[number]
            if stderr_is_terminal():
                click.echo(f"[{number + 1}/{len(answers.questions)}] {to_one_line(question.text, 100)}", err=True)
            try:
                ended: Result | AdaptiveError = await self.solve(question, self.tally.add_part())
            except AdaptiveError as error:
                ended = error
            answers.add(number, ended)

    def _print_outcome(self, number: int, question: Question, ended: Result | AdaptiveError) -> int:
        """Print a result and return its exit code; a failed question leaves an empty line."""
        result = _build_failed_result(question, ended) if isinstance(ended, AdaptiveError) else ended
        if "reference" in result:
            self.score.add(result["reference"])
        if not isinstance(ended, AdaptiveError):
            self._print_result(result)
            return get_exit_code(result, require_verified=self.require_verified)
        click.echo(_dump_json(result) if self.json else "")
        _print_to_stderr(f"Error: question {number + 1}: {ended}")
        return FAILED

    async def solve(self, question: Question, tally: SpentTokens) -> Result:
        """Solve one question and log it at once: what was paid for must not wait for others to be printed."""

        def on_event(event: Event) -> None:
            tally.count_event(event)
            self._show_event(event)

        try:
            result = await solve_one(self.solver, question.text, on_event, self.images)
        finally:
            with _warn_of_failure("the display"):
                self.display.break_line()
        with _warn_of_failure("grading"):
            result = await self.grader.grade_result(result, question)
        # Logged before it is printed: a reader that closes the pipe must not lose what was paid for.
        with _warn_of_failure("the log"):
            if self.log:
                self.log.add(result)
        return result

    def _show_event(self, event: Event) -> None:
        """Show an event, and none after one that could not be shown."""
        if self._shows:
            self._shows = False
            with _warn_of_failure("the display"):
                self.display.show(event)
                self._shows = True

    def _print_result(self, result: Result) -> None:
        answer = format_answer(result)
        if self.json:
            answer = _dump_json(result)
        elif self.many:
            answer = to_one_line(answer)
        click.echo(answer)
        with _warn_of_failure("the report"):
            self._print_remarks(result)

    def _print_remarks(self, result: Result) -> None:
        """Print what stderr says about an answer."""
        if self.many and result["accepted"] is None:
            self.unverified[explain_unverified(result)] += 1
        else:
            for line in format_complaints(result):
                _print_to_stderr(line)
        if self.usage:
            _print_to_stderr(format_usage(result["usage"]))


class _OrderedAnswers:
    """Prints outcomes in the order of the questions, each as soon as all before it are printed."""

    def __init__(
        self,
        questions: Sequence[Question],
        print_outcome: Callable[[int, Question, Result | AdaptiveError], int],
    ) -> None:
        self.questions, self.codes = questions, set[int]()
        self._print_outcome, self._next = print_outcome, 0
        self._ended: dict[int, Result | AdaptiveError] = {}

    def add(self, number: int, ended: Result | AdaptiveError) -> None:
        """Take the outcome of question `number`."""
        self._ended[number] = ended
        while self._next in self._ended:
            place, self._next = self._next, self._next + 1
            self.codes.add(self._print_outcome(place, self.questions[place], self._ended.pop(place)))


def _build_failed_result(question: Question, error: AdaptiveError) -> Result:
    """The result object of a question that failed."""
    failed: dict[str, Any] = {"question": question.text, "answer": None, "status": "failed", "accepted": False}
    if question.reference:
        failed["reference"] = {"answer": question.reference, "right": False, "first_right": False}
    return {**failed, "error": str(error)}


def _dump_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


@contextmanager
def _warn_of_failure(what: str) -> Iterator[None]:
    """Make a failure of the block a warning: the answer, which was paid for, must not be lost with it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- whatever it is
        said = error if isinstance(error, AdaptiveError) else f"{what} failed ({redact_error(error)})."
        with suppress(OSError):  # stderr is gone: nobody reads the warning, and stdout still gets the answer
            _print_to_stderr(f"Warning: {said}")


def _print_to_stderr(line: str) -> None:
    click.echo(line, err=True)
