"""One call of `adaptive solve`: asks, logs and prints, one question after the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from adaptive.cli.display import Display, Event, stderr_is_terminal
from adaptive.cli.errors import FAILED
from adaptive.cli.report import SEVERITY, Result, answer_text, complaints, exit_code, one_line, usage_line
from adaptive.cli.run import Tally, solve_one
from adaptive.errors import AdaptiveError
from adaptive.store import Store


@dataclass
class Session:
    """What one call asks with and how it prints; `many` when the questions come from a file."""

    solver: Any
    display: Display
    log: Store | None
    many: bool = False
    json: bool = False
    usage: bool = False
    timeout: float | None = None
    tally: Tally = field(default_factory=Tally)

    async def ask(self, questions: Sequence[str]) -> int:
        """Ask them all; the exit code is the worst of theirs."""
        if not self.many:
            return await self._ask(questions[0])
        codes = set()
        for number, question in enumerate(questions, start=1):
            if stderr_is_terminal():
                click.echo(f"[{number}/{len(questions)}] {one_line(question, 100)}", err=True)
            codes.add(await self._ask_one_of_many(number, question))
        return next(code for code in SEVERITY if code in codes)

    async def _ask_one_of_many(self, number: int, question: str) -> int:
        """A question that fails does not keep the others from being asked; its line stays, empty."""
        try:
            return await self._ask(question)
        except AdaptiveError as error:
            failed = {"question": question, "answer": None, "status": "failed", "accepted": False}
            click.echo(_one_line_json({**failed, "error": str(error)}) if self.json else "")
            _say(f"Error: question {number}: {error}")
            return FAILED

    async def _ask(self, question: str) -> int:
        try:
            result = await solve_one(self.solver, question, self._see, self.timeout)
        finally:
            self.display.break_line()
        self._keep(result)
        self._print(result)
        return exit_code(result)

    def _see(self, event: Event) -> None:
        self.tally.see(event)
        self.display.show(event)

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


def _one_line_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _say(line: str) -> None:
    click.echo(line, err=True)
