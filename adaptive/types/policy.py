"""The policy's dials: what is done with probabilities and confidences, and what arms were measured to bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from adaptive.errors import InputError
from adaptive.types.attempt import Arm
from adaptive.types.ladder import EFFORTS

After = Literal["direct", "cut", "ended"]


@dataclass(frozen=True)
class Payoff:
    """What an arm was measured to bring after attempts that ended so and were rejected.

    after: "direct" (no thinking), "cut" (by the budget) or "ended" (by the model or an early stop). right: the
    share of right answers among them. mends: the share of the wrong ones that it makes right, breaks: of the right
    ones that it makes wrong, the better of both answers kept. tokens: the mean that it takes. count: attempts that
    it was measured on. Shares are in 0..1.
    """

    arm: Arm
    after: After
    right: float
    mends: float
    breaks: float
    tokens: float
    count: int = 0

    def __post_init__(self) -> None:
        for name in ("right", "mends", "breaks"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be between 0 and 1, got {getattr(self, name)}.")
        if self.tokens <= 0:
            raise InputError(f"tokens must be more than 0, got {self.tokens}.")


@dataclass(frozen=True)
class Policy:
    """What is done with probabilities and confidences; all but the limits come from training.

    target: the first thinking rung is the cheapest that solves the question with this probability; where
    none does, the cheapest within `slack` of the top one's. probe_from: rung 0 is tried first from this
    p(solved) on.
    accept: for each effort, the confidence from which an answer is accepted on its own (None: never); an effort
    that is not listed has the strictest of them. agreement: the same for an answer that an independent one
    agrees with.
    payoffs: what arms were measured to bring; the one that promises most right answers for its tokens is taken, if
    it promises more than `worth` (for 1,000 tokens). hopeless: under this p(solved) at the top rung nothing more
    is bought. vote_most: the most samples of a vote, 0 for none; vote_sure: from which probability on that the
    leader is the majority it ends, and is accepted; vote_temperature: at which samples are drawn. Probabilities
    and confidences are in 0..1.
    """

    target: float = 0.8
    slack: float = 0.02
    probe_from: float = 0.5
    accept: dict[str, float | None] = field(default_factory=lambda: {"none": 0.95, "medium": 0.95})
    agreement: float | None = 0.5
    max_attempts: int = 4
    max_waits: int = 2
    payoffs: tuple[Payoff, ...] = ()
    worth: float = 0.0
    hopeless: float = 0.0
    vote_most: int = 8
    vote_sure: float = 0.85
    vote_temperature: float = 0.7

    def __post_init__(self) -> None:
        for name in ("target", "slack", "probe_from", "agreement", "accept", "hopeless", "vote_sure"):
            value = getattr(self, name)
            for one in value.values() if isinstance(value, dict) else (value,):
                if one is not None and not 0 <= one <= 1:
                    raise InputError(f"{name} must be between 0 and 1, got {one}.")
        if unknown := next((e for e in self.accept if e not in EFFORTS), None):
            raise InputError(f"accept is for one of {', '.join(EFFORTS)}, got {unknown!r}.")
        if self.max_attempts < 1 or self.max_waits < 0:
            raise InputError("max_attempts must be 1 or more and max_waits 0 or more.")
        if self.vote_most < 0 or not 0 < self.vote_temperature <= 2:
            raise InputError("vote_most must be 0 or more and vote_temperature above 0 and at most 2.")
