"""The reply of `/v1/responses`: one object, or events.

Items of the output come one after the other: the thinking of each attempt, the text, the calls of functions. The
thinking is an item's content; a client that asks for summaries reads no content, so it gets the same as a summary.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adaptive.serve.chat_reply import to_openai_calls
from adaptive.serve.errors import ApiError, dump_json
from adaptive.serve.responses_request import ResponseRequest
from adaptive.serve.solve import LastPiece, TextPiece

INCOMPLETE: Mapping[str, str] = {"length": "max_output_tokens", "refusal": "content_filter"}
"""OpenAI's reasons of a response without a complete answer."""

NO_ANSWER: Mapping[str, str] = {"code": "server_error", "message": "the model gave no answer."}


@dataclass(frozen=True)
class _PartKind:
    """How a text is sent. field: of its item. part, text: the beginnings of the names of their events."""

    item: str
    field: str
    type: str
    part: str
    text: str
    index: str


_TEXT = _PartKind(
    "message", "content", "output_text", "response.content_part", "response.output_text", "content_index"
)
_REASONING = _PartKind(
    "reasoning", "content", "reasoning_text", "response.content_part", "response.reasoning_text", "content_index"
)
_SUMMARY = _PartKind(
    "reasoning", "summary", "summary_text", "response.reasoning_summary_part", "response.reasoning_summary_text",
    "summary_index",
)  # fmt: skip


@dataclass
class _OpenItem:
    """An item that is being written. block: of the pieces that it is made of."""

    id: str
    kind: _PartKind
    block: int
    texts: list[str] = field(default_factory=list)

    @property
    def part(self) -> dict[str, Any]:
        """Its text so far, as a part."""
        more: dict[str, Any] = {"annotations": [], "logprobs": []} if self.kind is _TEXT else {}
        return {"type": self.kind.type, "text": "".join(self.texts), **more}

    def build(self, status: str) -> dict[str, Any]:
        """Return the item as it is sent; without a part while it has no text."""
        parts = [self.part] if self.texts else []
        if self.kind is _TEXT:
            return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": parts}
        return {"id": self.id, "type": "reasoning", "status": status, "summary": [], self.kind.field: parts}


