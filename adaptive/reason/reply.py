"""Splits a reply into thinking and answer, token by token, by the model's own markers.

Nothing was forced: the model may open its thinking itself, never think at all, or only close what its template
opened. A model without markers only answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from adaptive.engines.protocol import Markers

ReplyPart = Literal["thinking", "answer", "marker"]


def opens_thinking(prompt: Sequence[int], markers: Markers) -> bool:
    """Return whether a prompt ends inside a thought that it opens."""
    if markers.think_start is None or markers.think_end is None:
        return False
    last = next((token for token in reversed(prompt) if token in (markers.think_start, markers.think_end)), None)
    return last == markers.think_start


def split_reply(ids: Sequence[int], markers: Markers, *, opened: bool) -> ReplySplitter:
    """Split a whole reply.

    Args:
        ids: Its tokens.
        markers: The model's markers.
        opened: Whether the prompt opens the thinking.
    """
    splitter = ReplySplitter(markers, opened)
    for token in ids:
        splitter.add(token)
    return splitter


@dataclass
class ReplySplitter:
    """Takes the tokens of a reply one by one.

    Attributes:
        markers: The model's markers.
        in_thinking: Whether the next token is thought; at first whether the prompt opens the thinking.
        thinking: The ids that were thought.
        answer: The ids that were said.
        answer_at: How many tokens came before the answer began, markers included.
        first_end: How many tokens came before the first end of thinking; None if there was none.
    """

    markers: Markers
    in_thinking: bool = False
    thinking: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    answer_at: int = 0
    first_end: int | None = None
    _count: int = 0
    _awaited: tuple[int, ...] = ()  # what is left of the hand-over, if the next token goes on with it
    _header: list[int] | None = None  # of a channel that was opened, until it is known which one

    def add(self, token: int) -> ReplyPart:
        """Take a token; return what it is."""
        part = self._classify(token)
        self._count += 1
        if part == "thinking":
            self.thinking.append(token)
        elif part == "answer":
            self.answer.append(token)
        else:
            self.answer_at = self._count
        return part

    @property
    def thought(self) -> bool:
        """Whether the reply has any thinking."""
        return self.in_thinking or self.first_end is not None

    def _classify(self, token: int) -> ReplyPart:
        markers = self.markers
        if markers.think_end is None:
            return "answer"
        if self._header is not None:
            return self._read_header(token)
        awaited, self._awaited = self._awaited, ()
        if awaited and token == awaited[0]:
            self._awaited = awaited[1:]
            return "marker"
        if token == markers.think_end:
            return self._end_thinking()
        if token == markers.think_start and not self.in_thinking:
            self._header = [] if self._channel else None
            self.in_thinking = not self._channel
            return "marker"
        return "thinking" if self.in_thinking else "answer"

    @property
    def _channel(self) -> tuple[int, ...]:
        """What follows an opener that opens the answer, as in the harmony format; empty for tags."""
        hand_over, start = self.markers.hand_over, self.markers.think_start
        return hand_over[hand_over.index(start) + 1 :] if start in hand_over else ()

    def _read_header(self, token: int) -> ReplyPart:
        header = [*(self._header or ()), token]
        self._header = header
        if token == self._channel[-1]:
            self.in_thinking, self._header = tuple(header) != self._channel, None
        return "marker"

    def _end_thinking(self) -> ReplyPart:
        if self.first_end is None:
            self.first_end = self._count
            if not self.in_thinking:  # the reply has only an end: all before it was thought
                self.thinking, self.answer = self.answer, []
        self.in_thinking, self._awaited = False, self.markers.hand_over
        return "marker"
