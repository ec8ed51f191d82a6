"""Tunes a policy by replaying it on recorded outcomes, with a promise about its accuracy.

It needs two disjoint sets of questions. On the first, many policies are replayed, and those that no other beats in
both accuracy and tokens are ordered from the most accurate to the cheapest (Laufer-Goldshtein et al. 2023, "Pareto
testing", arXiv 2210.07913). On the second, they are tested in this order until one fails (Angelopoulos et al.
2021, "Learn then Test", arXiv 2110.01052; `adaptive.learn.tuning.paired_losses`). Each that passes loses, on
questions like these, at most the target against always using the top rung, with the given confidence. The cheapest
of them is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion, rung_to_key
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.payoffs import measure_payoffs
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.risk import count_minimum_questions, count_rejected
from adaptive.learn.tuning.ways import Way, make_fixed_chooser
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

    target: the most accuracy to lose against the top rung, in 0..1. confidence: of that promise, in 0..1.
    max_tokens,
    max_cost: limits of a question's mean cost. price: of a million tokens, read and generated.
    """

    target: float = 0.01
    confidence: float = 0.95
    max_tokens: float | None = None
    max_cost: float | None = None
    price: tuple[float, float] | None = None

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


DialValues = tuple[float, ...]
"""A value for each of `DIALS`, in order, and the threshold."""


@dataclass(frozen=True)
class TestedSetting:
    """A setting's results on the test questions, paired with the top rung's."""

    setting: PolicySetting
    way: Way
    paired: PairedLosses
    p_value: float
    confidence: float

    @property
    def losses(self) -> int:
        """How many questions only the top rung has right."""
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

    chosen: None if no policy keeps the promise on these questions. tested: all candidates in order, of which
    `passed` keep it. needed: how many questions the most accurate one needs, None if it loses too much for any
    number. least: how many questions any policy needs. outside: how many questions were not tested on, since they
    are outside the profile's domain.
    """

    goal: Goal
    chosen: TestedSetting | None
    tested: tuple[TestedSetting, ...]
    passed: int
    top: Way
    searched: int
    needed: int | None
    least: int
    outside: int = 0


def tune_policy(profile: Profile, search: Search, test: Sequence[RecordedQuestion], goal: Goal) -> TuningResult:
    """Search on some questions, test on others. The promise is for questions inside the profile's domain.

    Args:
        profile: A profile with a verifier model.
        search: The questions to search on.
        test: Other questions, to test on.
        goal: The goal.

    Raises:
        KeyError: A rung of the profile's ladder was not recorded.
        InputError: All questions to test on are outside the profile's domain.
    """
    every, test = len(test), [one for one in test if not profile.is_outside(one.question.text)]
    if not test:
        raise InputError(f"every question that was left to test on is {UNLIKE}: record more of one kind.")
    line = line_up_settings(profile, search, goal)
    top = Way.replay(
        "always the top rung", make_fixed_chooser(rung_to_key(profile.ladder[profile.ladder.top])), test
    )
    replay = Replay.from_recorded(profile, test)
    tested = tuple(_test_setting(replay, setting, test, top, goal) for setting in line)
    passed = count_rejected([t.p_value for t in tested], 1 - goal.confidence)
    good = [t for t in tested[:passed] if goal.is_affordable(t.way)]
    cheapest = min(good, key=lambda t: float(t.way.tokens.mean()), default=None)
    chosen = None
    if cheapest:
        setting, way = _restore_threshold(replay, cheapest.setting, cheapest.way, test)
        chosen = replace(cheapest, setting=setting, way=way)
    best = tested[0] if tested else None
    needed = best.paired.count_questions_needed(goal.target, goal.confidence) if best else None
    return TuningResult(
        goal,
        chosen,
        tested,
        passed,
        top,
        len(search.recorded),
        needed,
        count_minimum_questions(goal.target, goal.confidence),
        every - len(test),
    )


def line_up_settings(profile: Profile, search: Search, goal: Goal) -> list[PolicySetting]:
    """Return the settings to test, the safest in the search first. The arguments are those of `tune_policy`."""
    search = search.restrict_to(profile)
    searcher = _SettingSearch(profile, search)
    replayed = searcher.find_front()
    top = Way.replay("", make_fixed_chooser(rung_to_key(profile.ladder[profile.ladder.top])), search.recorded)
    line = [
        (PairedLosses.from_ways(way, top, search.recorded).compute_p_value(goal.target), dialled)
        for dialled, way in replayed
        if goal.is_affordable(way)
    ]
    line.sort(key=lambda one: one[0])
    if not line:
        return []
    spread = np.unique(np.linspace(0, len(line) - 1, LINED_UP).round().astype(np.int64))
    return [searcher.make_setting(line[i][-1]) for i in spread]


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


def select_pareto(ways: Iterable[tuple[DialValues, Way]]) -> list[tuple[DialValues, Way]]:
    """Return those that no other beats, from the most accurate to the cheapest, both strictly falling."""
    ordered = sorted(ways, key=lambda w: (-float(w[1].right.mean()), float(w[1].tokens.mean())))
    front: list[tuple[DialValues, Way]] = []
    for one in ordered:
        if not front or one[1].tokens.mean() < front[-1][1].tokens.mean():
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
        self.base, self.on_replay = limit_to_recorded(profile.policy, search.recorded), search.on_replay
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
        front = select_pareto(self.ways.items())
        return select_pareto([(one, self.replay_setting(one, self.everything)) for one, _ in front])

    def pick_best(self) -> DialValues:
        """Return a random one of those that no other beats."""
        front = select_pareto(self.ways.items())
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


def _test_setting(
    replay: Replay, setting: PolicySetting, test: Sequence[RecordedQuestion], top: Way, goal: Goal
) -> TestedSetting:
    way = Way.replay("adaptive", replay.with_policy(setting.policy, setting.threshold).solve, test)
    paired = PairedLosses.from_ways(way, top, test)
    return TestedSetting(setting, way, paired, paired.compute_p_value(goal.target), goal.confidence)


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
