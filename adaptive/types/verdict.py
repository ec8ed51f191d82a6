"""What a verifier says of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive.types.usage import Usage


@dataclass(frozen=True)
class Verdict:
    """What a verifier says of an attempt.

    Args:
        accepted: True if the answer is accepted, False if it is rejected, None if it is not verified: nothing
            could tell ("not verified: ..."). Such a verdict is no evidence against the answer.
        score: How good the answer is, in 0..1.
        verifier: The name of the verifier.
        reason: Why, in words.
        usage: What the verdict cost, with its tokens as `verifier`; None if it cost nothing.
    """

    accepted: bool | None
    score: float
    verifier: str
    reason: str
    usage: Usage | None = None

    @property
    def decided(self) -> bool:
        """Whether the verifier could tell."""
        return self.accepted is not None

    @property
    def rejected(self) -> bool:
        """Whether there is evidence against the answer."""
        return self.accepted is False

    @classmethod
    def undecided(cls, score: float, verifier: str, why: str, usage: Usage | None = None) -> Verdict:
        """Return a verdict that says why the answer could not be verified."""
        return cls(None, score, verifier, f"not verified: {why}", usage)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        usage = self.usage.to_json() if self.usage else None
        return {"accepted": self.accepted, "score": self.score, "verifier": self.verifier, "reason": self.reason,
                "decided": self.decided, "usage": usage}  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Read what `to_json` wrote, or an older version, which wrote `false` for an undecided verdict."""
        usage = data.get("usage")
        accepted = data["accepted"] if data.get("decided", True) else None
        return cls(accepted, data["score"], data["verifier"], data["reason"],
                   Usage.from_json(usage) if usage else None)  # fmt: skip


FREE = Usage(cost=0.0)
"""A usage without cost: a solve with a known price keeps it, and one without stays without."""


class CannotTell(Exception):  # noqa: N818 -- an answer of a verifier, no failure of ours
    """A verifier cannot judge an answer; the message says why, and `usage` what was spent all the same."""

    def __init__(self, why: str, usage: Usage = FREE) -> None:
        super().__init__(why)
        self.usage = usage
