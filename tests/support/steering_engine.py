"""A token engine whose model is a function of the ids, in rounds and steered: what one gives the other must."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling
from adaptive.engines.steering import OnPart, RequestSteering
from adaptive.in_vllm.request import open_request
from tests.support.scripted import END, SPOKEN, STOP, THINK, ByteCodec, logprob

BOXES = {305: b"\\boxed{7}", 306: b"\\boxed{8}"}
WORDS = (*b"so 12. \n", 300, 301, 302, 304, *BOXES)


class BoxCodec(ByteCodec):
    """Bytes, with a token for each of two boxes."""

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join((SPOKEN | BOXES)[token] for token in ids).decode("utf-8", "replace")


@dataclass
class FunctionEngine:
    """Chooses each token by a checksum of the ids before it.

    seed: another model. look_back: how many ids are looked at; few make loops. ends: so many of 256 choices end.
    cut: a steered request breaks off after so many tokens; 0: never. steers: whether it steers.
    """

    seed: int = 0
    look_back: int = 8
    ends: int = 12
    cut: int = 0
    steers: bool = True
    context_window: int = 100_000
    shares_cache: bool = True
    name: str = "function"
    codec: BoxCodec = field(default_factory=BoxCodec)
    requests: int = 0

    def choose(self, ids: Sequence[int]) -> int:
        """The most probable token after these ids."""
        seen = bytes(str((self.seed, ids[-self.look_back :])), "ascii")
        value = zlib.crc32(seen)
        if value % 256 < self.ends:
            return (END, END, END, STOP, THINK)[value // 256 % 5]
        return WORDS[value // 256 % len(WORDS)]

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
        self.requests += 1
        all_ids, new, halted = list(ids), list[int](), False
        room = min(max_tokens, self.context_window - len(ids))
        assert room > 0
        while len(new) < room and not halted:
            token = self.choose(all_ids)
            if token in stop_ids:
                return make(ids, new, "stop", token)
            all_ids.append(token)
            new.append(token)
            if on_token is not None:
                on_token(token)
            halted = halt is not None and halt(token)
        return make(ids, new, "halted" if halted and len(new) < room else "length")

    async def generate_steered(
        self,
        ids: Sequence[int],
        *,
        steering: RequestSteering,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_part: OnPart,
    ) -> Generation:
        self.requests += 1
        request = open_request(
            steering.plan, ids, self.codec, self.context_window, greedy=sampling.temperature == 0
        )
        assert request is not None
        all_ids, new = list(ids), list[int]()
        room = min(max_tokens, self.context_window - len(ids), self.cut or max_tokens)
        assert room > 0
        while len(new) < room:
            request.read(new)
            choice, token = self.choose(all_ids), request.forced
            if token is None:
                instead = request.replace_end(choice) if request.may_wait else None
                token = choice if instead is None else instead
            if token in stop_ids:
                return make(ids, new, "stop", token)
            all_ids.append(token)
            new.append(token)
            on_part([token], [logprob(token)], [token == choice])
        return make(ids, new, "length")

    async def release(self, session: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def make(ids: Sequence[int], new: list[int], end: Any, stop: int | None = None) -> Generation:
    """The generation of these ids."""
    last = None if stop is None else logprob(stop)
    return Generation(tuple(new), tuple(map(logprob, new)), end, len(ids), 0, stop, last)
