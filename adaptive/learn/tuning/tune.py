"""Tunes a policy by replaying it on recorded outcomes, with a promise about its accuracy.

It needs two disjoint sets of questions. On the first, many policies are replayed, and all constants (the same at
every question). The best constant becomes the reference: the most accurate one, or a cheaper one that is nearly
as accurate, for else savings would be told that a constant has too. The policies and constants that no other
beats in both accuracy and tokens are ordered from the most accurate to the cheapest (Laufer-Goldshtein et al.
2023, "Pareto testing", arXiv 2210.07913). On the second, they are tested in this order until one fails
(Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052; `adaptive.learn.tuning.paired_losses`). Each that
passes loses, on questions like these, at most the target against the reference, with the given
confidence. The cheapest of them is chosen. A policy that saves little must also lose less than the mix of
constants that takes as much: else up to the target would be lost for next to nothing, which a coin saves too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.reference import Reference
from adaptive.learn.tuning.constants import BEST, TOP, Constant
from adaptive.learn.tuning.cost_front import CostFront, MeasuredConstants
from adaptive.learn.tuning.hull_gain import measure_drop
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.policy_search import PolicySearch, Search, select_pareto
from adaptive.learn.tuning.power import count_questions_to_show
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.risk import count_minimum_questions, count_rejected
from adaptive.learn.tuning.saving import estimate_saving
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.types.policy import Policy
from adaptive.types.usage import MILLION, Usage

SHOWN_SAVING = 0.1
"""The share of the reference's cost that it is worth losing up to the target for, and whose power is told."""
NEARLY_BEST = 0.25
"""The share of the target that the reference may be less accurate than the most accurate constant."""
LINED_UP = 24
"""The most policies that are tested."""


@dataclass(frozen=True)
class Goal:
    """The goal of tuning.

    target: the most accuracy to lose against the reference, in 0..1. confidence: of that promise, in 0..1.
    max_tokens, max_cost: limits of a question's mean cost. price: of a million tokens, read and generated; None:
    the recorded costs count. against: the constant that is the reference (`adaptive.learn.tuning.constants`).
    graded_by: what the questions are graded by; where that is the dearest rung, a loss is a disagreement with it,
    and it is the reference.

    Raises:
        InputError: Some questions have no right answer, and another constant is to be the reference.
    """

    target: float = 0.01
    confidence: float = 0.95
    max_tokens: float | None = None
    max_cost: float | None = None
    price: tuple[float, float] | None = None
    against: str = BEST
    graded_by: Reference = "answers"

    def __post_init__(self) -> None:
        if self.graded_by != "answers" and self.against != TOP:
            raise InputError(
                f"without labels all is compared with the dearest rung: leave out --against {self.against}."
            )

    def is_affordable(self, way: Way) -> bool:
        """Return whether a way keeps the limits of cost."""
        within = self.max_tokens is None or float(way.tokens.mean()) <= self.max_tokens
        cheap = self.max_cost is None or float(np.mean([self.compute_cost(t.usage) for t in way])) <= self.max_cost
        return within and cheap

    def compute_cost(self, usage: Usage) -> float:
        """Return the dollars of a usage at the price, or else as they were recorded."""
        if self.price is None:
            return usage.measure("dollars") / MILLION
        reading, making = self.price
        return (usage.prompt * reading + (usage.total - usage.prompt) * making) / 1e6


@dataclass(frozen=True)
class Candidate:
    """A policy to test. target: the loss that it must be shown to stay below. constant: it is that constant."""

    policy: Policy
    target: float
    constant: Constant | None = None


@dataclass(frozen=True)
class TestedPolicy:
    """A policy's results on the test questions, paired with the reference's.

    p_value: that it loses its target or more. confidence: of the test.
    """

    candidate: Candidate
    way: Way
    paired: PairedLosses
    p_value: float
    confidence: float

    @property
    def policy(self) -> Policy:
        """The policy."""
        return self.candidate.policy

    @property
    def constant(self) -> Constant | None:
        """The constant that it is, if any."""
        return self.candidate.constant

    @property
    def target(self) -> float:
        """The loss that it must be shown to stay below."""
        return self.candidate.target

    @property
    def losses(self) -> int:
        """How many questions only the reference has right."""
        return self.paired.losses

    @property
    def gains(self) -> int:
        """How many questions only this policy has right."""
        return self.paired.gains

    @cached_property
    def bound(self) -> float:
        """The most accuracy that it loses, with this confidence; negative if it gains.

        It is on the side of the target that the test says: a target may be rejected and a slightly larger one
        not, and the other way round.
        """
        bound = self.paired.compute_upper_bound(self.confidence)
        keeps = self.p_value <= 1 - self.confidence
        return min(bound, self.target) if keeps else max(bound, self.target)


@dataclass(frozen=True)
class TuningResult:
    """The result of tuning.

    reference: the constant that accuracy is compared with; on_reference: its results. saving: the share of its
    tokens that the chosen policy saves, and its 95 % interval. chosen: the cheapest policy that keeps the
    promise, or the reference itself, which loses nothing against itself; None if that is too dear. tested: all
    candidates in order, of which `passed` keep the promise. oracle: the share of the reference's tokens that an
    oracle among constants would save. searched: how many questions were searched on. safest: the first candidate
    that is cheaper than the reference. needed: how many questions it needs, None if it loses too much for any
    number. least: how many questions any needs. outside: how many questions were not tested on, since they are
    outside the profile's domain. front: all constants, policies and the oracle on the test questions. to_show: how
    many questions could show a policy that saves `SHOWN_SAVING`, None if no constant saves so much.
    """

    goal: Goal
    reference: Constant
    on_reference: Way
    chosen: TestedPolicy | None
    tested: tuple[TestedPolicy, ...]
    passed: int
    oracle: float
    saving: Interval
    searched: int
    safest: TestedPolicy | None
    needed: int | None
    least: int
    outside: int
    front: CostFront
    to_show: int | None

    @property
    def gains_nothing(self) -> bool:
        """Whether nothing is shown to be better than the reference."""
        return self.chosen is not None and self.chosen.constant == self.reference


