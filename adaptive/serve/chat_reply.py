"""The reply of `/v1/chat/completions`: one object, or chunks as server-sent events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from langchain_core.messages import ToolCall
from langchain_core.messages.ai import UsageMetadata, add_usage

from adaptive.serve.chat_request import CompletionRequest
from adaptive.serve.errors import ApiError, dump_json
from adaptive.serve.solve import LastPiece, TextPiece

FINISH_REASONS: Mapping[str, str] = {"refusal": "content_filter", "tools": "tool_calls"}
"""OpenAI's words for how a reply ended; the others are the same."""
DELTA_FIELDS: Mapping[str, str] = {"reasoning": "reasoning_content", "text": "content"}
"""The field of a kind of text. OpenAI shows no thinking; `reasoning_content` is DeepSeek's and vLLM's name."""
DONE = b"data: [DONE]\n\n"
ATTEMPT_BREAK = "\n\n"
"""Between the thinking of two attempts, which clients show as one text."""


@dataclass
class _Choice:
    """A choice as far as it is there. block: of its last thinking. last: its end."""

    texts: dict[str, list[str]] = field(default_factory=lambda: {"reasoning": [], "text": []})
    block: int = 0
    started: bool = False
    last: LastPiece | None = None

    def join_attempts(self, piece: TextPiece) -> str:
        """Return the text of a piece, with a break before the thinking of another attempt."""
        if piece.block == self.block:
            return piece.text
        self.block = piece.block
        return ATTEMPT_BREAK + piece.text


@dataclass
class ChatReply:
    """Turns the pieces of a reply into what is sent."""

    request: CompletionRequest
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    _choices: list[_Choice] = field(init=False)

    def __post_init__(self) -> None:
        self._choices = [_Choice() for _ in range(self.request.solve.choices)]

    def convert_piece(self, piece: TextPiece | LastPiece) -> Iterator[bytes]:
        """Yield what a stream sends for a piece; without a stream nothing is sent yet."""
        choice = self._choices[piece.choice]
        if isinstance(piece, LastPiece):
            choice.last = piece
        if self.request.solve.stream:
            yield from map(to_event, self._build_chunks(piece, choice))
        elif isinstance(piece, TextPiece):
            choice.texts[piece.kind].append(choice.join_attempts(piece))

    def finish(self) -> bytes:
        """Return what is sent once all is solved. A client may hang up when it has it."""
        return DONE if self.request.solve.stream else dump_json(self._build_completion())

    def format_error(self, error: ApiError) -> bytes:
        """Return an error as the last event of a stream."""
        return to_event(error.to_json())

    def _build_chunks(self, piece: TextPiece | LastPiece, choice: _Choice) -> Iterator[dict[str, Any]]:
        if not choice.started:
            choice.started = True
            yield self._build_chunk(piece, {"role": "assistant", "content": ""})
        if isinstance(piece, TextPiece):
            yield self._build_chunk(piece, {DELTA_FIELDS[piece.kind]: choice.join_attempts(piece)})
            return
        if piece.tool_calls:
            calls = [{"index": place, **call} for place, call in enumerate(to_openai_calls(piece.tool_calls))]
            yield self._build_chunk(piece, {"tool_calls": calls})
        yield {**self._build_chunk(piece, {}, get_finish_reason(piece)), **self._build_extras(piece)}
        if self.request.include_usage and choice is self._choices[-1]:
            yield {**self._build_head("chat.completion.chunk"), "choices": [], "usage": self._sum_usage()}

    def _build_chunk(
        self, piece: TextPiece | LastPiece, delta: dict[str, Any], finish: str | None = None
    ) -> dict[str, Any]:
        choice = {"index": piece.choice, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self.request.include_usage else {}
        return {**self._build_head("chat.completion.chunk"), "choices": [choice], **usage}

    def _build_completion(self) -> dict[str, Any]:
        lasts = self._list_lasts()
        several = len(self._choices) > 1
        choices = [{**self._build_choice(last), **(self._build_extras(last) if several else {})} for last in lasts]
        extras = {} if several else self._build_extras(lasts[0])
        return {**self._build_head("chat.completion"), "choices": choices, "usage": self._sum_usage(), **extras}

    def _build_choice(self, last: LastPiece) -> dict[str, Any]:
        texts = self._choices[last.choice].texts
        reasoning, text = ("".join(texts[kind]) for kind in ("reasoning", "text"))
        calls = to_openai_calls(last.tool_calls)
        message = {
            "role": "assistant",
            "content": text if text or not calls else None,
            "refusal": None,
            **({"reasoning_content": reasoning} if reasoning else {}),
            **({"tool_calls": calls} if calls else {}),
        }
        finish = get_finish_reason(last)
        return {"index": last.choice, "message": message, "logprobs": None, "finish_reason": finish}

    def _list_lasts(self) -> list[LastPiece]:
        return [choice.last for choice in self._choices if choice.last is not None]

    def _sum_usage(self) -> dict[str, Any]:
        return to_openai_usage(reduce(add_usage, (last.usage for last in self._list_lasts())))

    def _build_head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.request.solve.model}

    def _build_extras(self, last: LastPiece) -> dict[str, Any]:
        return {"adaptive": dict(last.report)} if self.request.solve.wants_result else {}


def to_event(data: Mapping[str, Any]) -> bytes:
    """Return an object as a server-sent event."""
    return b"data: " + dump_json(data) + b"\n\n"


def get_finish_reason(last: LastPiece) -> str:
    """Return OpenAI's word for how a reply ended."""
    return FINISH_REASONS.get(last.finish, last.finish)


def to_openai_usage(usage: UsageMetadata) -> dict[str, Any]:
    """Return the usage as OpenAI writes it."""
    read, written = usage.get("input_token_details", {}), usage.get("output_token_details", {})
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": {"cached_tokens": read.get("cache_read", 0)},
        "completion_tokens_details": {"reasoning_tokens": written.get("reasoning", 0)},
    }


def to_openai_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Return calls of tools as OpenAI writes them."""
    return [
        {
            "id": call["id"] or f"call_{uuid.uuid4().hex}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["args"])},
        }
        for call in calls
    ]
