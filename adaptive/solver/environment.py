"""The options of a solver without a command line, from environment variables ADAPTIVE_….

They are named like the options of `adaptive solve`. One that is unset or empty leaves its setting to the profile.
"""

from __future__ import annotations

from collections.abc import Callable
from os import environ
from typing import Any, TypeVar, get_args

from adaptive.errors import InputError
from adaptive.prices import Prices
from adaptive.types.options import Options
from adaptive.types.setting import read_settings

T = TypeVar("T")


def read_env_text(name: str) -> str | None:
    """Return the value of ADAPTIVE_<name>, None if it is unset or empty."""
    return environ.get(f"ADAPTIVE_{name}", "").strip() or None


def read_env_count(name: str) -> int | None:
    """Return ADAPTIVE_<name> as a whole number; raise `InputError` if it is none."""
    return _parse_env_value(name, int, "a whole number")


def read_env_number(name: str) -> float | None:
    """Return ADAPTIVE_<name> as a number; raise `InputError` if it is none."""
    return _parse_env_value(name, float, "a number")


def _parse_env_value(name: str, kind: Callable[[str], T], what: str) -> T | None:
    value = read_env_text(name)
    try:
        return None if value is None else kind(value)
    except ValueError:
        raise InputError(f"ADAPTIVE_{name} must be {what}, got {value!r}.") from None


def read_env_settings() -> dict[str, Any]:
    """Return the arguments of `build_solver` beside the model that the environment sets."""
    return {"profile": read_env_text("PROFILE"), "options": read_env_options(), "prices": read_env_prices()}


def read_env_prices() -> Prices:
    """Return what tokens cost: list prices, and those in the file that ADAPTIVE_PRICES names."""
    return Prices.load(read_env_text("PRICES"))


def read_env_options() -> Options:
    """Return the options that the environment sets for every solve; raise `InputError` if a value is wrong."""
    values = {
        name: _choose_reader(kind)(setting.environment.removeprefix("ADAPTIVE_"))
        for name, (kind, setting) in read_settings(Options).items()
        if setting.environment
    }
    return Options(**values)


def _choose_reader(kind: Any) -> Callable[[str], Any]:
    """Return the reader of a type, such as `int | None`; what may be text is read as text."""
    kinds = get_args(kind) or (kind,)
    return read_env_text if str in kinds else _READERS.get(kinds[0], read_env_text)


_READERS: dict[type, Callable[[str], Any]] = {int: read_env_count, float: read_env_number}
