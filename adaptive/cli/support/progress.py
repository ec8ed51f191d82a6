"""Progress of a long run on stderr: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from adaptive.solver.spent import SpentTokens

LINE_SECONDS = 10.0


class Progress(SpentTokens):
    """A count of questions; its text says what an interrupted run has kept.

    Args:
        total: The number of questions.
        done: How many are done at the start.
        kept_in: The file that keeps results.
        word: What is done to a question: "solved".
        things: What is counted.
    """

    def __init__(self, total: int, done: int, kept_in: str, word: str, things: str = "questions") -> None:
        super().__init__()
        self.things = things
        self.total, self.done, self.kept_in, self.word = total, done, kept_in, word
        self._first, self._started = done, time.monotonic()
        self._last_printed, self._left_out = self._started, 0
        columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task(word, total=total, completed=done)

    def __str__(self) -> str:
        return (
            f"{self.done} of {self.total} {self.things} are {self.word} in {self.kept_in}, run it again to go on"
        )

    def __enter__(self) -> Progress:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._left_out > 1:
            click.echo(f"{self._left_out} {self.things} were left out.", err=True)

    def advance(self) -> None:
        """Count one more as done."""
        self.done += 1
        self._bar.update(self._task, completed=self.done)
        if not self._bar.console.is_terminal and time.monotonic() - self._last_printed >= LINE_SECONDS:
            self._last_printed = time.monotonic()
            click.echo(
                f"{self.word} {self.done} of {self.total}, {self._estimate_minutes_left():.0f} minutes left",
                err=True,
            )

    def leave_out(self, reason: str) -> None:
        """One question cannot be labelled; the first reason is told."""
        self._left_out += 1
        if self._left_out == 1:
            self._bar.console.print(f"Left out {reason}", markup=False, highlight=False)

    def _estimate_minutes_left(self) -> float:
        rate = (self.done - self._first) / max(1e-9, time.monotonic() - self._started)
        return (self.total - self.done) / max(1e-9, rate) / 60
