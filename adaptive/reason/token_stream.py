"""Events of an attempt for whoever watches it, and ids turned into text as they come.

Events are plain dicts of JSON types, by their "event":

start     rung, arm, effort, budget, waits: once an attempt, before anything is paid for
thinking  text, tokens: what the model added to the thinking
wait      text, number: an end of thinking was put off with this text; counted from 1 in its chain
end       round, tokens, injected, charged, budget, end: a round is over, counted from 1 in its chain;
          `charged` is what the chain takes of the budget so far, `end` is why the round ended, `said` has more
          in words if there is more; `at_most` is true if a provider does not count thinking apart: `tokens` is
          all that it generated
probe     answer, confidence, tokens, charged: what the answer would be by now, and what the probe cost
answer    text, tokens: what was added to the answer
recover   effort, cap, starved_effort, starved_cap, tokens: a call whose thinking took its whole cap is repeated;
          `tokens` is the thinking that the starved one took
note      text: a hosted model is asked again; the events of a call that was cut off come again
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Literal

from adaptive._util.thinking_tags import TextPart, ThinkingSplitter
from adaptive.engines.protocol import Codec, OnToken
from adaptive.types.events import Event, OnEvent, emit_event

CHUNK_SECONDS = 0.02
"""Text is emitted this often at most: each event is decoded, passed through the graph and sent to a client."""
_CONTEXT = 6
_BROKEN = "\ufffd"  # decoders write this for a character whose bytes are incomplete


class TextStreamer:
    """Turns ids into text as they come, never splitting a character; a call with an id is an `OnToken`.

    Each id is decoded together with a few before it, because many tokenizers write a leading space only inside a
    text. Emitted text is never taken back: an unfinished character is held until it is whole, or `flush`. What
    comes within `CHUNK_SECONDS` of the last event is emitted when they are over, also if the model stalls then.
    All calls belong to one event loop.

    Args:
        codec: Decodes the ids.
        kind: The event that carries the text.
        watcher: Hears the events, if not None.
        before: The ids before the first one.
    """

    def __init__(
        self,
        codec: Codec,
        kind: Literal["thinking", "answer"],
        watcher: OnEvent | None,
        before: Sequence[int],
    ) -> None:
        self._codec, self._kind, self._watcher = codec, kind, watcher
        self._ids = list(before[-_CONTEXT:])
        self._emitted = len(self._ids)
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on_token(self) -> OnToken | None:
        """This streamer, for an engine; None if nobody hears it, so that nothing is done for each token."""
        return self if self._watcher else None

    def __call__(self, token: int) -> None:
        """Take an id; emit the text so far if it ends a character, as soon as the last text is long enough ago."""
        if not self._watcher:
            return
        self._ids.append(token)
        if (left := self._next - monotonic()) <= 0:
            self._emit_now()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self._emit_now)

    def flush(self) -> None:
        """Emit what is still held. To be called however the text ends: an event may be waiting for its time."""
        self._stop_timer()
        if self._watcher:
            self._emit(final=True)

    def _emit_now(self) -> None:
        self._stop_timer()
        self._next = monotonic() + CHUNK_SECONDS
        self._emit(final=False)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _emit(self, *, final: bool) -> None:
        emitted = self._codec.decode(self._ids[: self._emitted])
        text = self._codec.decode(self._ids)
        if len(text) > len(emitted) and (final or not text.endswith(_BROKEN)):
            tokens = len(self._ids) - self._emitted
            emit_event(self._watcher, self._kind, text=text[len(emitted) :], tokens=tokens)
            self._ids = self._ids[-_CONTEXT:]
            self._emitted = len(self._ids)


class AnswerEvents:
    """An `on_event` that passes events on; thinking in tags in the text of an answer is passed on as thinking.

    Args:
        watcher: Hears the events, if not None.
        opened: Whether the text begins inside the thinking.
    """

    def __init__(self, watcher: OnEvent | None, *, opened: bool = False) -> None:
        self._watcher, self._splitter = watcher, ThinkingSplitter(opened)
        self._tokens = 0  # of text that is held back

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event["event"] != "answer":
            emit_event(self._watcher, **event)
            return
        self._tokens += event["tokens"]
        self._emit(self._splitter.feed(event["text"]))

    def flush(self) -> None:
        """Emit what is still held."""
        parts = self._splitter.finish()
        self._emit(parts or ([("answer", "")] if self._tokens else []))

    def _emit(self, parts: Sequence[TextPart]) -> None:
        for kind, text in parts:
            emit_event(self._watcher, kind, text=text, tokens=self._tokens)
            self._tokens = 0
