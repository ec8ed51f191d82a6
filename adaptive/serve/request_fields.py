"""What the requests of all protocols have in common: labels, fixed values, options, tools and messages.

A field that would change the reply and cannot is refused by name; one that only labels the request is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage, convert_to_messages

from adaptive.errors import to_single_line
from adaptive.serve.errors import ApiError
from adaptive.types.from_json import dataclass_from_json
from adaptive.types.options import PER_QUESTION

LABELS = (
    "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user",
)  # fmt: skip
"""Fields that no reply depends on."""
NO_OPTIONS = ("check", "result")
"""What `adaptive` of a request has beside options of the solve."""
OWN_FIELDS = (*PER_QUESTION, *NO_OPTIONS)
ROLES = ("system", "developer", "user", "assistant", "tool")
OnlyValues = Mapping[str, tuple[Any, str]]
"""Fields with the only value that can be honoured, and what to do instead."""
COMMON_ONLY_VALUES: OnlyValues = {
    "top_p": (1, "leave it out and set temperature"),
    "top_logprobs": (0, "leave it out"),
    "parallel_tool_calls": (True, "leave it out"),
}

Body = TypeVar("Body")


def read_body(kind: type[Body], body: Any, labels: Sequence[str], only_values: OnlyValues, needs: str) -> Body:
    """Return the fields of a request.

    Args:
        kind: A dataclass of the fields that are read.
        body: What the JSON was.
        labels: Fields that are dropped.
        only_values: Fields with one possible value.
        needs: What a request must have, in words.

    Raises:
        InputError: A field is missing, unknown or of the wrong type.
        ApiError: A field cannot be honoured.
    """
    if not isinstance(body, Mapping):
        raise ApiError(400, f"the body is no JSON object: send {needs}.")
    fields = {name: value for name, value in body.items() if value is not None and name not in labels}
    for name, (only, remedy) in only_values.items():
        if name in fields and fields[name] != only:
            shown = to_single_line(repr(fields[name]), 60)
            raise ApiError(400, f"{name} cannot be {shown}: {remedy}.", param=name, code="unsupported_value")
    return dataclass_from_json(kind, {n: v for n, v in fields.items() if n not in only_values}, "the request")


def collect_options(named: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a solve.

    Args:
        named: Options that the protocol has names for; None for one that is not set.
        own: The request's `adaptive`.

    Raises:
        ApiError: `own` has what is no option, or what is set by the protocol's name too.
    """
    if other := next((name for name in own if name not in OWN_FIELDS), None):
        raise ApiError(400, f"adaptive takes no {other!r}: it takes {', '.join(OWN_FIELDS)}.", param="adaptive")
    options = {name: value for name, value in own.items() if name not in NO_OPTIONS}
    if twice := next((name for name in options if named.get(name) is not None), None):
        raise ApiError(400, f"{twice} is set twice: set it in adaptive, or by OpenAI's name.", param="adaptive")
    return {name: value for name, value in {**named, **options}.items() if value is not None}


def parse_check_name(own: Mapping[str, Any]) -> str | None:
    """Return the name of the check that a request's `adaptive` wants; None for none."""
    name = own.get("check")
    if not isinstance(name, str | None):
        raise ApiError(400, f"check of adaptive must be the name of a check, got {name!r}.", param="adaptive")
    return name


def parse_tool_choice(choice: str | Mapping[str, Any] | None) -> str | None:
    """Return LangChain's word for a choice: "any" for "required", a tool's name for its object."""
    if isinstance(choice, Mapping):
        function = choice.get("function", choice)  # chat completions hold the name one level deeper
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str):
            raise ApiError(400, f"tool_choice names no function: {choice!r}.", param="tool_choice")
        return name
    if choice not in (None, "auto", "required"):
        raise ApiError(
            400, f"tool_choice must be none, auto, required or a function, got {choice!r}.", param="tool_choice"
        )
    return "any" if choice == "required" else choice


def parse_messages(
    rows: Sequence[Mapping[str, Any]], field: str = "messages", places: Sequence[int] | None = None
) -> list[BaseMessage]:
    """Return messages of chat completions as LangChain's.

    Args:
        rows: The messages.
        field: The field of the request that they came in.
        places: The place of each in that field; by default they are all of it.

    Raises:
        ApiError: There is none, or one that is no message.
    """
    if not rows:
        raise ApiError(400, f"{field} is empty: the question is its last user message.", param=field)
    for row, place in zip(rows, range(len(rows)) if places is None else places, strict=True):
        content = row.get("content")
        parts = content if isinstance(content, list) else []
        if row.get("role") not in ROLES:
            raise make_item_error(field, place, f"role must be one of {', '.join(ROLES)}, got {row.get('role')!r}")
        if not isinstance(content, str | list | None) or (content is None and row["role"] != "assistant"):
            raise make_item_error(field, place, f"content must be text or a list of parts, got {content!r}")
        if not all(isinstance(part, dict) and _is_part(part) for part in parts):
            why = "content has a part without a type, or of type text without a text"
            raise make_item_error(field, place, why)
    try:
        return convert_to_messages([{**row, "content": row.get("content") or ""} for row in rows])
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise ApiError(400, f"{field} cannot be read: {to_single_line(error, 200)}.", param=field) from error


def make_item_error(field: str, place: int, why: str) -> ApiError:
    """Return the error of an item of a list."""
    item = "message" if field == "messages" else field
    return ApiError(400, f"{item} {place + 1}: {to_single_line(why, 200)}.", param=f"{field}[{place}]")


def _is_part(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("type"), str) and (part["type"] != "text" or isinstance(part.get("text"), str))
