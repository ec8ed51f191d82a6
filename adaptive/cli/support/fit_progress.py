"""The progress of a fit: one bar over recording, training, tuning and measuring; else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from adaptive.cli.support.batch_progress import BatchReport
from adaptive.cli.support.progress import LINE_SECONDS
from adaptive.solver.spent import SpentTokens

SHARES = {"record": 0.85, "train": 0.05, "tune": 0.08, "bench": 0.02}
"""The share of each stage in the bar, in their order: recording takes nearly all of the time."""
NAMES = {"record": "recording", "train": "training", "tune": "tuning", "bench": "measuring"}


class FitProgress(SpentTokens):
    """How far a fit is; its text says what an interrupted one has kept. kept_in: the file of outcomes."""

    def __init__(self, kept_in: Path) -> None:
        super().__init__()
        self.kept_in, self.questions = kept_in, (0, 0)
        self.batches = BatchReport(self._tell, self._describe)
        self._last_printed = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("starting", total=1.0)

    def __str__(self) -> str:
        done, of = self.questions
        open_batches = self.batches.describe_open()
        return f"{done} of {of} questions are recorded in {self.kept_in}, run it again to go on{open_batches}"

    def __enter__(self) -> FitProgress:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide_bar()

    def show_stage(self, stage: str, done: int, of: int) -> None:
        """Show how much of a stage is done."""
        if stage == "record":
            self.questions = done, of
        stages = list(SHARES)
        before = sum(SHARES[name] for name in stages[: stages.index(stage)])
        text = f"{NAMES[stage]} {done} of {of}" if of > 1 else NAMES[stage]
        self._bar.update(self._task, description=text, completed=before + SHARES[stage] * done / max(1, of))
        if not self._bar.console.is_terminal and time.monotonic() - self._last_printed >= LINE_SECONDS:
            self._last_printed = time.monotonic()
            click.echo(f"{text}, {self._bar.tasks[0].percentage:.0f} % of the fit", err=True)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Take the bar away, for a question."""
        self._hide_bar()
        yield
        self.__enter__()

    def _tell(self, sentence: str) -> None:
        with self.pause():
            click.echo(sentence, err=True)

    def _describe(self, text: str) -> None:
        self._bar.update(self._task, description=text)

    def _hide_bar(self) -> None:
        if self._bar.live.is_started:  # else rich prints an empty line
            self._bar.stop()
