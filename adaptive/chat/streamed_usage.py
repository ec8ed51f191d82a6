"""The usage on the chunks of a stream, so that their sum is the usage of the call.

LangChain adds up the chunks of a stream. Some servers that speak OpenAI's format repeat on every chunk what the
call has spent so far (langchain issue 31351), which the sum would count again and again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, subtract_usage
from langchain_core.outputs import ChatGenerationChunk

COST_KEY = "cost"
"""The entry of a chunk's `response_metadata` with the dollars of the whole call."""


class StreamedUsage:
    """Makes the usage of each chunk of one stream what that chunk adds."""

    def __init__(self) -> None:
        self._before: UsageMetadata | None = None
        self._has_cost = False

    def fix(self, chunk: AIMessageChunk) -> AIMessageChunk:
        """Return the chunk with what it adds to the chunks before it."""
        usage = self._find_increment(chunk.usage_metadata)
        metadata = chunk.response_metadata
        if COST_KEY in metadata and self._has_cost:  # two costs cannot be merged, which would end the call
            metadata = {name: value for name, value in metadata.items() if name != COST_KEY}
        self._has_cost |= COST_KEY in metadata
        return chunk.model_copy(update={"usage_metadata": usage, "response_metadata": metadata})

    def _find_increment(self, usage: UsageMetadata | None) -> UsageMetadata | None:
        """Return the usage less that of the chunks before, if it repeats it: a prompt is read only once."""
        before, read = self._before, usage["input_tokens"] if usage else 0
        if usage and read > 0:
            self._before = usage
        return subtract_usage(usage, before) if before and read >= before["input_tokens"] else usage


def fix_stream(chunks: Iterator[ChatGenerationChunk]) -> Iterator[ChatGenerationChunk]:
    """Yield the chunks of a stream with what each adds to the usage."""
    usage = StreamedUsage()
    for chunk in chunks:
        yield _fix_generation(chunk, usage)


async def fix_async_stream(chunks: AsyncIterator[ChatGenerationChunk]) -> AsyncIterator[ChatGenerationChunk]:
    """Yield the chunks of a stream that is awaited with what each adds to the usage."""
    usage = StreamedUsage()
    async for chunk in chunks:
        yield _fix_generation(chunk, usage)


def _fix_generation(chunk: ChatGenerationChunk, usage: StreamedUsage) -> ChatGenerationChunk:
    if isinstance(chunk.message, AIMessageChunk):
        chunk.message = usage.fix(chunk.message)
    return chunk
