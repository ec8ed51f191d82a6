"""What a verifier is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict

UNKNOWN = 0.5
"""The score of an answer about which nothing is known."""


class Verifier(Protocol):
    """Judges an attempt. It never raises for what an attempt holds: not being able to tell is a rejection."""

    @property
    def name(self) -> str:
        """What `--verify` and a verdict call it."""
        ...

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """The verdict on `attempt` at `question`; `others` are the earlier attempts at it, oldest first."""
        ...


class Thresholds(Protocol):
    """From which confidence on answers are accepted. None: never, at any confidence."""

    @property
    def accept(self) -> Mapping[str, float | None]:
        """For each effort, on its own; one that is not listed has the strictest."""
        ...

    @property
    def agreement(self) -> float | None:
        """Where an independent answer agrees."""
        ...
