"""Plain JSON types into dataclasses, strictly: a key that is unknown, missing or wrong becomes one sentence.

pydantic does the checking. It is imported by the first check, so that `--help` does not wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from typing_extensions import TypedDict

from adaptive.errors import InputError
from adaptive.types.setting import Setting

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
_WORDS = {
    NoneType: "null", str: "text", int: "a whole number", float: "a number", bool: "true or false",
    tuple: "a list", dict: "an object",
}  # fmt: skip
_RANGE_ERRORS = ("greater_than_equal", "greater_than", "less_than_equal")
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


def dataclass_from_json(kind: type[T], data: Any, where: str) -> T:
    """Make the dataclass `kind` from a JSON object; fields with a default may be left out, lists become tuples.

    Args:
        kind: The dataclass.
        data: What `json.loads` returned.
        where: The place of `data` in words, for error sentences: "'policy' in profile.json".

    Raises:
        InputError: A key is unknown, missing or wrong, or the dataclass itself refuses a value.
    """
    return convert_value(kind, data, where)  # type: ignore[no-any-return]


def convert_value(kind: Any, value: Any, where: str) -> Any:
    """Return the JSON `value` as `kind`, a type that pydantic knows; see `dataclass_from_json`."""
    from pydantic import ValidationError

    try:
        # As JSON text, because pydantic's strict mode takes no list for a tuple and no object for a dataclass.
        return _get_adapter(kind).validate_json(f"[{json.dumps(value)}]")[0]
    except ValidationError as error:
        raise InputError(_explain_error(error, kind, where)) from None
    except InputError as error:
        raise InputError(f"{where} is not valid: {error}") from error
    except (TypeError, ValueError) as error:  # no JSON: a date in a TOML file
        raise InputError(f"{where} cannot be {_shorten(value)}: {error}.") from error


def check_fields(kind: type, values: Mapping[str, Any], where: str = "") -> None:
    """Check values of fields of the dataclass `kind`, as its `__post_init__` does; none is converted.

    Args:
        kind: The dataclass.
        values: Some or all of its fields by name.
        where: The place in words; by default error sentences name the field alone.

    Raises:
        InputError: A value is of the wrong type or out of range.
    """
    from pydantic import ValidationError

    try:
        _get_fields_adapter(kind).validate_python((dict(values),))
    except ValidationError as error:
        raise InputError(_explain_error(error, kind, where)) from None


def check_made(kind: Any, value: Any, where: str) -> None:
    """Check dataclasses that were made of a stranger's data without checks, and all that is in them.

    Args:
        kind: The type of `value`.
        value: A dataclass, or a tuple of them.
        where: The place in words.

    Raises:
        ValueError: A value in it is of the wrong type. Whoever reads a file says which file is damaged.
    """
    from pydantic import ValidationError

    try:
        _get_adapter(kind, again=True).validate_python((value,))
    except ValidationError as error:
        raise ValueError(_explain_error(error, kind, where).removesuffix(".")) from None


@cache
def _get_adapter(kind: Any, *, again: bool = False) -> TypeAdapter[tuple[Any]]:
    """The checker of `kind`, in a tuple because pydantic takes no configuration for a dataclass alone.

    again: whether what is a dataclass already is checked too.
    """
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,  # json.loads reads NaN and Infinity
        revalidate_instances="always" if again else "never",
    )
    return TypeAdapter(tuple[kind], config=config)


@cache
def _get_fields_adapter(kind: type) -> TypeAdapter[tuple[Any]]:
    # An adapter of the dataclass itself would call its `__post_init__`, which calls `check_fields`.
    hints = get_type_hints(kind, include_extras=True)
    return _get_adapter(TypedDict(kind.__name__, {f.name: hints[f.name] for f in fields(kind)}, total=False))  # type: ignore[operator]


def _explain_error(error: ValidationError, kind: Any, where: str) -> str:
    """The first thing that is wrong, in a sentence. An unknown key goes first: it is often a missing one."""
    errors = error.errors(include_url=False)
    one = next((e for e in errors if e["type"] in _UNKNOWN_KEY), errors[0])
    place = _cut_at_choice(kind, one["loc"][1:])  # the first step is into the tuple of `_get_adapter`
    if one["type"] in _UNKNOWN_KEY:
        names = ", ".join(f.name for f in fields(_strip(_find_type(kind, place[:-1]))))
        return f"{_name_place(place[:-1], where)} has the unknown key {place[-1]!r}: it may have {names}."
    if one["type"] == "missing":
        return f"{_name_place(place[:-1], where)} has no key {place[-1]!r}."
    if one["type"] == "finite_number":
        expected = "a finite number"
    else:
        expected = _name_type(_find_type(kind, place), in_range=one["type"] in _RANGE_ERRORS)
    if not where:  # a Python caller's own argument
        expected = expected.replace("null", "None").replace("a list", "a tuple")
    return f"{_name_place(place, where)} must be {expected}, got {_shorten(one['input'])}."


def _cut_at_choice(kind: Any, place: Sequence[int | str]) -> Sequence[int | str]:
    """Return the place without pydantic's step into one of several types, such as a number or text."""
    for depth in range(len(place)):
        options = [one for one in _list_options(_unwrap(_find_type(kind, place[:depth]))) if one is not NoneType]
        if len(options) > 1:
            return place[:depth]
    return place


def _name_place(place: Sequence[int | str], where: str) -> str:
    """A place inside `where` in words: "item 0 of 'waits' in the style"; a field of nothing by its name."""
    for step in place:
        inner = f"{step!r} in {where}" if where else str(step)
        where = f"item {step} of {where}" if isinstance(step, int) else inner
    return where


def _find_type(kind: Any, place: Sequence[int | str]) -> Any:
    """The annotation at a place inside `kind`."""
    for step in place:
        kind = _strip(kind)
        if is_dataclass(kind):
            kind = get_type_hints(kind, include_extras=True)[str(step)]
        else:  # tuple[X, ...] or dict[str, X]
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    return kind


def _unwrap(kind: Any) -> Any:
    """The type without what is annotated of it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _strip(kind: Any) -> Any:
    """The type without what is annotated of it, and of `X | None` the X."""
    kind = _unwrap(kind)
    return next((k for k in _list_options(kind) if k is not NoneType), kind)


def _list_options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _name_type(kind: Any, *, in_range: bool = False) -> str:
    """What a value must be, in words; in_range: its range."""
    if get_origin(kind) is Annotated:
        kind, setting = get_args(kind)[:2]
        if in_range and isinstance(setting, Setting):
            return setting.format_range()
    options = _list_options(kind)
    if len(options) > 1:
        return " or ".join(_name_type(k, in_range=in_range) for k in options)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return "an object" if is_dataclass(kind) else _WORDS.get(get_origin(kind) or kind, str(kind))


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
