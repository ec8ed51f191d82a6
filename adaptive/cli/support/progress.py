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
        columns = (
            TextColumn(word), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[cost]}"),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Bar(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task(word, total=total, completed=done, cost="", rate="")

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
        if self._bar.console.is_terminal:  # else it would print an empty line
            self._bar.stop()
        if self._left_out > 1:
            click.echo(f"{self._left_out} {self.things} were left out.", err=True)

    def advance(self, cost: str = "") -> None:
        """Count one more as done; `cost` says what all have cost so far, if that is to be shown."""
        self.done += 1
        rate = self._measure_rate()
        self._bar.update(self._task, completed=self.done, cost=cost, rate=f"{rate:.1f} a minute")
        if self._is_line_due():
            done = f"{self.word} {self.done} of {self.total}" + (f" for {cost}" if cost else "")
            left = (self.total - self.done) / rate
            click.echo(f"{done}, {rate:.1f} a minute, {left:.0f} minutes left", err=True)

    def leave_out(self, reason: str) -> None:
        """One question cannot be labelled; the first reason is told."""
        self._left_out += 1
        if self._left_out == 1:
            self.tell(f"Left out {reason}")

    def tell(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, state: str) -> None:
        """Show what is going on beside the bar; without a terminal in a line, at most one every few seconds."""
        self._bar.update(self._task, cost=state)
        if self._is_line_due():
            click.echo(state, err=True)

    def _is_line_due(self) -> bool:
        """Return whether a line is to be printed now: there is no terminal, and the last one is a while ago."""
        if self._bar.console.is_terminal or time.monotonic() - self._last_printed < LINE_SECONDS:
            return False
        self._last_printed = time.monotonic()
        return True

    def _measure_rate(self) -> float:
        """Return how many this run has done a minute."""
        return 60 * (self.done - self._first) / max(1e-9, time.monotonic() - self._started)
