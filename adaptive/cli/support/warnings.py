"""The library's warnings while a command runs, as lines on stderr: a call that is retried, for example."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

LOG = logging.getLogger("adaptive")


class WarningHandler(logging.Handler):
    """Prints warnings; `before` is called first, to end an unfinished line."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one warning."""
        self.before()
        click.echo(f"Warning: {record.getMessage().removesuffix('.')}.", err=True)


WARNING_HANDLER = WarningHandler(logging.WARNING)
"""The only handler of a process."""


@contextmanager
def show_warnings() -> Iterator[None]:
    """Print warnings until the block ends."""
    LOG.addHandler(WARNING_HANDLER)
    try:
        yield
    finally:
        LOG.removeHandler(WARNING_HANDLER)
        WARNING_HANDLER.before = WarningHandler.before
