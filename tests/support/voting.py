"""Votes on scripted engines: models whose samples differ by seed, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptive.engines.protocol import Generation, Sampling
from adaptive.profile.profile import Profile
from adaptive.solver.vote_nodes import SEEDS_PER_SOLVE
from adaptive.types.ladder import Rung
from tests.support.scripted import END, THINK, shared
from tests.support.solving import PureEngine, boxed, profile

VOTE_RUNGS = (Rung("low", 16),)
"""One rung: after the first attempt, which ends by itself, comes a vote."""
CALM = b"bi"
"""Letters with the same confidence as a one."""
ACCEPTED = "111111111"
"""An answer with enough confidence to be accepted on its own."""


@dataclass
class SeededEngine(PureEngine):
    """Thinks its sample's number in letters, ends, and answers what `says` has for that number.

    Sample 0 is the first attempt. It depends on the ids and the seed alone. With `shares_cache` all sessions have
    one cache. `most` is the largest number of calls at once, `held` the sessions that were not released, and
    `fails_on` the numbers of the samples that fail while they answer.
    """

    says: Callable[[int], str] = str
    fails_on: tuple[int, ...] = ()
    held: set[str] = field(default_factory=set)
    inside: int = 0
    most: int = 0
    samplings: set[Sampling] = field(default_factory=set)
    seen: list[tuple[int, ...]] = field(default_factory=list)

    async def generate(self, ids: Sequence[int], *, sampling: Sampling, session: str, **asked: Any) -> Generation:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.samplings.add(sampling)
        self.held.add(session)
        try:
            await asyncio.sleep(0)
            return await self._seeded(ids, sampling=sampling, session=session, **asked)
        finally:
            self.held.add(session)
            self.inside -= 1

    async def _seeded(self, ids: Sequence[int], *, sampling: Sampling, **asked: Any) -> Generation:
        number = sampling.seed % SEEDS_PER_SOLVE
        answering = END in ids[len(ids) - 1 - ids[::-1].index(THINK) :]
        if answering and number in self.fails_on:
            raise RuntimeError("out of memory")
        self.number = number
        return await super().generate(ids, sampling=sampling, **asked)

    def _generation(self, ids: tuple[int, ...], kept: Any, stop: Any, state: Any, end: Any) -> Generation:
        if self.shares_cache:
            state.held = max((*self.seen, ()), key=lambda held: shared(ids, held))
        made = super()._generation(ids, kept, stop, state, end)
        self.seen.append(state.held)
        return made

    async def release(self, session: str) -> None:
        await super().release(session)
        self.held.discard(session)

    def _next_ids(self, state: Any, ids: Sequence[int]) -> Iterator[int]:
        return self._playing(list(ids), self.number)

    def _playing(self, seen: list[int], number: int) -> Iterator[int]:
        while True:
            after = seen[len(seen) - seen[::-1].index(THINK) :]
            if END in after:
                said = [i for i in after[after.index(END) + 1 :] if i != ord("\n")]
                seen.append(boxed(self.says(number))[len(said)])
            else:
                seen.append(END if len(after) >= 4 else CALM[number >> len(after) & 1])
            yield seen[-1]


def same(_: int) -> str:
    """Every sample gives the same answer."""
    return "0"


def voter(p_solved: Sequence[float] = (), **policy: Any) -> Profile:
    """A profile that takes a vote after the first attempt and nothing else, accepting no answer but `ACCEPTED`."""
    settings: dict[str, Any] = {"accept": {"none": 0.87}, "vote_most": 8, "max_waits": 0, **policy}
    return profile(p_solved, VOTE_RUNGS, **settings)
