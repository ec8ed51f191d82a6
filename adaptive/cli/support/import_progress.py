"""Progress of an import, in bytes read, and its end by a signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from adaptive.cli.support.progress import LINE_SECONDS
from adaptive.cli.support.signals import SIGNALS


class ImportProgress:
    """A bar on a terminal, else a line every few seconds; a context manager.

    Args:
        total: The bytes of all logs.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done, self._last_printed = total, 0, time.monotonic()
        columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("reading", total=total)

    def __enter__(self) -> ImportProgress:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.console.is_terminal:  # else it would print an empty line
            self._bar.stop()

    def advance(self, count: int) -> None:
        """Count more bytes as read."""
        self._done += count
        self._bar.update(self._task, completed=self._done)
        if not self._bar.console.is_terminal and time.monotonic() - self._last_printed >= LINE_SECONDS:
            self._last_printed = time.monotonic()
            click.echo(f"read {100 * self._done / max(1, self._total):.0f} % of the logs", err=True)


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise `Stopped` in the block at a first SIGINT or SIGTERM. A second one ends the process as usual."""

    def stop(number: int, _: FrameType | None) -> None:
        for each, handler in former.items():
            signal.signal(each, handler)
        raise Stopped(number)

    former = {number: signal.getsignal(number) for number in SIGNALS}
    for number in former:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
