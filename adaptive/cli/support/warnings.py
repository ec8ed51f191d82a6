"""What the library warns of while a command runs, as a line on stderr: a server that is asked again, say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

LOG = logging.getLogger("adaptive")


class WarningHandler(logging.Handler):
    """Tells warnings; `before` is called first, to end a line that something else is written on."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one."""
        self.before()
        click.echo(f"Warning: {record.getMessage()}.", err=True)


WARNING_HANDLER = WarningHandler(logging.WARNING)
"""The one of this process."""


@contextmanager
def show_warnings() -> Iterator[None]:
    """Tell warnings until the block ends."""
    LOG.addHandler(WARNING_HANDLER)
    try:
        yield
    finally:
        LOG.removeHandler(WARNING_HANDLER)
        WARNING_HANDLER.before = WarningHandler.before
