"""What a fit will take, estimated from the questions that are recorded already: seconds, tokens and dollars."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.prices import Prices
from adaptive.types.attempt import Attempt
from adaptive.types.usage import Usage

HANDFUL = 5
"""The fewest questions to measure on."""
MOST_SECONDS, MOST_TOKENS, MOST_DOLLARS = 600.0, 1_000_000, 1.0
"""A fit that will take more is started only if the user agrees."""
LEARN_SECONDS, LEARN_SECONDS_PER_QUESTION = 5.0, 0.15
"""What training and tuning take on one core, measured roughly."""


@dataclass(frozen=True)
class Estimate:
    """What is left of a fit.

    questions: those left to record. seconds, tokens, cost: for them, and the seconds to learn from all. cost is in
    dollars, None if the model has no price. measured: the number of questions that were measured.
    """

    questions: int
    seconds: float
    tokens: int
    cost: float | None
    measured: int

    @classmethod
    def from_recorded(
        cls,
        recorded: Iterable[RecordedQuestion],
        seconds: float,
        left: int,
        total: int,
        model: str,
        prices: Prices,
        share: float = 1.0,
    ) -> Estimate:
        """Scale what some questions took.

        Args:
            recorded: The questions that were measured, at least one.
            seconds: How long their recording took, all together.
            left: How many questions are left to record.
            total: How many questions there are.
            model: The model's spec, for the price of attempts that do not say what they cost.
            prices: What tokens cost.
            share: What is paid, as a share of the ordinary price.
        """
        usages = [sum_recorded_usage(one) for one in recorded]
        scale = left / len(usages)
        tokens = sum(one.total - one.cached for one in usages)
        costs = [prices.compute_cost(model, one) if one.cost is None else one.cost for one in usages]
        known = [cost for cost in costs if cost is not None]
        return cls(
            questions=left,
            seconds=scale * seconds + LEARN_SECONDS + LEARN_SECONDS_PER_QUESTION * total,
            tokens=math.ceil(scale * tokens),
            cost=scale * share * sum(known) if len(known) == len(costs) else None,
            measured=len(usages),
        )

    def list_exceeded(self) -> list[str]:
        """Return the limits that it exceeds, in words; none if it may start without a question."""
        exceeded = {
            f"{MOST_SECONDS / 60:g} minutes": self.seconds > MOST_SECONDS,
            f"{MOST_TOKENS:,} tokens": self.tokens > MOST_TOKENS,
            f"${MOST_DOLLARS:g}": self.cost is not None and self.cost > MOST_DOLLARS,
        }
        return [limit for limit, over in exceeded.items() if over]

    def __str__(self) -> str:
        money = "no price is known" if self.cost is None else f"${self.cost:.2f}"
        return (
            f"{self.questions} questions are left: about {format_duration(self.seconds)} and {self.tokens:,} "
            f"tokens ({money}), measured on {self.measured}"
        )


def format_duration(seconds: float) -> str:
    """Return seconds in words: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} second{'' if round(seconds) <= 1 else 's'}"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def sum_recorded_usage(recorded: RecordedQuestion) -> Usage:
    """Return what the recording of a question cost.

    An attempt that is stored again under a larger budget, because its chain had ended, is counted once.
    """
    once: dict[tuple[OutcomeKey, tuple[int, ...], str, Usage], Attempt] = {}
    for key, outcome in recorded.outcomes.items():
        attempt, chain = outcome.attempt, replace(key, budget=0, waits=0)
        once[chain, attempt.trace, attempt.text, attempt.usage] = attempt
    return sum((attempt.usage for attempt in once.values()), Usage(cost=0.0))
