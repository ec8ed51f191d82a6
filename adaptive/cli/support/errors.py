"""How the command fails: one plain sentence on stderr and an exit code, for any error."""

from __future__ import annotations

import signal
import sys

import click

from adaptive.errors import AdaptiveError, InputError

ACCEPTED, FAILED, USAGE, NOT_ACCEPTED, STARVED = 0, 1, 2, 3, 4  # an answer that is not verified exits with 0


class Failure(Exception):  # noqa: N818 -- Ctrl-C is one and no error
    """The end of a command that failed: a sentence and an exit code."""

    label = "Error: "

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def report(self) -> int:
        """Print the sentence on stderr and return the exit code."""
        click.echo(f"{self.label}{self}", err=True)
        return self.exit_code


class Interrupted(Failure):
    """SIGINT or SIGTERM arrived: the exit code is the shell's, 128 and the signal's number."""

    def __init__(self, spent: str = "", signal_number: int = signal.SIGINT) -> None:
        # A terminal has echoed `^C`: the sentence starts on the next line.
        self.label = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        super().__init__(f"Interrupted{f': {spent}' if spent else ''}.", 128 + signal_number)


def to_failure(error: Exception) -> Failure:
    """Return any error as a sentence: ours unchanged, click's in one line, the system's with the file."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, AdaptiveError):
        return Failure(str(error), USAGE if isinstance(error, InputError) else FAILED)
    if isinstance(error, click.UsageError):
        return Failure(_format_usage_error(error), USAGE)
    if isinstance(error, click.ClickException):
        return Failure(error.format_message(), error.exit_code)
    if isinstance(error, OSError) and error.strerror:
        return Failure(f"{error.strerror}{f': {error.filename}' if error.filename else ''}.", FAILED)
    detail = f" ({_collapse_whitespace(str(error))})" if str(error) else ""
    return Failure(f"{type(error).__name__}{detail}: run again with --debug for the traceback.", FAILED)


def _format_usage_error(error: click.UsageError) -> str:
    """Click's error in one line, with a pointer to the help."""
    where = error.ctx.command_path if error.ctx else "adaptive"
    sentence = _collapse_whitespace(error.format_message())
    if isinstance(error, click.NoSuchOption) and not error.possibilities:
        sentence = f"{sentence.rstrip('.')}: a text that begins with '-' goes after --."
    end = "" if sentence.endswith((".", "?", ")")) else "."
    return f"{sentence}{end} Try '{where} --help'."


def _collapse_whitespace(text: str) -> str:
    return " ".join(text.split())
