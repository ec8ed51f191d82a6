"""OpenAI Responses: reasoning items with a summary if asked for, `incomplete` where the cap cut."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.hosted.openai_errors import problem
from tests.hosted.script import Asked, Body, Fault, Said, pieces
from tests.hosted.wire import Wire, frame, images_in, text_of


def _asked(match: re.Match[str], headers: Mapping[str, str], body: Body) -> Asked:
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    reasoning = body.get("reasoning") or {}
    messages = [] if "instructions" not in body else [("system", body["instructions"])]
    return Asked(
        provider="openai_responses",
        model=body["model"],
        messages=(*messages, *(_message(item) for item in items if item.get("type") not in _SILENT)),
        effort=reasoning.get("effort"),
        cap=body.get("max_output_tokens"),
        images=images_in([item.get("content") for item in items], ("input_image",)),
        stream=bool(body.get("stream")),
        thinks=reasoning.get("effort") != "none",
        shows=reasoning.get("summary") is not None,
        temperature=body.get("temperature"),
        path=match.string,
        headers=headers,
        body=body,
    )


_INCOMPLETE = {"length": "max_output_tokens", "filtered": "content_filter"}
_SILENT = ("reasoning", "function_call")


_IDS = count(1)  # clients tell messages apart by them


def _message(item: Body) -> tuple[str, str]:
    if item.get("type") == "function_call_output":
        return "tool", text_of(item["output"])
    role = item["role"]
    return "system" if role == "developer" else role, text_of(item["content"])


def _output(asked: Asked, said: Said) -> list[Body]:
    """The items: reasoning if there was any, then a message or calls if there was room for them."""
    items = [_reasoning(asked, said)] if said.thought else []
    content = [_text(said.answer)] if said.answer else []
    if said.refusal:
        content = [{"type": "refusal", "refusal": said.refusal}]
    if content:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": _status(said)}
        items.append({**message, "content": content})
    return items + [
        {
            "id": f"fc_{place}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{place}",
            "name": tool.name,
            "arguments": json.dumps(tool.args),
        }
        for place, tool in enumerate(said.tools)
    ]


def _reasoning(asked: Asked, said: Said) -> Body:
    summary = [{"type": "summary_text", "text": said.thinking}] if said.thinking else []
    item: Body = {"id": "rs_1", "type": "reasoning", "summary": summary}
    if "reasoning.encrypted_content" in (asked.body.get("include") or []):
        item["encrypted_content"] = base64.b64encode(f"{said.thought} tokens".encode()).decode()
    return item


def _text(text: str) -> Body:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _whole(asked: Asked, said: Said) -> Body:
    return _response(asked, _output(asked, said), _status(said), said)


def _status(said: Said) -> str:
    """A response that ends as no other format of the provider's would say has failed."""
    if said.ends is not None:
        return "failed"
    return "incomplete" if said.finish in _INCOMPLETE else "completed"


def _response(asked: Asked, output: list[Body], status: str, said: Said | None = None) -> Body:
    usage = said and {
        "input_tokens": said.prompt,
        "input_tokens_details": {"cached_tokens": said.cached, "cache_write_tokens": said.written},
        "output_tokens": said.completion,
        "output_tokens_details": {"reasoning_tokens": said.thought},
        "total_tokens": said.prompt + said.completion,
        **said.usage,
    }
    cut = {"reason": _INCOMPLETE[said.finish]} if said and said.finish in _INCOMPLETE else None
    failed = status in ("failed", "error")
    error = {"code": "server_error", "message": "The server had an error."} if failed else None
    asked_for = {"effort": asked.effort, "summary": (asked.body.get("reasoning") or {}).get("summary")}
    return {
        "id": f"resp_{next(_IDS)}", "object": "response", "created_at": 1764000000, "model": asked.model,
        "status": status,
        "error": error, "incomplete_details": cut, "instructions": None, "metadata": {}, "output": output,
        "max_output_tokens": asked.cap, "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": asked_for, "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage,
    }  # fmt: skip


def _frames(asked: Asked, said: Said) -> list[str]:
    events: list[Body] = [
        {"type": f"response.{status}", "response": _response(asked, [], "in_progress")}
        for status in ("created", "in_progress")
    ]
    for place, item in enumerate(_output(asked, said)):
        events += _item(place, item)
    whole = _whole(asked, said)
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return [frame({**event, "sequence_number": n}, event["type"]) for n, event in enumerate(events)]


def _item(place: int, item: Body) -> list[Body]:
    at = {"output_index": place}
    inside = {"reasoning": _summary, "message": _content, "function_call": _arguments}[item["type"]]
    empty = {"reasoning": {"summary": []}, "message": {"content": []}, "function_call": {"arguments": ""}}
    begun = {"status": "in_progress"} if "status" in item else {}
    added = {**item, **empty[item["type"]], **begun}
    return [
        {"type": "response.output_item.added", **at, "item": added},
        *inside({**at, "item_id": item["id"]}, item),
        {"type": "response.output_item.done", **at, "item": item},
    ]


def _summary(at: Body, item: Body) -> list[Body]:
    events: list[Body] = []
    for index, part in enumerate(item["summary"]):
        here = {**at, "summary_index": index}
        name = "response.reasoning_summary_"
        events += [
            {"type": f"{name}part.added", **here, "part": {**part, "text": ""}},
            *({"type": f"{name}text.delta", **here, "delta": piece} for piece in pieces(part["text"])),
            {"type": f"{name}text.done", **here, "text": part["text"]},
            {"type": f"{name}part.done", **here, "part": part},
        ]
    return events


def _content(at: Body, item: Body) -> list[Body]:
    here = {**at, "content_index": 0}
    (part,) = item["content"]
    key = "refusal" if part["type"] == "refusal" else "text"
    name = "response.refusal" if key == "refusal" else "response.output_text"
    more: dict[str, Any] = {} if key == "refusal" else {"logprobs": []}
    return [
        {"type": "response.content_part.added", **here, "part": {**part, key: ""}},
        *({"type": f"{name}.delta", **here, **more, "delta": piece} for piece in pieces(part[key])),
        {"type": f"{name}.done", **here, **more, key: part[key]},
        {"type": "response.content_part.done", **here, "part": part},
    ]


def _arguments(at: Body, item: Body) -> list[Body]:
    name = "response.function_call_arguments"
    arguments = item["arguments"]
    return [
        {"type": f"{name}.delta", **at, "delta": arguments},
        {"type": f"{name}.done", **at, "name": item["name"], "arguments": arguments},
    ]


def _broken(asked: Asked, fault: Fault) -> str:
    error = problem(asked, fault)[1]["error"]
    told = {"code": error["code"], "message": error["message"], "param": error["param"]}
    return frame({"type": "error", **told, "sequence_number": 9}, "error")


OPENAI_RESPONSES = Wire(
    path=re.compile(r"/v1/responses"),
    keys=("authorization",),
    asked=_asked,
    whole=_whole,
    frames=_frames,
    problem=problem,
    broken=_broken,
)
