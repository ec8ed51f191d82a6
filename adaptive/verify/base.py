"""What a verifier is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict

UNKNOWN = 0.5
"""The score of an answer about which nothing is known."""


class Verifier(Protocol):
    """Judges attempts. It never raises because of what an attempt contains: if it cannot tell, it rejects."""

    @property
    def name(self) -> str:
        """The name in `--verify` and in a verdict."""
        ...

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict on an attempt.

        Args:
            question: The question's text.
            attempt: The attempt to judge.
            others: The earlier attempts at the same question, oldest first.
        """
        ...


class Thresholds(Protocol):
    """The confidence from which answers are accepted. None: never, at any confidence."""

    @property
    def accept(self) -> Mapping[str, float | None]:
        """The threshold of each effort without any agreement; an effort not listed has the strictest one."""
        ...

    @property
    def agreement(self) -> float | None:
        """The threshold if an independent answer agrees."""
        ...


def require_verifier(name: str, value: Any) -> None:
    """Raise `InputError` unless the argument `name` is a verifier or None."""
    if value is not None and not callable(getattr(value, "verify", None)):
        how = "wrap a function in adaptive.verify.check_function.Function"
        raise InputError(f"{name} must be a verifier, got {value!r}: {how}.")
