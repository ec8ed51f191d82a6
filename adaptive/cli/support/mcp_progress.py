"""Progress notifications of a call: what happens, and how many tokens were generated so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from mcp.server.fastmcp import Context

from adaptive.chat.response import CHARACTERS_PER_TOKEN
from adaptive.cli.support.event_lines import describe_event
from adaptive.solver.spent import SpentTokens
from adaptive.types.events import Event

STEP_TOKENS = 64
"""A call that only thinks says so after each of so many tokens."""


class Update(NamedTuple):
    """One notification.

    `progress` rises with each, as the protocol demands; `total` is unknown for a solve.
    """

    progress: float
    total: float | None
    message: str


class ProgressSender:
    """Sends updates to the client of a call, in their order and without holding up the work.

    A client that asked for no progress gets none.
    """

    def __init__(self) -> None:
        self._updates: asyncio.Queue[Update | None] = asyncio.Queue()
        self._spent = SpentTokens()
        self._last, self._characters = 0, 0

    @classmethod
    @asynccontextmanager
    async def open(cls, context: Context[Any, Any, Any]) -> AsyncIterator[ProgressSender]:
        """Yield a sender for the call of a context; all that was sent has left at the end."""
        sender = cls()
        task = asyncio.create_task(sender._send_all(context))
        try:
            yield sender
            sender._updates.put_nowait(None)
            await task
        finally:
            task.cancel()

    def show_event(self, event: Event) -> None:
        """Send an event of a solve, if it has a line, or if much was thought since the last."""
        tokens = self._count_tokens(event)
        line = describe_event(event)
        if line is None and tokens - self._last >= STEP_TOKENS:
            line = f"{tokens} tokens so far"
        if line is not None:
            self._last = max(tokens, self._last + 1)
            self.send(Update(self._last, None, line))

    def _count_tokens(self, event: Event) -> int:
        """Return the tokens so far. While a provider streams and does not count them, its text is measured."""
        self._spent.count_event(event)
        if event["event"] in ("thinking", "answer"):
            self._characters += len(event["text"])
        return max(sum(self._spent.sum_totals()[1:]), self._characters // CHARACTERS_PER_TOKEN)

    def send(self, update: Update) -> None:
        """Send an update."""
        self._updates.put_nowait(update)

    async def _send_all(self, context: Context[Any, Any, Any]) -> None:
        while (update := await self._updates.get()) is not None:
            await context.report_progress(*update)
