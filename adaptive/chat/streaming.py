"""A message as it comes in chunks, told as it comes."""

from __future__ import annotations

from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

from adaptive.chat.errors import CutStreamError
from adaptive.chat.response import CLOSE, OPEN, ended, reasoned, split
from adaptive.types.events import OnEvent, tell


class Streamed:
    """Puts chunks together; what they add to the thinking and to the answer is told to `watcher`.

    Tokens are told as 0: providers count them at the end of a stream.
    """

    def __init__(self, watcher: OnEvent | None) -> None:
        self._watcher = watcher
        self._whole: AIMessageChunk | None = None
        self._text = ""
        self._told = {"thinking": 0, "answer": 0}

    @property
    def spent(self) -> bool:
        """Whether anything came."""
        return self._whole is not None

    def add(self, chunk: AIMessage) -> None:
        """Take one chunk more."""
        if not isinstance(chunk, AIMessageChunk):  # all at once, from a model that does not stream
            chunk = AIMessageChunk(**chunk.model_dump(exclude={"type"}))
        self._whole = chunk if self._whole is None else self._whole + chunk
        self._tell("thinking", reasoned(chunk))
        self._text += chunk.text
        self._show()

    def partial(self) -> AIMessage:
        """What came so far."""
        message = message_chunk_to_message(self._whole) if self._whole is not None else AIMessage("")
        assert isinstance(message, AIMessage)
        return message

    def message(self, *, says_end: bool) -> AIMessage:
        """The complete message; raises `CutStreamError` if nothing came, or no end where one is always said."""
        message = self.partial()
        if self._whole is None or (says_end and not ended(message)):
            raise CutStreamError("the stream ended before the answer was complete")
        return message

    def _show(self) -> None:
        """Tell what is new of the text: thinking in tags is told as thinking, a tag that is not whole is held."""
        start = self._text.lstrip()
        if len(start) < len(OPEN) and OPEN.startswith(start):
            return
        if start.startswith(OPEN) and CLOSE not in start:
            self._new("thinking", start[len(OPEN) :].lstrip()[: -len(CLOSE)])
        else:
            thinking, answer = split(self._text)
            self._new("thinking", thinking)
            self._new("answer", answer)

    def _new(self, kind: str, text: str) -> None:
        self._tell(kind, text[self._told[kind] :])
        self._told[kind] = max(self._told[kind], len(text))

    def _tell(self, kind: str, text: str) -> None:
        if text:
            tell(self._watcher, kind, text=text, tokens=0)
