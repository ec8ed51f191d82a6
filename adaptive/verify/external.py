"""Verifiers that ask something outside of the solve, which may fail, hang or talk nonsense.

Whatever happens there is a verdict: that it could not be told, and why, is one too. See `Verdict.undecided`.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from adaptive.types.attempt import Attempt
from adaptive.types.usage import Usage
from adaptive.types.verdict import FREE, CannotTell, Verdict
from adaptive.verify.base import UNKNOWN

T = TypeVar("T")


class OutOfTime(Exception):  # noqa: N818 -- a limit that was reached
    """Work was not done within its limit. No `TimeoutError`: the work may raise that itself."""


@dataclass(frozen=True)
class Assessment:
    """What was found out about an answer, and what that cost besides the time."""

    accepted: bool
    score: float
    reason: str
    usage: Usage = FREE


class ExternalVerifier(ABC):
    """A verifier that asks outside, by its `name`. An attempt without an answer is rejected without asking."""

    name: str

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The verdict, with what it cost; undecided where it cannot be told."""
        if attempt.answer is None or not attempt.answer.strip():
            return Verdict(False, 0.0, self.name, "there is no final answer")
        start = time.monotonic()
        try:
            found = await self.assess(question, attempt.answer, attempt)
        except CannotTell as why:
            usage = replace(why.usage, seconds=time.monotonic() - start)
            return Verdict.undecided(UNKNOWN, self.name, str(why), usage)
        usage = replace(found.usage, seconds=time.monotonic() - start)
        return Verdict(found.accepted, found.score, self.name, found.reason, usage=usage)

    @abstractmethod
    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Ask; raises `CannotTell` and nothing else. `answer` is the attempt's, and not blank."""


async def wait_within(task: asyncio.Task[T], seconds: float) -> T:
    """The result of `task`; raises `OutOfTime` after `seconds`, even where the task refuses to be cancelled.

    It is cancelled at the limit and with the caller. Where it cancelled itself that is a `RuntimeError`: it must
    not look as if the caller were cancelled.
    """
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # nothing happens to one that is done
    if not done:
        raise OutOfTime
    if task.cancelled():
        raise RuntimeError("it cancelled itself")
    return task.result()
