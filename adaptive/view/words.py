"""How figures and fields of a result are written on the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ARMS: Mapping[str, str] = {
    "first": "First attempt",
    "wait": "Wait: the same chain goes on",
    "budget": "A larger budget: the same chain goes on",
    "vote": "Another sample, to vote",
    "effort": "Another effort, from scratch",
    "model": "A stronger model",
}
ROUND_ENDS: Mapping[str, str] = {
    "natural": "the model ended it",
    "budget": "cut at the budget",
    "context": "cut at the end of the context window",
    "loop": "stopped, since it repeated itself",
    "converged": "ended with the same answer again",
    "confident": "stopped, since a probe's answer was sure",
    "none": "no thinking",
}
VERDICT_WORDS: Mapping[bool | None, str] = {True: "accepted", False: "not accepted", None: "not verified"}
RIGHT_WORDS: Mapping[bool | None, str] = {True: "right", False: "wrong", None: "unknown"}


def format_number(value: float | None) -> str:
    """Return a number with separators; a dash if it is not known."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"


def format_seconds(value: float | None) -> str:
    """Return seconds; a dash if they are not known."""
    return "–" if value is None else f"{value:.2f} s"


def format_money(value: float | None) -> str:
    """Return dollars; "not known", never 0, if the price is not known."""
    return "not known" if value is None else f"${value:.4g}"


def format_share(value: float | None) -> str:
    """Return a share in percent; a dash if it is not known."""
    return "–" if value is None else f"{100 * value:.1f} %"


def format_time(value: str) -> str:
    """Return a time of the log (UTC, ISO 8601) to the second."""
    return f"{value[:10]} {value[11:19]} UTC"


def shorten(text: Any, length: int = 160) -> str:
    """Return text on one line, cut to `length` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": format_number,
    "seconds": format_seconds,
    "money": format_money,
    "share": format_share,
    "time": format_time,
    "shorten": shorten,
    "verdict": VERDICT_WORDS.__getitem__,
    "right": RIGHT_WORDS.__getitem__,
}
"""Filters of the templates."""
