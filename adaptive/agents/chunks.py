"""The events of a solve as chunks of one message: thinking as it comes, the text once it is the answer.

A chat model cannot take back what it has streamed, and an attempt may be rejected when its answer is out. So the
thinking of all attempts is streamed, a reasoning block each, and of the text only what was kept, in the last
chunk. Samples of a vote think side by side: of them only the kept one's thinking is told, once it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

THINKING_EVENTS = ("thinking", "wait")


class ChunkBuilder:
    """Makes the chunks of one solve; their sum is its message."""

    def __init__(self) -> None:
        self._blocks = 0
        self._attempt: int | None = None  # whose thinking the last block is

    def convert_event(self, event: dict[str, Any]) -> Iterator[ChatGenerationChunk]:
        """The chunk of an event, where it has one."""
        if event["event"] in THINKING_EVENTS and "sample" not in event and event["text"]:
            yield self._build_thinking_chunk(event["attempt"], event["text"])

    def finish(self, state: dict[str, Any], stops: Sequence[str]) -> Iterator[ChatGenerationChunk]:
        """The last chunks: the text up to the first of `stops`, with usage and metadata."""
        message, result = state["messages"][-1], state["adaptive_result"]
        kept = result["attempts"][result["kept"]]
        if kept["arm"] == "vote" and kept["thinking"]:
            yield self._build_thinking_chunk(result["kept"], kept["thinking"])
        text, stop = cut_at_stop(result["text"], stops)
        yield self._build_chunk(
            [{"type": "text", "text": text, "index": self._blocks}] if text else [],
            usage_metadata=message.usage_metadata,
            response_metadata=_build_metadata(message, stop, result),
            chunk_position="last",
        )

    def _build_thinking_chunk(self, attempt: int, text: str) -> ChatGenerationChunk:
        if attempt != self._attempt:
            self._attempt, self._blocks = attempt, self._blocks + 1
        return self._build_chunk([{"type": "reasoning", "reasoning": text, "index": self._blocks - 1}])

    def _build_chunk(self, content: list[str | dict[str, Any]], **more: Any) -> ChatGenerationChunk:
        return ChatGenerationChunk(message=AIMessageChunk(content=content, **more))


def message_to_chunk(message: AIMessage, stops: Sequence[str]) -> ChatGenerationChunk:
    """The one chunk of a message that has no events: a call with tools, told as the provider gave it."""
    chunk = AIMessageChunk(**message.model_dump(exclude={"type"}), chunk_position="last")
    text, stop = cut_at_stop(message.text, () if message.tool_calls else stops)
    if stop is not None:
        chunk.content = text
        chunk.response_metadata["stop_sequence"] = stop
    return ChatGenerationChunk(message=chunk)


def cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """The text before the first of `stops` in it, and which that was; all of it and None where there is none."""
    found = [(text.index(stop), stop) for stop in stops if stop in text]
    at, stop = min(found, default=(len(text), None))
    return text[:at], stop


def _build_metadata(message: AIMessage, stop: str | None, result: dict[str, Any]) -> dict[str, Any]:
    """What the solver's message has, what cut the text, and the result object."""
    stopped = {} if stop is None else {"stop_sequence": stop}
    return {**message.response_metadata, **stopped, "adaptive": result}
