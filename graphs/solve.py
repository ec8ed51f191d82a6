"""The solver as a graph for LangGraph's server: named in `langgraph.json`, loaded by path.

The environment sets it, by the names that `adaptive solve` knows: ADAPTIVE_MODEL and ADAPTIVE_PROFILE say what
thinks; ADAPTIVE_EFFORT, ADAPTIVE_BUDGET, ADAPTIVE_WAITS, ADAPTIVE_SAMPLES, ADAPTIVE_STOP, ADAPTIVE_VERIFY,
ADAPTIVE_MAX_TOKENS, ADAPTIVE_MAX_COST, ADAPTIVE_TIMEOUT and ADAPTIVE_MAX_ATTEMPTS bound it, and ADAPTIVE_PRICES
says what tokens cost. One that is unset or empty leaves it to the profile.
"""

from __future__ import annotations

from os import environ

from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.workflow import Options, build_solver


def text(name: str) -> str | None:
    """The value of ADAPTIVE_<name>; None where it is unset or empty."""
    return environ.get(f"ADAPTIVE_{name}", "").strip() or None


def count(name: str) -> int | None:
    """The same as a number; raises `InputError` for what is none."""
    value = text(name)
    try:
        return None if value is None else int(value)
    except ValueError:
        raise InputError(f"ADAPTIVE_{name} must be a whole number, got {value!r}.") from None


def number(name: str) -> float | None:
    """The same as a number that need not be whole."""
    value = text(name)
    try:
        return None if value is None else float(value)
    except ValueError:
        raise InputError(f"ADAPTIVE_{name} must be a number, got {value!r}.") from None


def options() -> Options:
    """What the environment sets for every solve."""
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


graph = build_solver(
    text("MODEL") or "embedded", profile=text("PROFILE"), options=options(), prices=Prices.load(text("PRICES"))
)
