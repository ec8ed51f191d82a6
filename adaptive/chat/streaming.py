"""A streamed message: its chunks are merged, and what they add is emitted as it comes."""

from __future__ import annotations

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

from adaptive.chat.errors import CutStreamError
from adaptive.chat.response import CLOSE_TAG, OPEN_TAG, read_finish_reason, read_reasoning, split_thinking
from adaptive.types.events import OnEvent, emit_event


class StreamedMessage:
    """Merges chunks, and emits what they add to the thinking and to the answer to `on_event`.

    Events have 0 tokens: providers count them at the end of a stream.
    """

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._merged: AIMessageChunk | None = None
        self._text = ""
        self._emitted = {"thinking": 0, "answer": 0}

    @property
    def has_chunks(self) -> bool:
        """Whether any chunk has come."""
        return self._merged is not None

    def add(self, chunk: AIMessage) -> None:
        """Add one chunk."""
        if not isinstance(chunk, AIMessageChunk):  # the whole message, from a model that does not stream
            chunk = AIMessageChunk(**chunk.model_dump(exclude={"type"}))
        self._merged = chunk if self._merged is None else self._merged + chunk
        self._emit("thinking", read_reasoning(chunk))
        self._text += chunk.text
        self._emit_text()

    def build_partial(self) -> AIMessage:
        """Return the message so far."""
        message = message_chunk_to_message(self._merged) if self._merged is not None else AIMessage("")
        assert isinstance(message, AIMessage)
        return message

    def build_message(self, *, reports_finish: bool) -> AIMessage:
        """Return the complete message; raises `CutStreamError` if no chunk, or no expected finish, has come."""
        message = self.build_partial()
        if self._merged is None or (reports_finish and not read_finish_reason(message)):
            raise CutStreamError("the stream ended before the answer was complete")
        return message

    def _emit_text(self) -> None:
        """Emit what is new in the text: thinking in tags as thinking; an incomplete tag is held back."""
        start = self._text.lstrip()
        if len(start) < len(OPEN_TAG) and OPEN_TAG.startswith(start):
            return
        if start.startswith(OPEN_TAG) and CLOSE_TAG not in start:
            self._emit_new("thinking", start[len(OPEN_TAG) :].lstrip()[: -len(CLOSE_TAG)])
        else:
            thinking, answer = split_thinking(self._text)
            self._emit_new("thinking", thinking)
            self._emit_new("answer", answer)

    def _emit_new(self, kind: str, text: str) -> None:
        self._emit(kind, text[self._emitted[kind] :])
        self._emitted[kind] = max(self._emitted[kind], len(text))

    def _emit(self, kind: str, text: str) -> None:
        if text:
            emit_event(self._on_event, kind, text=text, tokens=0)
