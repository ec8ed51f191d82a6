"""What a verifier says of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive.types.usage import Usage


@dataclass(frozen=True)
class Verdict:
    """What a verifier says of an attempt.

    Args:
        accepted: Whether the answer is accepted.
        score: How good the answer is, in 0..1.
        verifier: The name of the verifier.
        reason: Why, in words.
        decided: False if the verifier could not tell ("not verified: ..."). Such a verdict never accepts, and is
            no evidence against the answer either.
        usage: What the verdict cost, with its tokens as `verifier`; None if it cost nothing.
    """

    accepted: bool
    score: float
    verifier: str
    reason: str
    decided: bool = True
    usage: Usage | None = None

    def __post_init__(self) -> None:
        if self.accepted and not self.decided:
            raise ValueError("a verifier that could not tell cannot accept")

    @classmethod
    def undecided(cls, score: float, verifier: str, why: str, usage: Usage | None = None) -> Verdict:
        """Return a verdict that says why the answer could not be verified."""
        return cls(False, score, verifier, f"not verified: {why}", decided=False, usage=usage)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**vars(self), "usage": self.usage.to_json() if self.usage else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Read what `to_json` wrote."""
        usage = data.get("usage")
        return cls(**{**data, "usage": Usage.from_json(usage) if usage else None})


FREE = Usage(cost=0.0)
"""A usage without cost: a solve with a known price keeps it, and one without stays without."""


class CannotTell(Exception):  # noqa: N818 -- an answer of a verifier, no failure of ours
    """A verifier cannot judge an answer; the message says why, and `usage` what was spent all the same."""

    def __init__(self, why: str, usage: Usage = FREE) -> None:
        super().__init__(why)
        self.usage = usage
