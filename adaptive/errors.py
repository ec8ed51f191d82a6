"""Errors that a user can mend: each message is one plain sentence with the wrong value and what to do."""

from __future__ import annotations


def to_single_line(text: object, length: int | None = None) -> str:
    """What somebody else's error says, without line breaks, its first `length` characters."""
    return " ".join(str(text).split())[:length]


class AdaptiveError(Exception):
    """Something failed while running (exit code 1)."""


class NoAnswerInTime(AdaptiveError):  # noqa: N818 -- what it says
    """The time was up before any attempt was finished; the message says what was spent."""


class InputError(AdaptiveError, LookupError):
    """The user asked for something that cannot be: a bad value, model, file or question (exit code 2).

    Trying again does not help. It is a `LookupError` too because LangGraph's `RetryPolicy` does not retry those,
    while it does retry an `AdaptiveError`. (Nor a `ValueError`, but that pydantic and readers of files take for
    their own.)
    """
