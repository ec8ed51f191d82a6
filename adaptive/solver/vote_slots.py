"""Samples of votes that are being drawn: whose turn it is, and who lets go of what the engine holds for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

MAX_FAILED_SOLVES = 1024
"""Solves whose vote failed that are remembered."""


@dataclass
class _RunningVote:
    """The samples of one solve that are being drawn: `active` of them, `running` of these neither done nor failed.

    over: set once none is running any more.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    active: int = 0
    running: int = 0
    all_done: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self.active, self.running = self.active + 1, self.running + 1
        self.all_done.clear()

    def end(self) -> None:
        self.running -= 1
        if not self.running:
            self.all_done.set()


@dataclass(frozen=True)
class VoteSlots:
    """The votes that are being drawn, by their solve. broken: solves of which a sample failed."""

    votes: dict[str, _RunningVote] = field(default_factory=dict)
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_FAILED_SOLVES))

    @asynccontextmanager
    async def hold(
        self, solve: str, parallel: bool, release: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """While a sample of a solve is drawn: in turn where it may not be side by side with others.

        A failure is raised once the others are done: LangGraph keeps what was written until a failure, so that
        they are not paid for again. The last one out lets go of what they made the engine hold since (`release`).
        """
        vote = self.votes.setdefault(solve, _RunningVote())
        vote.begin()
        try:
            async with self._take_turn(vote, solve, parallel):
                yield
        except Exception:
            await vote.all_done.wait()
            raise
        finally:
            vote.active -= 1
            if not vote.active:
                del self.votes[solve]
                if solve in self.failed:
                    await release()

    @asynccontextmanager
    async def _take_turn(self, vote: _RunningVote, solve: str, parallel: bool) -> AsyncIterator[None]:
        """While a sample runs."""
        try:
            async with nullcontext() if parallel else vote.turn:
                yield
        except BaseException:
            if solve not in self.failed:
                self.failed.append(solve)
            raise
        finally:
            vote.end()

    def clear_failed(self, solve: str) -> None:
        """A solve of which a sample failed was gone on with."""
        if solve in self.failed:
            self.failed.remove(solve)
