"""The fields of a server's reply, each checked when it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive.errors import AdaptiveError, to_single_line

MOST = 10**9
"""No count of tokens, and no length of a context, is larger."""
LARGEST_ID = 2**31 - 1
ROUNDING = 1e-3
LEAST_LOGPROB = -1e9
"""Servers write -9999 for what they do not tell; sums of less than this would lose what else is in them."""


@dataclass(frozen=True)
class ReplyFields:
    """A JSON object that the server at `url` sent. What is missing or null is empty, or None.

    Reading raises `AdaptiveError` with the server and the field if the value cannot be what it should be.
    """

    url: str
    data: dict[str, Any]

    def read_object(self, name: str) -> ReplyFields:
        """Return an object."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._complain(name, "an object")
        return ReplyFields(self.url, value or {})

    def read_list(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, list):
            raise self._complain(name, "a list")
        return value or []

    def read_objects(self, name: str) -> list[ReplyFields]:
        """Return a list of objects."""
        values = self.read_list(name)
        if not all(isinstance(value, dict) for value in values):
            raise self._complain(name, "a list of objects")
        return [ReplyFields(self.url, value) for value in values]

    def read_ids(self, name: str) -> list[int]:
        """Return a list of token ids."""
        values = self.read_list(name)
        if not all(type(value) is int and 0 <= value <= LARGEST_ID for value in values):
            raise self._complain(name, "a list of token ids")
        return values

    def read_logprobs(self, name: str) -> list[float | None]:
        """Return a list of log-probabilities; None for what cannot be one."""
        return [as_logprob(value) for value in self.read_list(name)]

    def read_text(self, name: str) -> str | None:
        """Return a text."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, str):
            raise self._complain(name, "text")
        return value

    def read_count(self, name: str) -> int | None:
        """Return a count."""
        value = self.data.get(name)
        if value is not None and not (type(value) is int and 0 <= value <= MOST):
            raise self._complain(name, "a count")
        return value

    def read_known_count(self, name: str) -> int | None:
        """Return a count that only figures need: None, rather than an error, if it cannot be one."""
        value = self.data.get(name)
        return value if type(value) is int and 0 <= value <= MOST else None

    def _complain(self, name: str, what: str) -> AdaptiveError:
        shown = to_single_line(repr(self.data.get(name)), 60)
        return AdaptiveError(
            f"the server {self.url} sent {name!r} as {shown}, which is not {what}: is its dialect another "
            "(-o dialect=…)?"
        )


def as_logprob(value: object) -> float | None:
    """Return a log-probability; None if it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return min(number, 0.0) if LEAST_LOGPROB < number < ROUNDING else None
