"""The options of a solver that runs without a command line, from environment variables ADAPTIVE_….

They are named as the options of `adaptive solve` are. One that is unset or empty leaves it to the profile.
"""

from __future__ import annotations

from collections.abc import Callable
from os import environ
from typing import Any, TypeVar

from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.types.options import Options

T = TypeVar("T")


def text(name: str) -> str | None:
    """The value of ADAPTIVE_<name>; None where it is unset or empty."""
    return environ.get(f"ADAPTIVE_{name}", "").strip() or None


def count(name: str) -> int | None:
    """The same as a whole number; raises `InputError` for what is none."""
    return _read(name, int, "a whole number")


def number(name: str) -> float | None:
    """The same as a number that need not be whole."""
    return _read(name, float, "a number")


def _read(name: str, kind: Callable[[str], T], what: str) -> T | None:
    value = text(name)
    try:
        return None if value is None else kind(value)
    except ValueError:
        raise InputError(f"ADAPTIVE_{name} must be {what}, got {value!r}.") from None


def settings() -> dict[str, Any]:
    """What `build_solver` is given beside the model, by the environment."""
    return {"profile": text("PROFILE"), "options": options(), "prices": prices()}


def prices() -> Prices:
    """What tokens cost: list prices, and those in the file that ADAPTIVE_PRICES names."""
    return Prices.load(text("PRICES"))


def options() -> Options:
    """What the environment sets for every solve; raises `InputError` for what cannot be."""
    return Options(
        effort=text("EFFORT"),
        budget=count("BUDGET"),
        waits=count("WAITS"),
        samples=count("SAMPLES"),
        stop=text("STOP"),
        verify=text("VERIFY"),
        max_tokens=count("MAX_TOKENS"),
        max_attempts=count("MAX_ATTEMPTS"),
        max_cost=number("MAX_COST"),
        timeout=number("TIMEOUT"),
    )
