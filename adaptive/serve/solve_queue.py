"""How many solves run at once, and how many requests may wait for their turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from adaptive.serve.errors import ApiError

LONGEST_RETRY = 60
"""Seconds after which a client that was turned away comes again, at most."""


@dataclass
class SolveQueue:
    """Admits solves to one model, first come, first served.

    Args:
        concurrency: Solves at once.
        queue: Requests that may wait for them; more are turned away with status 429.
    """

    concurrency: int
    queue: int
    running: int = 0
    waiting: int = 0
    _mean_seconds: float = 1.0
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.concurrency)

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it; raise `ApiError` if too many wait already."""
        if self._free.locked() and self.waiting >= self.queue:
            raise self._make_error()
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        started = perf_counter()
        try:
            yield
        finally:
            self._mean_seconds += (perf_counter() - started - self._mean_seconds) / 16  # of the last 16 or so
            self.running -= 1
            self._free.release()

    def _make_error(self) -> ApiError:
        seconds = self._mean_seconds * (self.waiting + 1) / self.concurrency
        retry = max(1, min(LONGEST_RETRY, math.ceil(seconds)))
        return ApiError(
            429,
            f"the server is full: {self.running} solves run and {self.waiting} wait, try again in {retry} s.",
            "rate_limit_error",
            code="rate_limit_exceeded",
            headers={"Retry-After": str(retry)},
        )
