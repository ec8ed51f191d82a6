"""Reads the body of a request to `/v1/responses`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from adaptive.serve.answer_form import parse_form
from adaptive.serve.errors import ApiError
from adaptive.serve.request_fields import (
    COMMON_ONLY_VALUES,
    LABELS,
    OnlyValues,
    collect_options,
    make_item_error,
    parse_check_name,
    parse_messages,
    parse_tool_choice,
    read_body,
)
from adaptive.serve.solve import SolveRequest

NOT_STORED = "nothing is stored here, so send the whole conversation as input"
ONLY_VALUES: OnlyValues = {
    **COMMON_ONLY_VALUES,
    "previous_response_id": (None, NOT_STORED),
    "conversation": (None, NOT_STORED),
    "background": (False, "nothing is stored here, so stream the response or wait for it"),
    "prompt": (None, "nothing is stored here, so send its text as instructions"),
    "truncation": ("disabled", "leave it out, and send less if it does not fit"),
    "max_tool_calls": (None, "leave it out"),
    "context_management": (None, "leave it out"),
}
SUMMARIES = ("auto", "concise", "detailed")
IGNORED_INCLUDE = "reasoning.encrypted_content"
"""Clients send it to get the thinking back in their next request; it is not read there."""
TEXT_PARTS = ("input_text", "output_text", "text")


@dataclass(frozen=True)
class ResponsesBody:
    """The fields that are read, as OpenAI names them; `adaptive` has our own options and `result`."""

    model: str
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    stream: bool = False
    stream_options: dict[str, Any] = field(default_factory=dict)  # `include_obfuscation`, which is not needed here
    reasoning: dict[str, Any] = field(default_factory=dict)
    max_output_tokens: int | None = None
    temperature: float | None = None
    text: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    tool_choice: str | dict[str, Any] | None = None
    include: list[str] = field(default_factory=list)
    adaptive: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResponseRequest:
    """What a client wants. body: what the response repeats. summarises: whether it reads summaries of thinking."""

    solve: SolveRequest
    body: ResponsesBody
    summarises: bool


def parse_response_request(body: Any) -> ResponseRequest:
    """Return the request in a body that was JSON.

    Raises:
        InputError: A field is missing, unknown or of the wrong type.
        ApiError: A field cannot be honoured.
    """
    read = read_body(ResponsesBody, body, LABELS, ONLY_VALUES, "model and input")
    _check_fields(read)
    wants_tools = bool(read.tools) and read.tool_choice != "none"
    form = parse_form(read.text.get("format", {"type": "text"}), "text.format")
    if wants_tools and form is not None:
        raise ApiError(400, "text.format cannot be set beside tools: send one.", param="text.format")
    named = {
        "effort": read.reasoning.get("effort"),
        "max_output_tokens": read.max_output_tokens,
        "temperature": read.temperature,
    }
    solve = SolveRequest(
        model=read.model,
        messages=parse_input(read.input, read.instructions),
        options=collect_options(named, read.adaptive),
        tools=_parse_tools(read.tools) if wants_tools else (),
        tool_choice=parse_tool_choice(read.tool_choice) if wants_tools else None,
        form=form,
        stream=read.stream,
        wants_result=read.adaptive.get("result") is True,
        check=parse_check_name(read.adaptive),
    )
    return ResponseRequest(solve, read, read.reasoning.get("summary") is not None)


def parse_input(items: str | Sequence[Mapping[str, Any]], instructions: str | None) -> list[BaseMessage]:
    """Return the conversation; raise `ApiError` for an item that is not one of a conversation.

    Args:
        items: The question, or items: messages, calls of functions and their outputs, and thinking, which is not
            read again.
        instructions: The system message before them.
    """
    rows: list[dict[str, Any]] = [] if instructions is None else [{"role": "system", "content": instructions}]
    places = [0] * len(rows)
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    if not items:
        raise ApiError(400, "input is empty: the question is its last user message.", param="input")
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "function_call" and rows and rows[-1]["role"] == "assistant":  # of the same turn
            rows[-1].setdefault("tool_calls", []).append(_convert_call(item, place))
        elif kind != "reasoning":
            rows.append(_convert_item(item, kind, place))
            places.append(place)
    return parse_messages(rows, "input", places)


def _convert_item(item: Mapping[str, Any], kind: str, place: int) -> dict[str, Any]:
    """Return an item as a message of chat completions."""
    if kind == "message":
        return {"role": item.get("role"), "content": _convert_content(item.get("content"), place)}
    if kind == "function_call":
        return {"role": "assistant", "content": None, "tool_calls": [_convert_call(item, place)]}
    if kind == "function_call_output":
        content = _convert_content(item.get("output"), place)
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
    why = NOT_STORED if kind == "item_reference" else "send messages, calls of functions and their outputs"
    raise make_item_error("input", place, f"it is of type {kind!r}: {why}")


def _convert_call(item: Mapping[str, Any], place: int) -> dict[str, Any]:
    name, arguments, call = (item.get(key) for key in ("name", "arguments", "call_id"))
    if not all(isinstance(value, str) for value in (name, arguments, call)):
        raise make_item_error("input", place, "a function_call needs a call_id, a name and arguments as text")
    return {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}


def _convert_content(content: Any, place: int) -> Any:
    return [_convert_part(part, place) for part in content] if isinstance(content, list) else content


def _convert_part(part: Any, place: int) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in TEXT_PARTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    why = "send input_text, or an input_image with an image_url"
    raise make_item_error("input", place, f"content has a part of type {kind!r} that cannot be read: {why}")


def _parse_tools(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return functions in the format of chat completions."""
    for place, tool in enumerate(tools):
        if tool.get("type") != "function" or not isinstance(tool.get("name"), str):
            why = f"only functions with a name can be used, got type {tool.get('type')!r}"
            raise make_item_error("tools", place, why)
    return [
        {"type": "function", "function": {k: v for k, v in tool.items() if k != "type" and v is not None}}
        for tool in tools
    ]


def _check_fields(body: ResponsesBody) -> None:
    """Raise `ApiError` for a value that would change the response and cannot be honoured."""
    if other := next((name for name in body.include if name != IGNORED_INCLUDE), None):
        raise ApiError(400, f"include cannot have {other!r}: leave it out.", param="include")
    if (summary := body.reasoning.get("summary")) not in (None, *SUMMARIES):
        words = ", ".join(SUMMARIES)
        raise ApiError(
            400, f"reasoning.summary must be one of {words}, got {summary!r}.", param="reasoning.summary"
        )