@dataclass
class ResponsesReply:
    """Turns the pieces of a solve into what is sent."""

    request: ResponseRequest
    id: str = field(default_factory=lambda: f"resp_{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    _output: list[dict[str, Any]] = field(default_factory=list)
    _open: _OpenItem | None = None
    _started: bool = False
    _events: int = 0
    _response: dict[str, Any] = field(default_factory=dict)

    def convert_piece(self, piece: TextPiece | LastPiece) -> Iterator[bytes]:
        """Yield what a stream sends for a piece; without a stream nothing is sent yet."""
        streams = self.request.solve.stream
        for event in self._build_events(piece):
            if streams:
                yield self._to_event(event)

    def finish(self) -> bytes:
        """Return what is sent once the solve is over."""
        return b"" if self.request.solve.stream else dump_json(self._response)

    def format_error(self, error: ApiError) -> bytes:
        """Return an error as the last event of a stream."""
        failed = self._build_response("failed", error={"code": error.code or error.type, "message": str(error)})
        return self._to_event({"type": "response.failed", "response": failed})

    def _build_events(self, piece: TextPiece | LastPiece) -> Iterator[dict[str, Any]]:
        if not self._started:
            self._started = True
            for name in ("created", "in_progress"):
                yield {"type": f"response.{name}", "response": self._build_response("in_progress")}
        if isinstance(piece, TextPiece):
            yield from self._add_text(piece)
            return
        reason = INCOMPLETE.get(piece.finish)
        failed = NO_ANSWER if piece.finish == "failed" else None
        status = "failed" if failed else "incomplete" if reason else "completed"
        yield from self._close_item("completed" if status == "completed" else "incomplete")
        for call in to_openai_calls(piece.tool_calls):
            yield from self._add_call(call)
        self._response = self._build_response(
            status,
            error=failed,
            incomplete_details={"reason": reason} if reason else None,
            usage=_to_usage(piece),
            **({"adaptive": dict(piece.report)} if self.request.solve.wants_result else {}),
        )
        yield {"type": f"response.{status}", "response": self._response}

    def _add_text(self, piece: TextPiece) -> Iterator[dict[str, Any]]:
        kind = _TEXT if piece.kind == "text" else _SUMMARY if self.request.summarises else _REASONING
        item = self._open
        if item is None or (item.kind, item.block) != (kind, piece.block):
            yield from self._close_item("completed")
            prefix = "msg" if kind is _TEXT else "rs"
            item = self._open = _OpenItem(f"{prefix}_{uuid.uuid4().hex}", kind, piece.block)
            yield self._place({"type": "response.output_item.added", "item": item.build("in_progress")})
            yield self._locate(item, {"type": f"{kind.part}.added", "part": item.part})
        item.texts.append(piece.text)
        yield self._locate(item, {"type": f"{kind.text}.delta", "delta": piece.text, **_add_logprobs(kind)})

    def _close_item(self, status: str) -> Iterator[dict[str, Any]]:
        if (item := self._open) is None:
            return
        text = {"type": f"{item.kind.text}.done", "text": item.part["text"], **_add_logprobs(item.kind)}
        yield self._locate(item, text)
        yield self._locate(item, {"type": f"{item.kind.part}.done", "part": item.part})
        done = item.build(status)
        yield self._place({"type": "response.output_item.done", "item": done})
        self._output.append(done)
        self._open = None

    def _add_call(self, call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        item = {"id": f"fc_{uuid.uuid4().hex}", "type": "function_call", "call_id": call["id"], "name": name}
        done = {**item, "arguments": arguments, "status": "completed"}
        about = {"item_id": item["id"]}
        yield self._place({
            "type": "response.output_item.added", "item": {**item, "arguments": "", "status": "in_progress"}
        })  # fmt: skip
        yield self._place({"type": "response.function_call_arguments.delta", **about, "delta": arguments})
        yield self._place({
            "type": "response.function_call_arguments.done", **about, "name": name, "arguments": arguments
        })  # fmt: skip
        yield self._place({"type": "response.output_item.done", "item": done})
        self._output.append(done)

    def _locate(self, item: _OpenItem, event: dict[str, Any]) -> dict[str, Any]:
        """Add the item and the part that an event is about; an item has one part."""
        return self._place({**event, "item_id": item.id, item.kind.index: 0})

    def _place(self, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "output_index": len(self._output)}

    def _to_event(self, event: dict[str, Any]) -> bytes:
        data = dump_json({**event, "sequence_number": self._events})
        self._events += 1
        return f"event: {event['type']}\ndata: ".encode() + data + b"\n\n"

    def _build_response(self, status: str, **more: Any) -> dict[str, Any]:
        body = self.request.body
        effort, summary = body.reasoning.get("effort"), body.reasoning.get("summary")
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": {},
            "model": body.model,
            "output": [*self._output],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": effort, "summary": summary},
            "store": False,
            "temperature": body.temperature,
            "text": {"format": {"type": "text"}, **body.text},
            "tool_choice": body.tool_choice or "auto",
            "tools": body.tools,
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": None,
            **more,
        }


def _add_logprobs(kind: _PartKind) -> dict[str, Any]:
    return {"logprobs": []} if kind is _TEXT else {}


def _to_usage(last: LastPiece) -> dict[str, Any]:
    """Return the usage as OpenAI writes it in a response."""
    usage = last.usage
    read, written = usage.get("input_token_details", {}), usage.get("output_token_details", {})
    return {
        "input_tokens": usage["input_tokens"],
        "input_tokens_details": {"cached_tokens": read.get("cache_read", 0)},
        "output_tokens": usage["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": written.get("reasoning", 0)},
        "total_tokens": usage["total_tokens"],
    }
