"""How long a solve has run, and the limit of it.

What a solve keeps is the seconds that its nodes ran, which is plain JSON. A monotonic clock means nothing in
another process, and since its beginning a solve may have lain for days, until somebody gave his word or another
process resumed it: that time does not count. A node that was cut off and runs again counts from its new beginning.
Samples of a vote run side by side, perhaps a few at a time: they count from the moment that all of them were sent,
which is kept as seconds of the epoch. So where a solve is resumed in the middle of a batch, the pause counts too.
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
    """What ran was cancelled, for the time is up."""


@dataclass(frozen=True)
class Deadline:
    """Runs from now on; the solve had run `previous_seconds` seconds, and may run `limit`, if not None."""

    previous_seconds: float
    limit: float | None
    _started: float = field(default_factory=time.monotonic)

    @classmethod
    def since(cls, before: float, sent: float | None, limit: float | None) -> Deadline:
        """The clock of a node; of a sample that was `sent` at a time of the epoch, from then on."""
        waited = 0.0 if sent is None else max(0.0, time.time() - sent)
        return cls(before + waited, limit)

    @property
    def elapsed(self) -> float:
        """What the solve has run by now."""
        return self.previous_seconds + time.monotonic() - self._started

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.limit is not None and self.elapsed >= self.limit

    @asynccontextmanager
    async def enforce(self) -> AsyncIterator[None]:
        """Cancels what runs inside when the time is up, and raises `DeadlineExceeded`; at once where it was up before."""
        if self.expired:
            raise DeadlineExceeded
        left = None if self.limit is None else self.limit - self.elapsed
        try:
            async with asyncio.timeout(left) as running:
                yield
        except TimeoutError:
            if not running.expired():  # somebody else's time limit
                raise
            raise DeadlineExceeded from None


def check_time_limit(seconds: float) -> float:
    """A time limit in seconds; `InputError` for what is none."""
    if not 0 < seconds < math.inf:
        raise InputError(f"a time limit of {seconds} s cannot be: give seconds, more than 0.")
    return seconds
