"""Reads the body of a request to `/v1/chat/completions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from adaptive.serve.answer_form import parse_form
from adaptive.serve.errors import ApiError
from adaptive.serve.request_fields import (
    COMMON_ONLY_VALUES,
    LABELS,
    OnlyValues,
    collect_options,
    parse_check_name,
    parse_messages,
    parse_tool_choice,
    read_body,
)
from adaptive.serve.solve import SolveRequest
from adaptive.types.setting import Setting

ONLY_VALUES: OnlyValues = {
    **COMMON_ONLY_VALUES,
    "presence_penalty": (0, "leave it out"),
    "frequency_penalty": (0, "leave it out"),
    "logit_bias": ({}, "leave it out"),
    "logprobs": (False, "leave it out"),
    "modalities": (["text"], "replies are text"),
}
MOST_CHOICES = 8
"""They are solved one after the other, in the request's one place among the solves at once."""


@dataclass(frozen=True)
class ChatBody:
    """The fields that are read, as OpenAI names them; `adaptive` has our own options and `result`."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False
    stream_options: dict[str, Any] = field(default_factory=dict)
    reasoning_effort: str | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    n: Annotated[int, Setting("Answers, each of a solve of its own.", ge=1, le=MOST_CHOICES)] = 1
    stop: str | list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] = field(default_factory=lambda: {"type": "text"})
    adaptive: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompletionRequest:
    """What a client wants. include_usage: whether a stream ends with a chunk of usage."""

    solve: SolveRequest
    include_usage: bool


def parse_completion_request(body: Any) -> CompletionRequest:
    """Return the request in a body that was JSON.

    Raises:
        InputError: A field is missing, unknown or of the wrong type.
        ApiError: A field cannot be honoured.
    """
    read = read_body(ChatBody, body, LABELS, ONLY_VALUES, "model and messages")
    wants_tools = bool(read.tools) and read.tool_choice != "none"
    form = parse_form(read.response_format, "response_format")
    if wants_tools and form is not None:
        raise ApiError(400, "response_format cannot be set beside tools: send one.", param="response_format")
    solve = SolveRequest(
        model=read.model,
        messages=parse_messages(read.messages),
        options=_collect_options(read),
        stops=[read.stop] if isinstance(read.stop, str) else read.stop,
        tools=read.tools if wants_tools else (),
        tool_choice=parse_tool_choice(read.tool_choice) if wants_tools else None,
        form=form,
        stream=read.stream,
        wants_result=read.adaptive.get("result") is True,
        check=parse_check_name(read.adaptive),
        choices=read.n,
    )
    return CompletionRequest(solve, read.stream_options.get("include_usage") is True)


def _collect_options(body: ChatBody) -> dict[str, Any]:
    """Return the options of the solve. OpenAI's `max_tokens` is an old name of `max_completion_tokens`."""
    completion = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    named = {
        "effort": body.reasoning_effort,
        "max_output_tokens": completion,
        "temperature": body.temperature,
        "seed": body.seed,
    }
    return collect_options(named, body.adaptive)
