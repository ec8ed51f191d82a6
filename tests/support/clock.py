"""A clock for time limits that leaps when a test says so, so that no test depends on how busy the machine is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import pytest

from adaptive._util.deadline import Deadline

LIMIT = 1000
"""A limit in seconds, which no test reaches but by a leap."""


class LeapingClock:
    """Makes the limits of all deadlines and calls that run at `leap` be over; later ones are not touched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._leaps: list[float] = []
        self._running: list[tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = []
        elapsed: Callable[[Deadline], float] = Deadline.elapsed.fget  # type: ignore[attr-defined]

        def leapt(one: Deadline) -> float:
            return elapsed(one) + LIMIT * sum(moment >= one._started for moment in self._leaps)

        monkeypatch.setattr(Deadline, "elapsed", property(leapt))
        now = SimpleNamespace(monotonic=lambda: time.monotonic() + LIMIT * len(self._leaps))
        monkeypatch.setattr("adaptive.solver.nodes.time", now)
        monkeypatch.setattr("adaptive._util.deadline.asyncio", SimpleNamespace(timeout=self._timeout))
        http = SimpleNamespace(timeout=self._timeout, Semaphore=asyncio.Semaphore)
        monkeypatch.setattr("adaptive._util.http.asyncio", http)

    def _timeout(self, seconds: float | None) -> asyncio.Timeout:
        made = asyncio.timeout(seconds)
        self._running.append((asyncio.get_running_loop(), made))
        return made

    def leap(self) -> None:
        """Let `LIMIT` seconds pass, from any thread."""
        running_now = tuple(self._running)  # a call that begins as the first of these ends is not among them
        self._leaps.append(time.monotonic())
        for loop, running in running_now:
            with suppress(RuntimeError):  # a loop that is closed
                loop.call_soon_threadsafe(_expire, loop, running)

    def leap_soon(self) -> None:
        """Leap once what has arrived is read.

        Python 3.11's `asyncio.wait_for`, which langchain-openai reads its chunks with, loses a cancellation that
        comes with a chunk.
        """
        threading.Timer(0.3, self.leap).start()


def _expire(loop: asyncio.AbstractEventLoop, running: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # one that is over
        running.reschedule(loop.time())
