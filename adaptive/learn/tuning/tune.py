"""Tunes a policy by replaying it on recorded outcomes, with a promise about its accuracy.

It needs two disjoint sets of questions. On the first, many policies are replayed, and all constants (the same at
every question). The best constant becomes the reference: the most accurate one, or a cheaper one that is nearly
as accurate, for else savings would be told that a constant has too. The policies and constants that no other
beats in both accuracy and tokens are ordered from the most accurate to the cheapest (Laufer-Goldshtein et al.
2023, "Pareto testing", arXiv 2210.07913). On the second, they are tested in this order until one fails
(Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052; `adaptive.learn.tuning.paired_losses`). Each that
passes loses, on questions like these, at most the target against the reference, with the given
confidence. The cheapest of them is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.cost_front import CostFront, MeasuredConstants
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.line_up import SHOWN_SAVING, LinedUpPolicy, line_up_policies
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.power import count_questions_to_show
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.risk import count_minimum_questions, count_rejected
from adaptive.learn.tuning.saving import estimate_saving
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.types.policy import Policy

NEARLY_BEST = 0.25
"""The share of the target that the reference may be less accurate than the most accurate constant."""


@dataclass(frozen=True)
class TestedPolicy:
    """A policy's results on the test questions, paired with the reference's.

    p_value: that it loses its target or more. confidence: of the test.
    """

    candidate: LinedUpPolicy
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
        fixed = LinedUpPolicy(reference.to_policy(profile.policy), goal.target, reference)
        itself = _test_policy(replay, fixed, test, on_reference, goal)
        chosen = itself if goal.is_affordable(itself.way) else chosen
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


def _choose_cheapest(passed: Sequence[TestedPolicy], goal: Goal) -> TestedPolicy | None:
    good = [one for one in passed if goal.is_affordable(one.way)]
    return min(good, key=lambda one: float(one.way.spent.mean()), default=None)


def _name_policy(policy: Policy) -> str:
    """Return what tells a policy of the search from the others."""
    return f"worth {policy.worth:g}" + ("" if policy.escalates else ", one attempt")


def _takes_as_much(way: Way, other: Way) -> bool:
    return float(way.spent.mean()) >= float(other.spent.mean())


def _test_policy(
    replay: Replay, candidate: LinedUpPolicy, test: Sequence[RecordedQuestion], reference: Way, goal: Goal
) -> TestedPolicy:
    way = Way.replay("adaptive", replay.with_policy(candidate.policy).solve, test, reference.unit)
    paired = PairedLosses.from_ways(way, reference, test)
    return TestedPolicy(candidate, way, paired, paired.compute_p_value(candidate.target), goal.confidence)


def _count_questions_needed(tested: TestedPolicy, goal: Goal) -> int | None:
    """Return how many questions it needs; None if it loses too much for any number, or has to gain."""
    return tested.paired.count_questions_needed(tested.target, goal.confidence) if tested.target > 0 else None
