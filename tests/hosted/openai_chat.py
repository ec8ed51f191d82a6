"""OpenAI Chat Completions, and the addresses of others that speak it. Only DeepSeek shows the thinking."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.hosted.openai_errors import problem
from tests.hosted.script import Asked, Body, Fault, Said, pieces
from tests.hosted.wire import Wire, frame, images_in, text_of

_FINISH = {
    "stop": "stop",
    "length": "length",
    "refusal": "stop",
    "filtered": "content_filter",
    "tools": "tool_calls",
}
_ROLES = {"developer": "system"}


def _asked(match: re.Match[str], headers: Mapping[str, str], body: Body) -> Asked:
    deployment = match.groupdict().get("deployment")
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")  # OpenRouter's is inside
    contents = [message.get("content") for message in body["messages"]]
    roles = [message["role"] for message in body["messages"]]
    return Asked(
        provider="azure_openai" if deployment else "openai",
        model=deployment or body["model"],
        messages=tuple((_ROLES.get(role, role), text_of(c)) for role, c in zip(roles, contents, strict=True)),
        effort=effort,
        cap=body.get("max_completion_tokens", body.get("max_tokens")),
        images=images_in(contents, ("image_url",)),
        stream=bool(body.get("stream")),
        thinks=effort != "none",
        shows=_is_deepseek(deployment or body["model"]),
        temperature=body.get("temperature"),
        seed=body.get("seed"),
        path=match.string,
        headers=headers,
        body=body,
    )


def _is_deepseek(model: str) -> bool:
    return model.startswith("deepseek-")


def _check(asked: Asked) -> Fault | None:
    """OpenAI's reasoning models take `max_completion_tokens` alone, DeepSeek wants the reasoning of tool calls.

    The latter by api-docs.deepseek.com/guides/thinking_mode, "Tool Calls".
    """
    if _is_deepseek(asked.model) and asked.thinks:
        calls = [message for message in asked.body["messages"] if message.get("tool_calls")]
        text = "Missing `reasoning_content` field in the assistant message."
        if not all(call.get("reasoning_content") for call in calls):
            return Fault("budget", text)
    own = asked.model.startswith(("gpt-", "o")) and "/" not in asked.model
    return Fault("cap") if own and asked.body.get("max_tokens") is not None else None


def _usage(asked: Asked, said: Said) -> Body:
    """The counts; xAI's completion is without the reasoning (docs.x.ai, "Reasoning")."""
    completion = said.answered if asked.model.startswith("grok-") else said.completion
    return {
        "prompt_tokens": said.prompt,
        "completion_tokens": completion,
        "total_tokens": said.prompt + said.completion,
        "prompt_tokens_details": {"cached_tokens": said.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": said.thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        **said.usage,
    }


def _whole(asked: Asked, said: Said) -> Body:
    message: Body = {"role": "assistant", "content": said.answer, "refusal": None, "annotations": []}
    if said.finish == "refusal":
        message |= {"content": None, "refusal": said.refusal}
    if said.thinking:
        message["reasoning_content"] = said.thinking
    if said.tools:
        message |= {"content": said.answer or None, "tool_calls": _tools(said)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.ending(_FINISH[said.finish])}
    top = _top(asked, "chat.completion")
    return {**top, "choices": [choice], "usage": _usage(asked, said), "service_tier": "default"}


def _tools(said: Said) -> list[Body]:
    return [
        {
            "id": f"call_{place}",
            "type": "function",
            "function": {"name": tool.name, "arguments": json.dumps(tool.args)},
        }
        for place, tool in enumerate(said.tools)
    ]


def _frames(asked: Asked, said: Said) -> list[str]:
    """The stream; usage comes where it is asked for, and with Groq's and Mistral's last words unasked."""
    deltas: list[Body] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"reasoning_content": piece} for piece in pieces(said.thinking)]
    deltas += [{"content": piece} for piece in pieces(said.answer)]
    deltas += [{"refusal": piece} for piece in pieces(said.refusal)]
    deltas += [{"tool_calls": [{"index": place, **tool}]} for place, tool in enumerate(_tools(said))]
    wants_usage = (asked.body.get("stream_options") or {}).get("include_usage")
    chunks = [_chunk(asked, delta, None) for delta in deltas] + [
        _chunk(asked, {}, said.ending(_FINISH[said.finish]))
    ]
    if wants_usage:
        last = {**_top(asked, "chat.completion.chunk"), "choices": [], "usage": _usage(asked, said)}
        chunks = [{**chunk, "usage": None} for chunk in chunks] + [last]
    elif asked.model.startswith("mistral-"):
        chunks[-1]["usage"] = _usage(asked, said)
    elif asked.path.startswith("/openai/v1/"):
        chunks[-1]["x_groq"] = {"id": "req_1", "usage": _usage(asked, said)}
    return [*map(frame, chunks), frame("[DONE]")]


def _chunk(asked: Asked, delta: Body, finish: str | None) -> Body:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_top(asked, "chat.completion.chunk"), "choices": [choice]}


def _top(asked: Asked, kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1764000000,
        "model": asked.model,
        "system_fingerprint": None,
    }


def _wire(path: str, *keys: str) -> Wire:
    return Wire(
        path=re.compile(path),
        keys=keys,
        asked=_asked,
        whole=_whole,
        frames=_frames,
        problem=problem,
        check=_check,
        broken=lambda asked, fault: frame(problem(asked, fault)[1]),
    )


OPENAI_CHAT = _wire(r"(?:/openai)?/v1/chat/completions", "authorization")  # Groq's begins so
AZURE_CHAT = _wire(
    r"/openai/deployments/(?P<deployment>[^/]+)/chat/completions\?api-version=[\w-]+", "api-key", "authorization"
)
