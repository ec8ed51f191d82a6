"""How long work has run, over several processes too, and the limit of it.

What is stored between two runs is the number of seconds that the work ran, which is plain JSON. A monotonic clock
means nothing in another process, and the work may lie for days before somebody resumes it: that time does not
count. A step that was cut off and runs again counts from its new start.

Steps that run side by side, perhaps a few at a time, all count from the moment they were sent, which is stored as
seconds of the epoch. So if work is resumed in the middle of such a batch, the pause counts too.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adaptive.errors import InputError


class DeadlineExceeded(Exception):  # noqa: N818 -- a limit that was reached
    """The time is up; what ran was cancelled."""


@dataclass(frozen=True)
class Deadline:
    """Runs from now on.

    Attributes:
        previous_seconds: How long the work has run before.
        limit: How many seconds it may run in all; None for no limit.
    """

    previous_seconds: float
    limit: float | None
    _started: float = field(default_factory=time.monotonic)

    @classmethod
    def since(cls, before: float, sent: float | None, limit: float | None) -> Deadline:
        """Return the deadline of a step.

        Args:
            before: Seconds that the work has run before this step.
            sent: When the step was sent, in seconds of the epoch; None if it starts now.
            limit: Seconds that the work may run in all; None for no limit.
        """
        return cls(before + (0.0 if sent is None else max(0.0, time.time() - sent)), limit)

    @property
    def elapsed(self) -> float:
        """Seconds that the work has run by now."""
        return self.previous_seconds + time.monotonic() - self._started

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.limit is not None and self.elapsed >= self.limit

    @asynccontextmanager
    async def enforce(self) -> AsyncIterator[None]:
        """Cancel the block when the time is up and raise `DeadlineExceeded`, at once if it is up already."""
        if self.expired:
            raise DeadlineExceeded
        try:
            async with asyncio.timeout(None if self.limit is None else self.limit - self.elapsed) as running:
                yield
        except TimeoutError:
            if not running.expired():  # somebody else's time limit
                raise
            raise DeadlineExceeded from None


def check_time_limit(seconds: float) -> float:
    """Return a time limit in seconds. Raise `InputError` unless it is positive and finite."""
    if not 0 < seconds < math.inf:
        raise InputError(f"a time limit of {seconds} s cannot be: give seconds, more than 0.")
    return seconds
