"""Samples of votes that are being drawn: whose turn it is, and who lets go of what the engine holds for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

MOST_BROKEN = 1024
"""Solves whose vote failed that are remembered."""


@dataclass
class _Vote:
    """The samples of one solve that are being drawn: `inside` of them, `running` of these neither done nor failed.

    over: set once none is running any more.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0
    running: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self.inside, self.running = self.inside + 1, self.running + 1
        self.over.clear()

    def end(self) -> None:
        self.running -= 1
        if not self.running:
            self.over.set()


@dataclass(frozen=True)
class Drawing:
    """The votes that are being drawn, by their solve. broken: solves of which a sample failed."""

    votes: dict[str, _Vote] = field(default_factory=dict)
    broken: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_BROKEN))

    @asynccontextmanager
    async def of(
        self, solve: str, side_by_side: bool, release: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """While a sample of a solve is drawn: in turn where it may not be side by side with others.

        A failure is raised once the others are done: LangGraph keeps what was written until a failure, so that
        they are not paid for again. The last one out lets go of what they made the engine hold since (`release`).
        """
        vote = self.votes.setdefault(solve, _Vote())
        vote.begin()
        try:
            async with self._turn(vote, solve, side_by_side):
                yield
        except Exception:
            await vote.over.wait()
            raise
        finally:
            vote.inside -= 1
            if not vote.inside:
                del self.votes[solve]
                if solve in self.broken:
                    await release()

    @asynccontextmanager
    async def _turn(self, vote: _Vote, solve: str, side_by_side: bool) -> AsyncIterator[None]:
        """While a sample runs."""
        try:
            async with nullcontext() if side_by_side else vote.turn:
                yield
        except BaseException:
            if solve not in self.broken:
                self.broken.append(solve)
            raise
        finally:
            vote.end()

    def mended(self, solve: str) -> None:
        """A solve of which a sample failed was gone on with."""
        if solve in self.broken:
            self.broken.remove(solve)
