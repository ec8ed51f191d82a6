"""Plain JSON types into dataclasses, strictly: a key unknown, missing or bad is a sentence that names it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from adaptive.errors import InputError

T = TypeVar("T")
_WORDS = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null",
    tuple: "a list", dict: "an object",
}  # fmt: skip


def dataclass_from_json(kind: type[T], data: Any, where: str) -> T:
    """The dataclass `kind` from a JSON object; `where` says in words where that was found.

    Fields with a default may be left out. Lists become tuples. Raises `InputError`, also for what the
    dataclass itself refuses.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{where} must be an object, got {_shorten(data)}.")
    _check_keys(fields(kind), data, where)  # type: ignore[arg-type]  # every kind given here is a dataclass
    hints = _get_hints(kind)  # type: ignore[arg-type]  # a class is hashable
    values = {key: convert_value(hints[key], value, f"{key!r} in {where}") for key, value in data.items()}
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where} is not valid: {error}") from error


@cache
def _get_hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def convert_value(kind: Any, value: Any, where: str) -> Any:
    """`value` as `kind`: a plain type, Literal, a union, tuple[X, ...], dict[str, X] or a dataclass."""
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        return dataclass_from_json(kind, value, where)
    if get_origin(kind) in (Union, UnionType):
        return _convert_union(get_args(kind), value, where)
    if get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        return tuple(convert_value(get_args(kind)[0], v, f"item {i} of {where}") for i, v in enumerate(value))
    if get_origin(kind) is dict and isinstance(value, Mapping):
        return {key: convert_value(get_args(kind)[1], v, f"{key!r} in {where}") for key, v in value.items()}
    if not _matches_type(kind, value):
        raise InputError(f"{where} must be {_name_type(kind)}, got {_shorten(value)}.")
    return float(value) if kind is float else value


def _check_keys(allowed: tuple[Field[Any], ...], data: Mapping[str, Any], where: str) -> None:
    names = [f.name for f in allowed]
    unknown = next((k for k in data if k not in names), None)
    if unknown is not None:
        raise InputError(f"{where} has the unknown key {unknown!r}: it may have {', '.join(names)}.")
    needed = (f.name for f in allowed if f.default is MISSING and f.default_factory is MISSING)
    missing = next((n for n in needed if n not in data), None)
    if missing is not None:
        raise InputError(f"{where} has no key {missing!r}.")


def _convert_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    fitting = next((k for k in kinds if _matches_type(get_origin(k) or k, value)), None)
    if fitting is None:
        raise InputError(f"{where} must be {' or '.join(_name_type(k) for k in kinds)}, got {_shorten(value)}.")
    return convert_value(fitting, value, where)


def _matches_type(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    kind = get_origin(kind) or kind
    if is_dataclass(kind):
        return isinstance(value, Mapping)
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    if kind is float:  # json reads NaN and Infinity, and a probability or a threshold is neither
        return isinstance(value, (int, float)) and math.isfinite(value)
    return isinstance(value, (list, tuple)) if kind is tuple else isinstance(value, kind)


def _name_type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return "an object" if is_dataclass(kind) else _WORDS.get(get_origin(kind) or kind, str(kind))


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
