"""Verifiers that ask something outside of the solve, which may fail, hang or return nonsense.

There is a verdict whatever happens. An undecided one says why it could not be told (`Verdict.undecided`).
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
    """Work took longer than its time limit. It is no `TimeoutError`, because the work may raise that itself."""


@dataclass(frozen=True)
class Assessment:
    """The judgement of an answer.

    Attributes:
        accepted: Whether the answer is good enough to keep.
        score: How good it looks, in 0..1.
        reason: Why, in a few words.
        usage: What the judgement cost besides the time.
    """

    accepted: bool
    score: float
    reason: str
    usage: Usage = FREE


class ExternalVerifier(ABC):
    """A verifier that asks outside of the solve. An attempt without an answer is rejected without asking."""

    name: str

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict, with what it cost. It is undecided if `assess` raises `CannotTell`."""
        if attempt.answer is None or not attempt.answer.strip():
            return Verdict(False, 0.0, self.name, "there is no final answer")
        start = time.monotonic()
        try:
            assessment = await self.assess(question, attempt.answer, attempt)
        except CannotTell as why:
            usage = replace(why.usage, seconds=time.monotonic() - start)
            return Verdict.undecided(UNKNOWN, self.name, str(why), usage)
        usage = replace(assessment.usage, seconds=time.monotonic() - start)
        return Verdict(assessment.accepted, assessment.score, self.name, assessment.reason, usage=usage)

    @abstractmethod
    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Return the judgement of an answer.

        Args:
            question: The question's text.
            answer: The attempt's answer, which is not blank.
            attempt: The attempt to judge.

        Raises:
            CannotTell: If the answer cannot be judged. Nothing else is raised.
        """


async def wait_within(task: asyncio.Task[T], seconds: float) -> T:
    """Return the result of a task, which is cancelled at the time limit and with the caller.

    Raises:
        OutOfTime: After `seconds`, even if the task refuses to be cancelled.
        RuntimeError: If the task cancelled itself, which must not look as if the caller were cancelled.
    """
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # does nothing if it is done
    if not done:
        raise OutOfTime
    if task.cancelled():
        raise RuntimeError("it cancelled itself")
    return task.result()
