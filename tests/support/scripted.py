"""A token engine that plays scripts: deterministic, instant, and strict about its arguments.

Ids 0-255 are bytes of UTF-8; 256-259 are markers; 300 and up are pieces of several bytes, which `encode` never
makes, so that generated text that is tokenised again has other ids. In the thinking of a session each stretch of
the script is played to its end; one that was cut off continues where it stopped; after the last one the model ends
its thinking at once. After the end of thinking the answers are played in the same way, one a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, TypeVar

from adaptive.engines.protocol import Generation, GenerationEnd, Halt, Markers, OnToken, Prompt, Sampling
from adaptive.types.ladder import EFFORTS, Effort

T = TypeVar("T")
THINK, END, TURN, STOP = 256, 257, 258, 259
MARKERS = Markers(think_start=THINK, think_end=END, turn_end=(STOP,), hand_over=(10, 10))
PIECES = {300: b"ab", 301: b"so ", 302: " π".encode(), 303: b"</think>", 304: b"Wait"}
SPOKEN = {**{i: bytes([i]) for i in range(256)}, **dict.fromkeys((THINK, END, TURN, STOP), b""), **PIECES}


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the coroutine suspended")


class ByteCodec:
    """Bytes as ids; see the module's docstring."""

    markers = MARKERS
    efforts = EFFORTS[1:]

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode("utf-8", "surrogatepass"))

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(map(SPOKEN.__getitem__, ids)).decode("utf-8", "replace")

    def render(self, messages: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        turns = [(TURN, *self.encode(f"{role}\n{content}"), STOP) for role, content in messages]
        head = (*self.encode(f"effort {effort}"), *(i for turn in turns for i in turn), TURN)
        return Prompt(open=(*head, THINK), closed=(*head, THINK, END))


@dataclass(frozen=True)
class Call:
    """A call of the engine and its generation."""

    ids: tuple[int, ...]
    max_tokens: int
    stop_ids: tuple[int, ...]
    session: str
    made: Generation
    probe: bool = False
    schema: str = ""

    @property
    def sampled(self) -> int:
        return len(self.made.ids) + (self.made.stop_id is not None)


@dataclass
class _Session:
    thinking: Iterator[Iterable[int]]
    answers: Iterator[Iterable[int]]
    current: Iterator[int] = field(default_factory=lambda: iter(()))
    held: tuple[int, ...] = ()


@dataclass
class ScriptedEngine:
    """Plays `thinking` and `answers` (ids, markers included), from their start for each session."""

    thinking: Sequence[Iterable[int]] = ()
    answers: Sequence[Iterable[int]] = ()
    context_window: int = 100_000
    keeps_cache: bool = True
    shares_cache: bool = True
    gives_logprobs: bool = True
    yields: bool = False
    guides: bool = False
    name: str = "scripted"
    codec: ByteCodec = field(default_factory=ByteCodec)
    calls: list[Call] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    _sessions: dict[str, _Session] = field(default_factory=dict)

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {max_tokens}.")
        if not ids or len(ids) >= self.context_window:
            raise ValueError(f"{len(ids)} ids in a window of {self.context_window}")
        state = self._sessions.setdefault(session, _Session(iter(self.thinking), iter(self.answers)))
        room = min(max_tokens, self.context_window - len(ids))
        kept: list[int] = []
        stop = None
        halted = False
        play = self._next_ids(state, ids)
        while len(kept) < room and stop is None and not halted:
            if self.yields:
                await asyncio.sleep(0)
            token = next(play)
            if token in stop_ids:
                stop = token
            else:
                kept.append(token)
                if on_token:
                    on_token(token)
                halted = halt is not None and halt(token)
        why: GenerationEnd = "stop" if stop is not None else "length" if len(kept) == max_tokens else "context"
        made = self._generation(
            tuple(ids), tuple(kept), stop, state, "halted" if halted and len(kept) < room else why
        )
        self.calls.append(Call(tuple(ids), max_tokens, tuple(stop_ids), session, made, schema=sampling.schema))
        return made

    async def can_guide(self) -> bool:
        return self.guides

    async def release(self, session: str) -> None:
        self.released.append(session)
        self._sessions.pop(session, None)

    async def close(self) -> None:
        self._sessions.clear()

    def _next_ids(self, state: _Session, ids: Sequence[int]) -> Iterator[int]:
        """In a thought what is left of the stretch and then the next ones; elsewhere the next answer."""
        thinks = END not in ids[_last(ids, THINK) :]
        while thinks:
            for token in state.current:
                yield token
                if token == END:  # no stop of this call: the model goes on to its answer, as in a plain reply
                    thinks = False
                    break
            else:
                state.current = iter(next(state.thinking, (END,)))
        yield from next(state.answers, ())
        while True:
            yield STOP

    def _generation(
        self, ids: tuple[int, ...], kept: tuple[int, ...], stop: int | None, state: _Session, end: GenerationEnd
    ) -> Generation:
        cached = shared(ids, state.held) if self.keeps_cache else 0
        # The last id before a limit was sampled and never read back in.
        state.held = ids + kept if stop is not None else (ids + kept)[:-1]
        return Generation(
            ids=kept,
            logprobs=tuple(map(logprob, kept)) if self.gives_logprobs else (),
            end=end,
            prefilled=len(ids) - cached,
            cached=cached,
            stop_id=stop,
            stop_logprob=logprob(stop) if stop is not None and self.gives_logprobs else None,
        )


def logprob(token: int) -> float:
    """The made-up log-probability of a token."""
    return -0.05 * (1 + token % 7)


def says(text: str, *after: int) -> tuple[int, ...]:
    """The ids of a text, and markers after it."""
    return (*text.encode(), *after)


def shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many ids two sequences start with in common."""
    if one[: len(other)] == other:
        return len(other)
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _last(ids: Sequence[int], token: int) -> int:
    return len(ids) - 1 - ids[::-1].index(token) if token in ids else 0


@dataclass(frozen=True)
class Forever:
    """A stretch that never ends: the ids of `text` over and over."""

    text: str

    def __iter__(self) -> Iterator[int]:
        return cycle(self.text.encode())
