"""Tunes a policy by replaying it on recorded outcomes, with a promise about its accuracy.

It needs two disjoint sets of questions. On the first, many policies are replayed, and all constants (the same rung
at every question). The most accurate constant becomes the reference. The policies and constants that no other
beats in both accuracy and tokens are ordered from the most accurate to the cheapest (Laufer-Goldshtein et al.
2023, "Pareto testing", arXiv 2210.07913). On the second, they are tested in this order until one fails
(Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052; `adaptive.learn.tuning.paired_losses`). Each that
passes loses, on questions like these, at most the target against always using the top rung, with the given
confidence. The cheapest of them is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import (
    BEST,
    FixedRung,
    choose_reference,
    find_oracle_tokens,
    list_fixed_rungs,
)
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.risk import count_minimum_questions, count_rejected
from adaptive.learn.tuning.saving import estimate_saving
from adaptive.learn.tuning.setting_search import (
    PolicySetting,
    Search,
    SettingSearch,
    restore_threshold,
    select_pareto,
)
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.types.usage import Usage

LINED_UP = 24
"""The most policies that are tested."""


@dataclass(frozen=True)
class Goal:
    """The goal of tuning.

    target: the most accuracy to lose against the reference, in 0..1. confidence: of that promise, in 0..1.
    max_tokens,
    max_cost: limits of a question's mean cost. price: of a million tokens, read and generated. against: the
    constant that is the reference (`adaptive.learn.tuning.constants`).
    """

    target: float = 0.01
    confidence: float = 0.95
    max_tokens: float | None = None
    max_cost: float | None = None
    price: tuple[float, float] | None = None
    against: str = BEST

    def is_affordable(self, way: Way) -> bool:
        """Return whether a way keeps the limits of cost."""
        within = self.max_tokens is None or float(way.tokens.mean()) <= self.max_tokens
        cheap = self.max_cost is None or float(np.mean([self.compute_cost(t.usage) for t in way])) <= self.max_cost
        return within and cheap

    def compute_cost(self, usage: Usage) -> float:
        """Return the cost of a usage at the price."""
        reading, making = self.price or (0.0, 0.0)
        return (usage.prompt * reading + (usage.total - usage.prompt) * making) / 1e6


Candidate = tuple[Way, PolicySetting, FixedRung | None]


@dataclass(frozen=True)
class TestedSetting:
    """A setting's results on the test questions, paired with the reference's. constant: it is that constant."""

    setting: PolicySetting
    way: Way
    paired: PairedLosses
    p_value: float
    confidence: float
    constant: FixedRung | None = None

    @property
    def losses(self) -> int:
        """How many questions only the reference has right."""
        return self.paired.losses

    @property
    def gains(self) -> int:
        """How many questions only this setting has right."""
        return self.paired.gains

    @cached_property
    def bound(self) -> float:
        """The most accuracy that it loses, with this confidence; negative if it gains."""
        return self.paired.compute_upper_bound(self.confidence)


@dataclass(frozen=True)
class TuningResult:
    """The result of tuning.

    reference: the constant that accuracy is compared with; on_reference: its results. saving: the share of its
    tokens that the chosen setting saves, and its 95 % interval. chosen: the cheapest setting that keeps the
    promise, or the reference itself, which loses nothing against itself; None if that is too dear. tested: all
    candidates in order, of which `passed` keep the promise. oracle: the share of the reference's tokens that an
    oracle among constants would save. searched: how many questions were searched on. needed: how many questions
    the safest candidate needs, None if it loses too much for any number. least: how many questions any needs.
    outside: how many questions were not tested on, since they are outside the profile's domain.
    """

    goal: Goal
    reference: FixedRung
    on_reference: Way
    chosen: TestedSetting | None
    tested: tuple[TestedSetting, ...]
    passed: int
    oracle: float
    saving: tuple[float, float, float]
    searched: int
    needed: int | None
    least: int
    outside: int = 0

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
    search, rungs = search.restrict_to(profile), list_fixed_rungs(profile.ladder)
    reference = choose_reference(rungs, search.recorded, goal.against)
    line, on_reference = line_up_settings(profile, search, goal, reference), reference.replay(test)
    replay = Replay.from_recorded(profile, test)
    tested = tuple(_test_setting(replay, one, constant, test, on_reference, goal) for one, constant in line)
    passed = count_rejected([t.p_value for t in tested], 1 - goal.confidence)
    chosen = _choose_cheapest(tested[:passed], goal)
    if chosen is None or _takes_as_much(chosen.way, on_reference):
        itself = _test_setting(replay, _make_constant(profile, reference), reference, test, on_reference, goal)
        chosen = itself if goal.is_affordable(itself.way) else chosen
    elif chosen.constant is None:
        setting, way = restore_threshold(replay, chosen.setting, chosen.way, test)
        chosen = replace(chosen, setting=setting, way=way)
    safest = next((t for t in tested if t.constant != reference), None)
    oracle = find_oracle_tokens([one.replay(test) for one in rungs])
    return TuningResult(
        goal,
        reference,
        on_reference,
        chosen,
        tested,
        passed,
        1 - float(oracle.mean() / on_reference.tokens.mean()),
        estimate_saving(chosen.way if chosen else on_reference, on_reference, test),
        len(search.recorded),
        safest.paired.count_questions_needed(goal.target, goal.confidence) if safest else None,
        count_minimum_questions(goal.target, goal.confidence),
        every - len(test),
    )


def line_up_settings(
    profile: Profile, search: Search, goal: Goal, reference: FixedRung
) -> list[tuple[PolicySetting, FixedRung | None]]:
    """Return the settings to test, the safest in the search first, each with the constant that it is, if any.

    Args:
        profile: A profile with a verifier model.
        search: The questions to search on, all of which can be replayed.
        goal: The goal.
        reference: The constant that accuracy is compared with.
    """
    searcher = SettingSearch(profile, search)
    candidates: list[Candidate] = [
        (way, searcher.make_setting(dialled), None) for dialled, way in searcher.find_front()
    ]
    for one in list_fixed_rungs(profile.ladder):
        candidates.append((one.replay(search.recorded), _make_constant(profile, one), one))
    on_reference = reference.replay(search.recorded)
    line = [
        (_compute_p_value(way, on_reference, search, goal), setting, constant)
        for way, setting, constant in select_pareto(candidates, lambda one: one[0])
        if goal.is_affordable(way) and constant != reference
    ]
    line.sort(key=lambda one: one[0])
    if not line:
        return []
    spread = np.unique(np.linspace(0, len(line) - 1, LINED_UP).round().astype(np.int64))
    return [line[i][1:] for i in spread]


def _compute_p_value(way: Way, reference: Way, search: Search, goal: Goal) -> float:
    return PairedLosses.from_ways(way, reference, search.recorded).compute_p_value(goal.target)


def _make_constant(profile: Profile, rung: FixedRung) -> PolicySetting:
    """Return the setting that makes the same attempt at every question, judged as training has it."""
    return PolicySetting(rung.to_policy(profile.policy), profile.verifier.threshold if profile.verifier else 1.0)


def _choose_cheapest(passed: Sequence[TestedSetting], goal: Goal) -> TestedSetting | None:
    good = [one for one in passed if goal.is_affordable(one.way)]
    return min(good, key=lambda one: float(one.way.tokens.mean()), default=None)


def _takes_as_much(way: Way, other: Way) -> bool:
    return float(way.tokens.mean()) >= float(other.tokens.mean())


def _test_setting(
    replay: Replay,
    setting: PolicySetting,
    constant: FixedRung | None,
    test: Sequence[RecordedQuestion],
    reference: Way,
    goal: Goal,
) -> TestedSetting:
    way = Way.replay("adaptive", replay.with_policy(setting.policy, setting.threshold).solve, test)
    paired = PairedLosses.from_ways(way, reference, test)
    return TestedSetting(setting, way, paired, paired.compute_p_value(goal.target), goal.confidence, constant)
