"""The policy: how a solve acts on probabilities and confidences, and what each arm achieved when measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from adaptive.errors import InputError
from adaptive.types.attempt import Arm
from adaptive.types.from_json import check_fields
from adaptive.types.ladder import EFFORTS
from adaptive.types.routine import Routine
from adaptive.types.setting import Setting
from adaptive.types.usage import MILLION, CostUnit
from adaptive.types.worth import EXAMPLES, parse_worth

After = Literal["direct", "cut", "ended"]
"""How an attempt ended, as far as it matters for arms: without thinking, by its budget, or by the model."""
Share = Annotated[float, Setting("A share or probability.", ge=0, le=1)]
Count = Annotated[int, Setting("A number of things.", ge=0)]


@dataclass(frozen=True)
class FollowUp:
    """What an arm achieved after rejected attempts at one rung.

    Args:
        arm: The arm.
        source: The index of the rung whose attempt was rejected.
        rung: The index of the rung that the arm asks for.
        right: The share of those attempts that were right although they were rejected.
        bias: With `slope`, how often the arm makes a wrong answer right, the better of both answers kept: the
            log-odds are bias + slope times the log-odds that the arm's rung solves the question.
        slope: See `bias`.
        breaks: The share of the right ones that it makes wrong.
        cost: Its tokens as a share of those expected of its rung.
        count: The number of attempts measured.
    """

    arm: Arm
    source: Count
    rung: Count
    right: Share
    bias: float
    slope: float
    breaks: Share
    cost: Annotated[float, Setting("A share of tokens.", gt=0)]
    count: int = 0

    def __post_init__(self) -> None:
        check_fields(FollowUp, vars(self))


@dataclass(frozen=True)
class Evidence:
    """What the verdict on an attempt at a rung tells beyond the question's difficulty.

    A verdict moves the log-odds that the attempt is right. right, wrong: by how much, for attempts that were right
    and for those that were wrong: evenly spaced quantiles, lowest first.
    """

    rung: Count
    right: tuple[float, ...]
    wrong: tuple[float, ...]


@dataclass(frozen=True)
class Policy:
    """How a solve acts on probabilities and confidences, all in 0..1; training sets all but the limits.

    Args:
        worth: What a right answer is worth, in tokens. The attempt is made that promises most: the worth of its
            probability of being right, less its expected tokens. None: the most likely one, whatever it takes.
        unit: Whether costs, and `worth`, are counted in tokens or in dollars. Dollars are counted in millionths.
        always: What every question gets, and nothing after it but what the caller asks for; None: what promises
            most.
        accept: For each effort, the confidence from which an answer is accepted on its own; None: never. An effort
            that is not listed takes the strictest of them.
        agreement: The same for an answer that an independent one agrees with.
        max_attempts: The most attempts.
        max_waits: The most Wait rounds of a chain.
        escalates: Whether a rejected attempt is followed by what promises more than it takes. If not, only a
            better model follows, or what the caller asks for.
        follow_ups: What arms achieved after rejected attempts. The one that promises most is made, if it promises
            more than it takes; one that is not listed promises nothing.
        evidence: What verdicts tell, for each rung that was measured. With it the first attempt may be a cheap one
            that is worth a try, since another can follow.
        vote_most: The most samples of a vote; 0: no vote.
        vote_sure: A vote ends, accepted, once its leader is the majority with this probability.
        vote_temperature: The temperature of its samples.
        measured: False for a model that nobody measured. Then an attempt is followed by another only if there is
            evidence against it, never because it is not verified.
    """

    worth: Annotated[float | None, Setting("Tokens that a right answer is worth.", gt=0)] = None
    unit: CostUnit = "tokens"
    always: Routine | None = None
    accept: dict[str, Share | None] = field(default_factory=lambda: {"none": 0.95, "medium": 0.95})
    agreement: Share | None = 0.5
    max_attempts: Annotated[int, Setting("The most attempts.", ge=1)] = 4
    max_waits: Count = 2
    escalates: bool = True
    follow_ups: tuple[FollowUp, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    vote_most: Count = 8
    vote_sure: Share = 0.85
    vote_temperature: Annotated[float, Setting("Sampling temperature.", gt=0, le=2)] = 0.7
    measured: bool = True

    def __post_init__(self) -> None:
        check_fields(Policy, vars(self))
        if unknown := next((e for e in self.accept if e not in EFFORTS), None):
            raise InputError(f"accept is for one of {', '.join(EFFORTS)}, got {unknown!r}.")

    def with_worth(self, worth: float | str | None) -> Policy:
        """Return the policy for another worth of a right answer, also in place of a constant.

        Args:
            worth: A number of tokens, or of dollars if the policy counts those, or a text with the unit
                (`parse_worth`). None changes nothing, and no worth does if the model was not measured.

        Raises:
            InputError: The worth has another unit than the policy.
        """
        if worth is None or not self.measured:
            return self
        parsed = parse_worth(worth)
        if parsed.unit not in (None, self.unit):
            raise InputError(
                f"the worth {worth} is in {parsed.unit}, but this profile counts {self.unit}: give it as "
                f"{EXAMPLES[self.unit]}."
            )
        amount = parsed.amount if self.unit == "tokens" else MILLION * parsed.amount
        return replace(self, worth=amount, always=None, escalates=True)
