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


def read_env_text(name: str) -> str | None:
    """The value of ADAPTIVE_<name>; None where it is unset or empty."""
    return environ.get(f"ADAPTIVE_{name}", "").strip() or None


def read_env_count(name: str) -> int | None:
    """The same as a whole number; raises `InputError` for what is none."""
    return _parse_env_value(name, int, "a whole number")


def read_env_number(name: str) -> float | None:
    """The same as a number that need not be whole."""
    return _parse_env_value(name, float, "a number")


def _parse_env_value(name: str, kind: Callable[[str], T], what: str) -> T | None:
    value = read_env_text(name)
    try:
        return None if value is None else kind(value)
    except ValueError:
        raise InputError(f"ADAPTIVE_{name} must be {what}, got {value!r}.") from None


def read_env_settings() -> dict[str, Any]:
    """What `build_solver` is given beside the model, by the environment."""
    return {"profile": read_env_text("PROFILE"), "options": read_env_options(), "prices": read_env_prices()}


def read_env_prices() -> Prices:
    """What tokens cost: list prices, and those in the file that ADAPTIVE_PRICES names."""
    return Prices.load(read_env_text("PRICES"))


def read_env_options() -> Options:
    """What the environment sets for every solve; raises `InputError` for what cannot be."""
    return Options(
        effort=read_env_text("EFFORT"),
        budget=read_env_count("BUDGET"),
        waits=read_env_count("WAITS"),
        samples=read_env_count("SAMPLES"),
        stop=read_env_text("STOP"),
        verify=read_env_text("VERIFY"),
        max_tokens=read_env_count("MAX_TOKENS"),
        max_attempts=read_env_count("MAX_ATTEMPTS"),
        max_cost=read_env_number("MAX_COST"),
        timeout=read_env_number("TIMEOUT"),
    )
