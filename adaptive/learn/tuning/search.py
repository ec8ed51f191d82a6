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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion
from adaptive.learn.tuning.constants import (
    BEST,
    FixedRung,
    choose_reference,
    find_oracle_tokens,
    list_fixed_rungs,
)
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.payoffs import measure_payoffs
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.risk import count_minimum_questions, count_rejected
from adaptive.learn.tuning.saving import estimate_saving
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.types.policy import Payoff, Policy
from adaptive.types.usage import Usage

ROUNDS = (160, 80, 80)
"""The number of policies in each round: random in the first, then near those that no other beats."""
SEARCHED = 500
"""The most questions that each policy is replayed on in the search."""
LINED_UP = 24
"""The most policies that are tested."""
ROUNDING = 1e-9
THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)
DIALS: dict[str, tuple[float, ...]] = {
    "target": (0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98),
    "slack": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "probe_from": (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0),
    "worth": (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 1000.0),
    "hopeless": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
}
"""The settings to tune, with the values to try."""

OnReplay = Callable[[int, int], None]


@dataclass(frozen=True)
class Search:
    """The data of the search. p_solved: out-of-fold, by question. on_replay: called with the number of replayed
    policies and their total."""

    recorded: Sequence[RecordedQuestion]
    p_solved: Mapping[str, list[float]]
    seed: int = 0
    on_replay: OnReplay = lambda _done, _of: None

    def restrict_to(self, profile: Profile) -> Search:
        """Return the search on those questions that a replay of the profile can solve."""
        return replace(self, recorded=select_replayable(profile, self.recorded))


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


@dataclass(frozen=True)
class PolicySetting:
    """A policy with its verifier model's threshold."""

    policy: Policy
    threshold: float


T = TypeVar("T")
Candidate = tuple[Way, PolicySetting, FixedRung | None]
DialValues = tuple[float, ...]
"""A value for each of `DIALS`, in order, and the threshold."""


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
        setting, way = _restore_threshold(replay, chosen.setting, chosen.way, test)
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
    searcher = _SettingSearch(profile, search)
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


def pick_cheapest_setting(profile: Profile, search: Search, least: float) -> PolicySetting:
    """Return the cheapest setting of the search that is right often enough on its questions.

    It promises nothing: other questions must show how good it is. `tune_policy` tests what it chooses.

    Args:
        profile: A trained profile.
        search: The questions to search on.
        least: The accuracy that it must have, in 0..1. If no setting has it, the most accurate one is returned.
    """
    search = search.restrict_to(profile)
    searcher = _SettingSearch(profile, search)
    front = searcher.find_front()
    enough = [one for one in front if float(one[1].right.mean()) >= least - ROUNDING]
    dialled, way = enough[-1] if enough else front[0]
    replay = Replay(profile, dict(search.p_solved))
    return _restore_threshold(replay, searcher.make_setting(dialled), way, search.recorded)[0]


def select_pareto(items: Iterable[T], get_way: Callable[[T], Way]) -> list[T]:
    """Return those that no other beats, from the most accurate to the cheapest, both strictly falling.

    Args:
        items: What to choose from.
        get_way: Returns the results of one.
    """

    def measure(item: T) -> tuple[float, float]:
        return float(get_way(item).right.mean()), float(get_way(item).tokens.mean())

    front: list[T] = []
    for one in sorted(items, key=lambda item: (-measure(item)[0], measure(item)[1])):
        if not front or measure(one)[1] < measure(front[-1])[1]:
            front.append(one)
    return front


def count_recorded_waits(recorded: Iterable[RecordedQuestion]) -> int:
    """Return how many Waits in a row were recorded for every effort that thinks: the limit of a replay."""
    counts: dict[str, set[int]] = {}
    keys = (key for one in recorded for key in one.outcomes)
    for key in (key for key in keys if key != DIRECT and key.effort != "default"):
        counts.setdefault(key.effort, {0}).add(key.waits)
    return min((next(n for n in count() if n + 1 not in waits) for waits in counts.values()), default=0)


def limit_to_recorded(policy: Policy, recorded: Sequence[RecordedQuestion]) -> Policy:
    """Return the policy with no more Waits and samples than recorded: the promise covers replayed ones only."""
    samples = max((k.sample for one in recorded for k in one.outcomes), default=0)
    waits = min(policy.max_waits, count_recorded_waits(recorded))
    return replace(policy, vote_most=min(policy.vote_most, samples), max_waits=waits)


