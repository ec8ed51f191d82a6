"""What a call of `ChatAdaptive` may set: options of a solve, and strings that cut the text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adaptive.errors import InputError
from adaptive.types.options import PER_QUESTION, Options

OPTION_FIELDS = ("effort", "budget", "max_tokens", "max_cost", "temperature", "seed")
"""Fields of `ChatAdaptive` that are options of a solve."""
OPTION_ALIASES = {"reasoning_effort": "effort"}
"""LangChain's names for options of ours."""


def read_options(own: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a call in plain types.

    Args:
        own: Those of the model, by the names of `OPTION_FIELDS`; None leaves one to the profile.
        arguments: Those of the call, which win; `stream` is none of ours.

    Raises:
        InputError: A call cannot set one of them, or a value is not possible.
    """
    call = {OPTION_ALIASES.get(name, name): value for name, value in arguments.items() if name != "stream"}
    unknown = next((name for name in call if name not in PER_QUESTION), None)
    if unknown is not None:
        raise InputError(f"a call cannot set {unknown!r}: it may set {', '.join(PER_QUESTION)} and stop.")
    options = {name: value for name, value in {**own, **call}.items() if value is not None}
    Options().with_settings(options, "the call")
    return options


def check_stop_strings(stop: Sequence[str] | None) -> Sequence[str]:
    """Return the stop strings; raise `InputError` for an empty one, which would leave no text."""
    if isinstance(stop, str):
        raise InputError(f"stop must be a list of texts, got the text {stop!r}.")
    if stop and not all(stop):
        raise InputError("a stop string is empty, which would leave no text: leave it out.")
    return stop or ()


def check_timeout(seconds: float | None) -> None:
    """Raise `InputError` for a time limit that is no time."""
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise InputError(f"timeout must be a number of seconds above 0, got {seconds}.")


def check_retries(retries: int | None) -> None:
    """Raise `InputError` for a number of retries that is below 0."""
    if retries is not None and retries < 0:
        raise InputError(f"max_retries must be 0 or more, got {retries}.")
