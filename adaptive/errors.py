"""Errors that a user can fix: each message is one plain sentence with the wrong value and what to do."""

from __future__ import annotations


def to_single_line(text: object, length: int | None = None) -> str:
    """Return text, such as the message of a library's error, without line breaks, cut to `length` characters."""
    return " ".join(str(text).split())[:length]


class AdaptiveError(Exception):
    """Something failed while running (exit code 1)."""


class NoAnswerInTime(AdaptiveError, RuntimeError):  # noqa: N818 -- what it says
    """The time was up before any attempt had finished; the message says what was spent.

    It is a `RuntimeError` too, as `InputError` is: trying again with the same limit would only spend more.
    """


class LimitReached(AdaptiveError, RuntimeError):  # noqa: N818 -- what it says
    """A run, thread or tenant has spent what it may. It is a `RuntimeError` too, as `InputError` is."""


class InputError(AdaptiveError, RuntimeError):
    """The input is invalid: a bad value, model, file or question (exit code 2). Trying again does not help.

    It is a `RuntimeError` too, because LangGraph's `RetryPolicy` retries an `AdaptiveError` but no `RuntimeError`,
    and because LangGraph's server shows the sentences of few errors but Python's own: of others its clients read
    that "an internal error occurred". A `ValueError` would be shown too, but pydantic and readers of files catch
    that as their own.
    """
