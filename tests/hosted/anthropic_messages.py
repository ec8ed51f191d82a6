"""Anthropic Messages: thinking blocks with a signature, thinking inside `output_tokens`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.hosted.script import Asked, Body, Fault, Said, pieces
from tests.hosted.wire import Wire, frame, images_in, quoted, text_of

_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "refusal": "refusal",
    "filtered": "refusal",
    "tools": "tool_use",
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_ON = ("enabled", "adaptive")
_THINK_UNASKED = ("claude-opus-5", "claude-sonnet-5", "claude-fable-5", "claude-mythos-5")
_OMIT_UNASKED = (*_THINK_UNASKED, "claude-opus-4-7", "claude-opus-4-8")
"""Models that think, and that keep their thinking to themselves, where the request says nothing of it."""


def _asked(match: re.Match[str], headers: Mapping[str, str], body: Body) -> Asked:
    model, thinking = body["model"], body.get("thinking") or {}
    kind = thinking.get("type", "adaptive" if model.startswith(_THINK_UNASKED) else "disabled")
    display = thinking.get("display", "omitted" if model.startswith(_OMIT_UNASKED) else "summarized")
    effort = (body.get("output_config") or {}).get("effort")
    system = [("system", text_of(body["system"]))] if "system" in body else []
    contents = [message["content"] for message in body["messages"]]
    return Asked(
        provider="anthropic",
        model=model,
        messages=(*system, *((m["role"], text_of(m["content"])) for m in body["messages"])),
        effort=effort,
        budget=thinking.get("budget_tokens"),
        cap=body["max_tokens"],
        images=images_in(contents, ("image",)),
        stream=bool(body.get("stream")),
        thinks=kind in _ON,
        shows=display != "omitted",
        temperature=body.get("temperature"),
        path=match.string,
        headers=headers,
        body=body,
    )


def _check(asked: Asked) -> Fault | None:
    """What any model refuses.

    That is a budget below 1024 or up to the cap, a temperature with thinking, tool calls without their thinking,
    and some efforts.
    """
    if asked.effort is not None and asked.effort not in _EFFORTS:
        return Fault("effort", value=asked.effort, allowed=_EFFORTS)
    if asked.budget is not None and asked.budget < 1024:
        text = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        return Fault("budget", text)
    if asked.budget is not None and asked.cap is not None and asked.cap <= asked.budget:
        more = "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        text = "`max_tokens` must be greater than `thinking.budget_tokens`."
        return Fault("budget", f"{text} {more}#max-tokens-and-context-window-size")
    if asked.thinks and not all(map(_begins_with_thinking, asked.body["messages"])):
        text = (
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final"
        )
        return Fault(
            "budget", f"messages.1.content.0.type: {text} `assistant` message must start with a thinking block."
        )
    if asked.thinks and asked.temperature not in (None, 1):
        return Fault("temperature", "`temperature` may only be set to 1 when thinking is enabled.")
    return None


def _begins_with_thinking(message: Body) -> bool:
    """Whether a message with tool calls begins with the thinking that led to them; any other message does."""
    kinds = [block["type"] for block in message["content"]] if isinstance(message["content"], list) else []
    return "tool_use" not in kinds or kinds[0] in ("thinking", "redacted_thinking")


def _content(said: Said) -> list[Body]:
    """The blocks: thinking if there was any, then text or calls if there was room for them."""
    blocks: list[Body] = []
    if said.thought:
        signature = base64.b64encode(f"{said.thought} tokens".encode()).decode()
        blocks.append({"type": "thinking", "thinking": said.thinking, "signature": signature})
    if said.answer:
        blocks.append({"type": "text", "text": said.answer})
    return blocks + [
        {"type": "tool_use", "id": f"toolu_{place}", "name": tool.name, "input": tool.args}
        for place, tool in enumerate(said.tools)
    ]


def _usage(said: Said) -> dict[str, Any]:
    """The prompt's tokens without those of the cache; those of thinking are a part of the output's."""
    return {
        "input_tokens": said.prompt - said.cached - said.written,
        "cache_creation_input_tokens": said.written,
        "cache_read_input_tokens": said.cached,
        "output_tokens": said.completion,
        "output_tokens_details": {"thinking_tokens": said.thought},
        **said.usage,
    }


def _end(said: Said) -> Body:
    end: Body = {"stop_reason": said.ending(_STOP[said.finish]), "stop_sequence": None}
    if end["stop_reason"] == "refusal":
        end["stop_details"] = {"type": "refusal", "category": None, "explanation": said.refusal or None}
    return end


def _whole(asked: Asked, said: Said) -> Body:
    content = [] if said.finish in ("refusal", "filtered") else _content(said)
    top = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model}
    return {**top, "content": content, **_end(said), "usage": {**_usage(said), "service_tier": "standard"}}


def _frames(asked: Asked, said: Said) -> list[str]:
    whole = _whole(asked, said)
    begun = {**whole["usage"], "output_tokens": 1}
    del begun["output_tokens_details"]
    start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}
    start.pop("stop_details", None)
    events: list[Body] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for place, block in enumerate(whole["content"]):
        events += _block(place, block)
    events.append({"type": "message_delta", "delta": _end(said), "usage": _usage(said)})
    events.append({"type": "message_stop"})
    return [frame(event, event["type"]) for event in events]


def _block(place: int, block: Body) -> list[Body]:
    empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}
    started = {**block, **empty[block["type"]]}
    deltas = [{"type": "content_block_delta", "index": place, "delta": delta} for delta in _deltas(block)]
    begin = {"type": "content_block_start", "index": place, "content_block": started}
    return [begin, *deltas, {"type": "content_block_stop", "index": place}]


def _deltas(block: Body) -> list[Body]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    if block["type"] == "tool_use":
        return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    thought = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
    return [*thought, {"type": "signature_delta", "signature": block["signature"]}]


_ERRORS = {
    "key": (401, "authentication_error", "invalid x-api-key"),
    "rate": (
        429,
        "rate_limit_error",
        "This request would exceed your account's rate limit. Please try again later.",
    ),
    "denied": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "context": (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    "quota": (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    ),
    "error": (500, "api_error", "Internal server error"),
    "unavailable": (503, "api_error", "Service temporarily unavailable"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
}


def _problem(asked: Asked, fault: Fault) -> tuple[int, Body]:
    """Status and body, as quoted in issue threads (2025 and 2026)."""
    if fault.kind == "model":
        status, kind, text = 404, "not_found_error", f"model: {asked.model}"
    else:
        status, kind, text = _ERRORS.get(fault.kind, (400, "invalid_request_error", _invalid(asked, fault)))
    error = {"type": kind, "message": fault.text or text}
    return status, {"type": "error", "error": error, "request_id": "req_1"}


def _invalid(asked: Asked, fault: Fault) -> str:
    match fault.kind:
        case "effort" if fault.allowed:
            return f"output_config.effort: Input should be {quoted(fault.allowed, ' or ')}"
        case "effort":
            return "This model does not support the effort parameter."
        case "budget":
            way = '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
            return f'"thinking.type.enabled" is not supported for this model. Use {way}'
        case "image":
            return f"'{asked.model}' does not support image input."
    return f"`{fault.kind}` is not supported on this model."


ANTHROPIC = Wire(
    path=re.compile(r"/v1/messages"),
    keys=("x-api-key", "authorization"),
    asked=_asked,
    whole=_whole,
    frames=_frames,
    problem=_problem,
    broken=lambda asked, fault: frame(_problem(asked, fault)[1], "error"),
    check=_check,
)
