"""The policy: how a solve acts on probabilities and confidences, and what each arm achieved when measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from adaptive.errors import InputError
from adaptive.types.attempt import Arm
from adaptive.types.from_json import check_fields
from adaptive.types.ladder import EFFORTS
from adaptive.types.setting import Setting

After = Literal["direct", "cut", "ended"]
Share = Annotated[float, Setting("A share or probability.", ge=0, le=1)]
Count = Annotated[int, Setting("A number of things.", ge=0)]


@dataclass(frozen=True)
class Payoff:
    """What an arm achieved after rejected attempts that ended in one way.

    Args:
        arm: The arm.
        after: How the attempt before it ended: "direct" (no thinking), "cut" (by the budget) or "ended" (by the
            model or an early stop).
        right: The share of those attempts that were right although they were rejected.
        mends: The share of the wrong ones that the arm makes right, the better of both answers kept.
        breaks: The share of the right ones that the arm makes wrong.
        tokens: The arm's mean cost in tokens.
        count: The number of attempts measured.
    """

    arm: Arm
    after: After
    right: Share
    mends: Share
    breaks: Share
    tokens: Annotated[float, Setting("Mean tokens.", gt=0)]
    count: int = 0

    def __post_init__(self) -> None:
        check_fields(Payoff, vars(self))


@dataclass(frozen=True)
class Policy:
    """How a solve acts on probabilities and confidences, all in 0..1; training sets all but the limits.

    Args:
        target: The first thinking rung is the cheapest that solves the question with this probability; if none
            does, the cheapest within `slack` of the top rung's.
        slack: See `target`.
        always: The index of the rung that every question gets, and nothing after it but what the caller asks for;
            None: by its difficulty, as told above.
        always_waits: The Waits of that rung.
        probe_from: Rung 0 is tried first if its p(solved) is at least this.
        accept: For each effort, the confidence from which an answer is accepted on its own; None: never. An effort
            that is not listed takes the strictest of them.
        agreement: The same for an answer that an independent one agrees with.
        max_attempts: The most attempts.
        max_waits: The most Wait rounds of a chain.
        payoffs: What arms achieved. The next arm is the one with most right answers per token.
        worth: The right answers per 1,000 tokens that an arm must exceed to be tried.
        hopeless: Give up if p(solved) at the top rung is below this.
        vote_most: The most samples of a vote; 0: no vote.
        vote_sure: A vote ends, accepted, once its leader is the majority with this probability.
        vote_temperature: The temperature of its samples.
        measured: False for a model that nobody measured. Then an attempt is followed by another only if there is
            evidence against it, never because it is not verified.
    """

    target: Share = 0.8
    slack: Share = 0.02
    always: Count | None = None
    always_waits: Count = 0
    probe_from: Share = 0.5
    accept: dict[str, Share | None] = field(default_factory=lambda: {"none": 0.95, "medium": 0.95})
    agreement: Share | None = 0.5
    max_attempts: Annotated[int, Setting("The most attempts.", ge=1)] = 4
    max_waits: Count = 2
    payoffs: tuple[Payoff, ...] = ()
    worth: float = 0.0
    hopeless: Share = 0.0
    vote_most: Count = 8
    vote_sure: Share = 0.85
    vote_temperature: Annotated[float, Setting("Sampling temperature.", gt=0, le=2)] = 0.7
    measured: bool = True

    def __post_init__(self) -> None:
        check_fields(Policy, vars(self))
        if unknown := next((e for e in self.accept if e not in EFFORTS), None):
            raise InputError(f"accept is for one of {', '.join(EFFORTS)}, got {unknown!r}.")
