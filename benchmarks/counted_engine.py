"""Engines around an engine: one counts what is sent and generated, and plants faults; one remembers replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adaptive.engines.protocol import Codec, Generation, Halt, OnToken, Sampling, TokenEngine

LOOP_AFTER, LOOP_LENGTH, CUT_AFTER = 24, 16, 12
"""A planted loop repeats the last 16 of the first 24 tokens; a planted cut ends the reply after 12."""


@dataclass
class GreedyMemory:
    """An engine that generates the greedy reply to a prompt once, and gives it again to whoever asks for the same.

    What follows some ids greedily depends on them alone, so arms that ask the same differ only in what they do
    next. On a small machine this halves the time; how long a call takes is then no figure.
    """

    engine: TokenEngine
    replies: dict[tuple[tuple[int, ...], frozenset[int]], Generation] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

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
        """Return what is remembered, or generate it."""
        key = (tuple(ids), frozenset(stop_ids))
        known = self.replies.get(key) if sampling.temperature == 0 else None
        if known is not None and _fits(known, max_tokens):
            return _play(known, on_token, halt)
        made = await self.engine.generate(
            ids, max_tokens=max_tokens, stop_ids=stop_ids, sampling=sampling, session=session,
            on_token=on_token, halt=halt,
        )  # fmt: skip
        longer = known is None or len(made.ids) > len(known.ids)
        if sampling.temperature == 0 and made.end in ("stop", "length") and longer:
            self.replies[key] = made
        return made


def _fits(reply: Generation, max_tokens: int) -> bool:
    return len(reply.ids) < max_tokens if reply.end == "stop" else len(reply.ids) == max_tokens


def _play(reply: Generation, on_token: OnToken | None, halt: Halt | None) -> Generation:
    """Give a reply token by token, up to a halt."""
    for count, token in enumerate(reply.ids, start=1):
        if on_token is not None:
            on_token(token)
        if halt is not None and halt(token):
            ids, logprobs = reply.ids[:count], reply.logprobs[:count]
            return replace(reply, ids=ids, logprobs=logprobs, end="halted", stop_id=None, stop_logprob=None)
    return reply


@dataclass
class Counted:
    """An engine that counts what is sent and generated for one question, and plants a fault in its first call."""

    engine: TokenEngine
    window: int
    fault: str = ""
    generated: int = 0
    prefilled: int = 0
    sent: int = 0
    held: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def codec(self) -> Codec:
        return self.engine.codec

    @property
    def context_window(self) -> int:
        return min(self.engine.context_window, self.window)

    @property
    def shares_cache(self) -> bool:
        return self.engine.shares_cache

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
        """Count the call, and make it."""
        max_tokens = min(max_tokens, self.context_window - len(ids))
        arguments: dict[str, Any] = {"max_tokens": max_tokens, "stop_ids": stop_ids, "sampling": sampling,
                                     "session": session, "on_token": on_token, "halt": halt}  # fmt: skip
        fault, self.fault = self.fault, ""
        if fault and sampling.temperature == 0:
            reply = await self._generate_faulty(fault, tuple(ids), arguments)
        else:
            reply = await self.engine.generate(ids, **arguments)
        self.count(tuple(ids), reply)
        return reply

    def count(self, ids: tuple[int, ...], reply: Generation) -> None:
        """Count one call."""
        self.sent += len(ids)
        self.prefilled += len(ids) - max((_count_shared(ids, before) for before in self.held), default=0)
        self.generated += len(reply.ids) + (reply.stop_id is not None)
        self.held.append((*ids, *reply.ids))

    async def can_guide(self) -> bool:
        """Whether the other one can."""
        return await self.engine.can_guide()

    async def release(self, session: str) -> None:
        await self.engine.release(session)

    async def close(self) -> None:
        """The engine stays open: another question needs it."""

    async def _generate_faulty(self, fault: str, ids: tuple[int, ...], arguments: dict[str, Any]) -> Generation:
        room = arguments["max_tokens"]
        if fault == "starved":
            start = () if self.codec.markers.think_end is None else await self._think_without_end(ids, arguments)
            return Generation(start[:room], (), "length", len(ids), 0)
        first = LOOP_AFTER if fault == "loop" else CUT_AFTER
        short = {**arguments, "max_tokens": min(room, first), "halt": None}
        reply = await self.engine.generate(ids, **short)
        if reply.end == "stop" or fault == "cut" or len(reply.ids) < first:
            return reply
        block, made = reply.ids[-LOOP_LENGTH:], list(reply.ids)
        for token in reply.ids if arguments["halt"] else ():
            arguments["halt"](token)
        halted = False
        while len(made) < room and not halted:
            made.append(block[(len(made) - first) % LOOP_LENGTH])
            if arguments["on_token"]:
                arguments["on_token"](made[-1])
            halted = arguments["halt"] is not None and arguments["halt"](made[-1])
        return Generation(tuple(made), (), "halted" if halted else "length", reply.prefilled, reply.cached)

    async def _think_without_end(self, ids: tuple[int, ...], arguments: dict[str, Any]) -> tuple[int, ...]:
        """What the model thinks, and then figures that never repeat, up to the room."""
        end = self.codec.markers.think_end
        stops = (*arguments["stop_ids"], *(() if end is None else (end,)))
        reply = await self.engine.generate(ids, **{**arguments, "stop_ids": stops, "halt": None, "on_token": None})
        more = self.codec.encode(" ".join(str(7919 * n % 10007) for n in range(arguments["max_tokens"])))
        made = (*reply.ids, *more)[: arguments["max_tokens"]]
        for token in made if arguments["on_token"] else ():
            arguments["on_token"](token)
        for token in made if arguments["halt"] else ():
            arguments["halt"](token)
        return made


def _count_shared(one: Sequence[int], other: Sequence[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
