"""The events of a solve as chunks of one message: thinking as it comes, the text once it is the answer.

A chat model cannot take back what it has streamed, and an attempt may be rejected after its answer is complete. So
the thinking of all attempts is streamed, one reasoning block for each, and the kept text comes in the last chunk.
Samples of a vote think side by side: only the thinking of the kept one is streamed, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from adaptive._util.aio import Emit
from adaptive.solver.tracing import describe_result
from adaptive.types.events import Event
from adaptive.types.result import Result
from adaptive.types.usage import Usage

THINKING_EVENTS = ("thinking", "wait")


class ChunkBuilder:
    """Builds the chunks of one solve; their sum is its message."""

    def __init__(self) -> None:
        self._blocks = 0
        self._attempt: int | None = None  # whose thinking the last block is

    def convert_event(self, event: Event) -> Iterator[ChatGenerationChunk]:
        """Yield the chunk of an event, if it has one."""
        if event["event"] in THINKING_EVENTS and "sample" not in event and event["text"]:
            yield self._build_thinking_chunk(event["attempt"], event["text"])

    def finish(self, state: dict[str, Any], stops: Sequence[str]) -> Iterator[ChatGenerationChunk]:
        """Yield the last chunks: the text up to the first of `stops`, with usage and metadata."""
        message, result = state["messages"][-1], Result.of(state)
        if result.best.arm == "vote" and result.best.thinking:
            yield self._build_thinking_chunk(result.kept, result.best.thinking)
        text, stop = cut_at_stop(result.text, stops)
        stopped = {} if stop is None else {"stop_sequence": stop}
        yield self._build_chunk(
            [{"type": "text", "text": text, "index": self._blocks}] if text else [],
            usage_metadata=message.usage_metadata,
            response_metadata={**message.response_metadata, **stopped, "adaptive": state["adaptive_result"]},
            chunk_position="last",
        )

    def _build_thinking_chunk(self, attempt: int, text: str) -> ChatGenerationChunk:
        if attempt != self._attempt:
            self._attempt, self._blocks = attempt, self._blocks + 1
        return self._build_chunk([{"type": "reasoning", "reasoning": text, "index": self._blocks - 1}])

    def _build_chunk(self, content: list[str | dict[str, Any]], **more: Any) -> ChatGenerationChunk:
        return ChatGenerationChunk(message=AIMessageChunk(content=content, **more))


async def stream_chunks(
    solver: Any,
    inputs: dict[str, Any],
    stops: Sequence[str],
    emit: Emit[ChatGenerationChunk],
    on_spent: Callable[[Usage], None] | None,
) -> dict[str, Any]:
    """Solve, emit the chunks of the message, and return what a span says of the solve.

    Args:
        solver: A compiled solver.
        inputs: Its input.
        stops: Strings before the first of which the text is cut.
        emit: Is sent the chunks.
        on_spent: Is sent the usage at the end, also if the solve fails or is cancelled.
    """
    # LangGraph takes a second to load, so only when there is something to solve.
    from adaptive.solver.build import find_solver
    from adaptive.solver.spending import SolveSpending

    chunks, state = ChunkBuilder(), {}
    spending = SolveSpending(find_solver(solver), inputs["messages"])
    try:
        async for mode, data in solver.astream(inputs, stream_mode=["custom", "values"]):
            if mode == "values":
                state = data
                spending.read_state(state)
            else:
                spending.count_event(data)
                for chunk in chunks.convert_event(data):
                    emit(chunk)
    finally:
        if on_spent is not None:
            on_spent(spending.sum_usage())
    for chunk in chunks.finish(state, stops):
        emit(chunk)
    return describe_result(Result.of(state))


def message_to_chunk(message: AIMessage, stops: Sequence[str]) -> ChatGenerationChunk:
    """Return a message as one chunk: that of a call with tools, which has no events."""
    chunk = AIMessageChunk(**message.model_dump(exclude={"type"}), chunk_position="last")
    text, stop = cut_at_stop(message.text, () if message.tool_calls else stops)
    if stop is not None:
        chunk.content = text
        chunk.response_metadata["stop_sequence"] = stop
    return ChatGenerationChunk(message=chunk)


def cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """Return the text before the first of `stops`, and that stop; the whole text and None if none is in it."""
    matches = [(text.index(stop), stop) for stop in stops if stop in text]
    at, stop = min(matches, default=(len(text), None))
    return text[:at], stop
