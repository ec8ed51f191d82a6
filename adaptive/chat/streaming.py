"""A streamed message: its chunks are merged, and what they add is emitted as it comes."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

from adaptive._util.surrogates import mend_surrogates
from adaptive._util.thinking_tags import TextPart, ThinkingSplitter
from adaptive.chat.errors import CutStreamError
from adaptive.chat.response import read_finish_reason, read_reasoning
from adaptive.chat.streamed_usage import StreamedUsage
from adaptive.types.events import OnEvent, emit_event


class StreamedMessage:
    """Merges chunks, and emits what they add to the thinking and to the answer.

    Events have 0 tokens: providers count them at the end of a stream.

    Args:
        on_event: Is sent the events, if given.
        opened: Whether the model's replies begin inside the thinking. None if that is not known: then text is held
            back until a closing tag, or the end, tells thinking from the answer.
    """

    def __init__(self, on_event: OnEvent | None, *, opened: bool | None = None) -> None:
        self._on_event = on_event
        self._merged: AIMessageChunk | None = None
        self._splitter = ThinkingSplitter(opened)
        self._has_text = self._has_thinking = False
        self._usage = StreamedUsage()

    @property
    def has_content(self) -> bool:
        """Whether any chunk has brought something that was paid for."""
        merged = self._merged
        return merged is not None and bool(merged.content or merged.additional_kwargs or merged.usage_metadata)

    def add(self, chunk: AIMessage) -> None:
        """Add one chunk."""
        if not isinstance(chunk, AIMessageChunk):  # the whole message, from a model that does not stream
            chunk = AIMessageChunk(**chunk.model_dump(exclude={"type"}))
        chunk = self._usage.fix(chunk)
        self._merged = chunk if self._merged is None else self._merged + chunk
        if reasoning := read_reasoning(chunk):
            self._has_thinking = True
            self._emit([("thinking", reasoning)])
            self._splitter = self._splitter if self._has_text else ThinkingSplitter(opened=False)
        self._has_text |= bool(chunk.text)
        self._emit(self._splitter.feed(chunk.text))

    def build_partial(self) -> AIMessage:
        """Return the message so far."""
        message = message_chunk_to_message(self._merged) if self._merged is not None else AIMessage("")
        assert isinstance(message, AIMessage)
        return message

    def build_message(self, *, reports_finish: bool) -> AIMessage:
        """Return the complete message.

        Raises `CutStreamError` if no chunk has come, or thinking or text without the finish that was expected
        (Gemini reports usage in every chunk). What has usage, and none of these, is whole: the provider failed.
        """
        message = self.build_partial()
        cut = self._has_thinking or bool(message.text) or message.usage_metadata is None
        if self._merged is None or (reports_finish and cut and not read_finish_reason(message)):
            raise CutStreamError("the stream ended before the answer was complete")
        self._emit(self._splitter.finish())
        return message

    def _emit(self, parts: Iterable[TextPart]) -> None:
        for kind, text in parts:
            emit_event(self._on_event, kind, text=mend_surrogates(text), tokens=0)
