"""A verifier's word on an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive.types.usage import Usage


@dataclass(frozen=True)
class Verdict:
    """A verifier's word on an attempt; `score` is in 0..1.

    decided: False where the verifier could not tell ("not verified: ..."): that is never an acceptance, and no
    evidence against the answer either. usage: what the verdict cost, its tokens counted as `verifier`; None where
    it cost nothing.
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
        """Not verified, and why."""
        return cls(False, score, verifier, f"not verified: {why}", decided=False, usage=usage)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**vars(self), "usage": self.usage.to_json() if self.usage else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """The verdict written by `to_json`."""
        usage = data.get("usage")
        return cls(**{**data, "usage": Usage.from_json(usage) if usage else None})


FREE = Usage(cost=0.0)
"""What costs no money: added to a priced solve that stays priced, to one without a price that stays unknown."""


class CannotTell(Exception):  # noqa: N818 -- it is an answer, and no error of ours
    """Whether the answer is good cannot be told; the message says why, `usage` what was spent all the same."""

    def __init__(self, why: str, usage: Usage = FREE) -> None:
        super().__init__(why)
        self.usage = usage
