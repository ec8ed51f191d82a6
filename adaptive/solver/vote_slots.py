"""The samples of votes that run now: which may run, and which of them releases the engine's sessions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

MAX_FAILED_SOLVES = 1024
"""How many solves with a failed vote are remembered."""


@dataclass
class _RunningVote:
    """The samples of one solve: `active` have started and not left, `running` have neither finished nor failed.

    all_done: set once none is running.
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
    """The running votes by the id of their solve. failed: solves with a sample that failed."""

    votes: dict[str, _RunningVote] = field(default_factory=dict)
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_FAILED_SOLVES))

    @asynccontextmanager
    async def hold(
        self, solve: str, parallel: bool, release: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Hold a slot while a sample of a solve runs.

        A failure is raised once the other samples are done: LangGraph keeps what was written before a failure, so
        they need not run again. The last sample to leave then releases the sessions.

        Args:
            solve: The id of the solve.
            parallel: Whether samples may run side by side; else one after the other.
            release: Releases the sessions of the solve.
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
        """Run one sample, and remember whether it failed."""
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
        """Forget that a sample of a solve failed: the solve was resumed."""
        if solve in self.failed:
            self.failed.remove(solve)