class _SettingSearch:
    """Replays settings on a part of the questions: random ones, and then some near the best."""

    def __init__(self, profile: Profile, search: Search) -> None:
        base = limit_to_recorded(profile.policy, search.recorded)
        self.base, self.on_replay = replace(base, always=None, always_waits=0), search.on_replay
        self.rng = np.random.default_rng(search.seed)
        order = self.rng.permutation(len(search.recorded))[:SEARCHED]
        self.everything = search.recorded
        self.recorded = [search.recorded[i] for i in order]
        self.replay = Replay(profile, dict(search.p_solved))
        self.ways: dict[DialValues, Way] = {}
        self.payoffs: dict[float, tuple[Payoff, ...]] = {}
        self.values = (*DIALS.values(), THRESHOLDS)

    def run(self) -> None:
        """Run all rounds."""
        for number, some in enumerate(ROUNDS):
            for _ in range(some):
                self.add(self.perturb(self.pick_best()) if number else self.sample_random())

    def find_front(self) -> list[tuple[DialValues, Way]]:
        """Run the search; return what no other setting beats on all questions, the most accurate first."""
        self.run()
        front = select_pareto(self.ways.items(), _get_way)
        return select_pareto([(one, self.replay_setting(one, self.everything)) for one, _ in front], _get_way)

    def pick_best(self) -> DialValues:
        """Return a random one of those that no other beats."""
        front = select_pareto(self.ways.items(), _get_way)
        return front[self.rng.integers(len(front))][0]

    def add(self, dialled: DialValues) -> None:
        """Replay a setting, unless it was replayed before."""
        if dialled not in self.ways:
            self.ways[dialled] = self.replay_setting(dialled, self.recorded)
        self.on_replay(len(self.ways), sum(ROUNDS))

    def replay_setting(self, dialled: DialValues, recorded: Sequence[RecordedQuestion]) -> Way:
        """Return the results of a setting on questions."""
        setting = self.make_setting(dialled)
        return Way.replay("", self.replay.with_policy(setting.policy, setting.threshold).solve, recorded)

    def sample_random(self) -> DialValues:
        """Return random values."""
        return tuple(values[self.rng.integers(len(values))] for values in self.values)

    def perturb(self, dialled: DialValues) -> DialValues:
        """Return the same with one or two values moved by a step."""
        turned = list(dialled)
        for dial in self.rng.integers(len(turned), size=self.rng.integers(1, 3)):
            values = self.values[dial]
            place = values.index(turned[dial]) + int(self.rng.choice((-1, 1)))
            turned[dial] = values[min(len(values) - 1, max(0, place))]
        return tuple(turned)

    def make_setting(self, dialled: DialValues) -> PolicySetting:
        """Return the profile's policy with these values, and the payoffs after what such a threshold rejects."""
        *dials, threshold = dialled
        if threshold not in self.payoffs:
            replay = self.replay.with_policy(self.base, threshold)
            self.payoffs[threshold] = measure_payoffs(replay, self.recorded)
        turned: dict[str, Any] = dict(zip(DIALS, dials, strict=True))
        return PolicySetting(replace(self.base, payoffs=self.payoffs[threshold], **turned), threshold)


def _compute_p_value(way: Way, reference: Way, search: Search, goal: Goal) -> float:
    return PairedLosses.from_ways(way, reference, search.recorded).compute_p_value(goal.target)


def _get_way(dialled: tuple[DialValues, Way]) -> Way:
    return dialled[1]


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


def _restore_threshold(
    replay: Replay, setting: PolicySetting, way: Way, recorded: Sequence[RecordedQuestion]
) -> tuple[PolicySetting, Way]:
    """Return the setting with the threshold of training, and its results, if results are the same with it.

    If nothing follows a rejection, the threshold only decides which answers are called accepted. Training fitted
    it so that these reach the target precision.
    """
    model = replay.profile.verifier
    if model is None:
        return setting, way
    trained = replace(setting, threshold=model.threshold)
    other = Way.replay("adaptive", replay.with_policy(trained.policy, trained.threshold).solve, recorded)
    same = np.array_equal(other.right, way.right) and np.array_equal(other.tokens, way.tokens)
    return (trained, other) if same else (setting, way)