def tune_policy(profile: Profile, search: Search, test: Sequence[RecordedQuestion], goal: Goal) -> TuningResult:
    """Search on some questions, test on others. The promise is for questions inside the profile's domain.

    Args:
        profile: A profile with a verifier model.
        search: The questions to search on.
        test: Other questions, to test on.
        goal: The goal.

    Raises:
        KeyError: A rung of the profile's ladder was not recorded.
        InputError: All questions to test on are outside the profile's domain, or the goal names no constant.
    """
    every, test = len(test), [one for one in test if not profile.is_outside(one.question.text)]
    if not test:
        raise InputError(f"every question that was left to test on is {UNLIKE}: record more of one kind.")
    search, replay = search.restrict_to(profile), Replay.from_recorded(profile, test)
    judges = Replay(profile, dict(search.forecasts)), replay
    constants = MeasuredConstants.replay(profile.ladder, search.recorded, test, judges)
    reference = constants.choose(goal.against, goal.target * NEARLY_BEST)
    on_reference = constants.get_way(reference)
    line = line_up_policies(profile, search, goal, constants.searched, reference)
    tested = tuple(_test_policy(replay, one, test, on_reference, goal) for one in line)
    passed = count_rejected([t.p_value for t in tested], 1 - goal.confidence)
    chosen = _choose_cheapest(tested[:passed], goal)
    if chosen is None or _takes_as_much(chosen.way, on_reference):
        itself = Candidate(reference.to_policy(profile.policy), goal.target, reference)
        fixed = _test_policy(replay, itself, test, on_reference, goal)
        chosen = fixed if goal.is_affordable(fixed.way) else chosen
    safest = next((t for t in tested if not _takes_as_much(t.way, on_reference)), None)
    policies = {_name_policy(t.policy): t.way for t in tested if t.constant is None}
    way = chosen.way if chosen else on_reference
    return TuningResult(
        goal,
        reference,
        on_reference,
        chosen,
        tested,
        passed,
        1 - float(constants.oracle.spent.mean() / on_reference.spent.mean()),
        estimate_saving(way, on_reference, test),
        len(search.recorded),
        safest,
        _count_questions_needed(safest, goal) if safest else None,
        count_minimum_questions(goal.target, goal.confidence),
        every - len(test),
        constants.build_front("chosen", way, policies),
        count_questions_to_show(
            SHOWN_SAVING, on_reference, constants.on_test, test, (goal.target, goal.confidence)
        ),
    )


def line_up_policies(
    profile: Profile,
    search: Search,
    goal: Goal,
    constants: Sequence[tuple[Constant, Way]],
    reference: Constant,
) -> list[Candidate]:
    """Return the policies to test, the safest in the search first.

    Args:
        profile: A profile with a verifier model.
        search: The questions to search on, all of which can be replayed.
        goal: The goal.
        constants: All constants with their results on the questions to search on.
        reference: The one that accuracy is compared with.
    """
    on_reference = next(way for one, way in constants if one == reference)
    found = PolicySearch(profile, search, on_reference.unit)
    drop = measure_drop([way for _, way in constants], on_reference)
    # Constants first: of ways that are as accurate and as cheap the simplest is kept.
    tried = [(way, Candidate(one.to_policy(profile.policy), goal.target, one)) for one, way in constants]
    for policy, way in found.find_front():
        saves = float(way.spent.mean()) <= (1 - SHOWN_SAVING) * float(on_reference.spent.mean())
        tried.append((way, Candidate(policy, goal.target if saves else min(goal.target, drop(way)))))
    line = [
        (PairedLosses.from_ways(way, on_reference, search.recorded).compute_p_value(one.target), one)
        for way, one in select_pareto(tried, lambda pair: pair[0])
        if goal.is_affordable(way) and one.constant != reference
    ]
    line.sort(key=lambda pair: pair[0])
    if not line:
        return []
    spread = np.unique(np.linspace(0, len(line) - 1, LINED_UP).round().astype(np.int64))
    return [line[i][1] for i in spread]


def _choose_cheapest(passed: Sequence[TestedPolicy], goal: Goal) -> TestedPolicy | None:
    good = [one for one in passed if goal.is_affordable(one.way)]
    return min(good, key=lambda one: float(one.way.spent.mean()), default=None)


def _name_policy(policy: Policy) -> str:
    """Return what tells a policy of the search from the others."""
    return f"worth {policy.worth:g}" + ("" if policy.escalates else ", one attempt")


def _takes_as_much(way: Way, other: Way) -> bool:
    return float(way.spent.mean()) >= float(other.spent.mean())


def _test_policy(
    replay: Replay, candidate: Candidate, test: Sequence[RecordedQuestion], reference: Way, goal: Goal
) -> TestedPolicy:
    way = Way.replay("adaptive", replay.with_policy(candidate.policy).solve, test, reference.unit)
    paired = PairedLosses.from_ways(way, reference, test)
    return TestedPolicy(candidate, way, paired, paired.compute_p_value(candidate.target), goal.confidence)


def _count_questions_needed(tested: TestedPolicy, goal: Goal) -> int | None:
    """Return how many questions it needs; None if it loses too much for any number, or has to gain."""
    return tested.paired.count_questions_needed(tested.target, goal.confidence) if tested.target > 0 else None
