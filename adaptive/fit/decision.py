"""Decides by held-out questions what to use: the fitted profile, a fixed setting, or the model as it is.

Pure functions of paired counts and intervals. Nothing is recommended unless its 95 % interval shows that it is
better than what is simpler: the profile than the best fixed setting and than a plain call, the fixed setting than
a plain call. Better is an accuracy that is shown to be higher, or a cost that is shown to be saved at an accuracy
that is not shown to be lower, and that the interval lets fall by the margin at most. Costs are dollars if each
attempt has a price, else tokens.

The intervals of accuracy are exact for every number of questions (`adaptive.learn.tuning.risk`), because it proves
little that few questions were all answered alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from adaptive.bench.metrics import compute_cost_ratio
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.risk import compute_p_value, compute_upper_bound, count_questions_needed
from adaptive.learn.tuning.ways import Way
from adaptive.types.usage import CostUnit

Choice = Literal["profile", "fixed", "plain"]
MARGIN = 0.05
"""The default of the accuracy that a saving may put at risk: the interval of its loss must not reach further."""
ONE_SIDED = 0.975
"""The confidence of each end of a 95 % interval."""
Z = 1.959964
LEAST_SAVING = 0.01
"""The share of the cost that must be shown to be saved. Less is not worth a profile."""


@dataclass(frozen=True)
class PairedEvidence:
    """What held-out questions show of one way against another.

    questions: their number. mended, broken: those that only the one has right, and only the other. accuracy: the
    difference. cost: the mean cost of the one over that of the other. Both with their 95 % intervals. unit: what
    costs are counted in.
    """

    questions: int
    mended: int
    broken: int
    accuracy: Interval
    cost: Interval
    unit: CostUnit = "tokens"

    @classmethod
    def from_counts(
        cls, questions: int, mended: int, broken: int, cost: Interval, unit: CostUnit = "tokens"
    ) -> PairedEvidence:
        """Return the evidence with the exact interval of the accuracy; the arguments are its fields."""
        accuracy = Interval(
            (mended - broken) / questions if questions else 0.0,
            -_bound_loss(broken, mended, questions),
            _bound_loss(mended, broken, questions),
        )
        return cls(questions, mended, broken, accuracy, cost, unit)

    @classmethod
    def from_ways(cls, one: Way, other: Way) -> PairedEvidence:
        """Compare two ways on the same questions."""
        unit: CostUnit = "dollars" if one.unit == other.unit == "dollars" else "tokens"
        spent, other_spent = (replace(way, counts=unit).spent for way in (one, other))
        cost = compute_cost_ratio(spent, other_spent)
        assert cost is not None  # every attempt reads a prompt
        mended, broken = int(np.sum(one.right > other.right)), int(np.sum(one.right < other.right))
        return cls.from_counts(len(one), mended, broken, cost, unit)


@dataclass(frozen=True)
class HeldOutEvidence:
    """All comparisons that a decision needs. best_against_plain: None if the best constant is the plain call."""

    profile_against_best: PairedEvidence
    profile_against_plain: PairedEvidence
    best_against_plain: PairedEvidence | None


@dataclass(frozen=True)
class Decision:
    """What to use. needed: about how many held-out questions would show that something else is better.

    It is None if the profile is chosen, or if more questions like these would hardly change the choice.
    """

    choice: Choice
    needed: int | None = None


def decide(evidence: HeldOutEvidence, margin: float = MARGIN) -> Decision:
    """Decide what to use.

    Args:
        evidence: The comparisons on held-out questions.
        margin: The accuracy (0 to 1) that a saving of tokens may put at risk.
    """
    choice = choose(evidence, margin)
    if choice == "profile":
        return Decision(choice)
    simpler = [evidence.profile_against_best, evidence.profile_against_plain]
    for_profile = [_count_needed(one, margin) for one in simpler]
    needed = [] if None in for_profile else [max(n for n in for_profile if n is not None)]
    if choice == "plain" and evidence.best_against_plain is not None:
        for_fixed = _count_needed(evidence.best_against_plain, margin)
        needed += [] if for_fixed is None else [for_fixed]
    return Decision(choice, min(needed, default=None))


def choose(evidence: HeldOutEvidence, margin: float) -> Choice:
    """Return the choice of `decide`, which has the same arguments."""
    if is_better(evidence.profile_against_best, margin) and is_better(evidence.profile_against_plain, margin):
        return "profile"
    fixed = evidence.best_against_plain
    return "fixed" if fixed is not None and is_better(fixed, margin) else "plain"


def is_better(one: PairedEvidence, margin: float) -> bool:
    """Return whether one way is shown to be better than another.

    Args:
        one: It, compared with the other.
        margin: The accuracy (0 to 1) that a saving may put at risk.
    """
    saves = one.cost.high < 1 - LEAST_SAVING
    harmless = one.accuracy.low >= -margin and one.accuracy.high >= 0
    return one.accuracy.low > 0 or (saves and harmless)


@cache
def _bound_loss(losses: int, gains: int, count: int) -> float:
    """Return the largest mean loss that these counts leave possible."""
    return compute_upper_bound(losses, gains, count, ONE_SIDED)


def _count_needed(evidence: PairedEvidence, margin: float) -> int | None:
    """Estimate how many questions would show that the one is better, if all shares stay as they are.

    Actual counts vary, so about every second run with so many will succeed. None: hardly any number would.
    """
    count = evidence.questions
    if not count:
        return None
    losses, gains = evidence.broken / count, evidence.mended / count
    needed = [n for n in (_count_for_gain(losses, gains), _count_for_saving(evidence, margin)) if n is not None]
    return max(count, min(needed)) if needed else None


def _count_for_gain(losses: float, gains: float) -> int | None:
    """Estimate how many questions show a gain, by the normal approximation of McNemar's test."""
    return math.ceil(Z**2 * (losses + gains) / (gains - losses) ** 2) if gains > losses else None


def _count_for_saving(evidence: PairedEvidence, margin: float) -> int | None:
    """Estimate how many questions show a saving, and no loss of more than the margin."""
    count, cost = evidence.questions, evidence.cost
    losses, gains = evidence.broken / count, evidence.mended / count
    room = 1 - LEAST_SAVING - cost.value
    if room <= 0 or margin <= 0:
        return None
    for_accuracy = count_questions_needed(losses, gains, margin, ONE_SIDED)
    if for_accuracy is None:
        return None
    needed = max(count, for_accuracy, math.ceil(count * ((cost.high - cost.value) / room) ** 2))
    lost, won = math.floor(losses * needed), math.ceil(gains * needed)
    is_loss = compute_p_value(won, lost, needed, 0.0) <= 1 - ONE_SIDED
    return None if is_loss else needed
