"""Searches policies by replaying them on recorded outcomes: random settings, and then some near the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar

import numpy as np

from adaptive.learn.data.outcome import DIRECT, RecordedQuestion
from adaptive.learn.tuning.payoffs import measure_payoffs
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile
from adaptive.types.policy import Payoff, Policy

ROUNDS = (160, 80, 80)
"""The number of policies in each round: random in the first, then near those that no other beats."""
SEARCHED = 500
"""The most questions that each policy is replayed on in the search."""
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
class PolicySetting:
    """A policy with its verifier model's threshold."""

    policy: Policy
    threshold: float


T = TypeVar("T")
DialValues = tuple[float, ...]
"""A value for each of `DIALS`, in order, and the threshold."""


def pick_cheapest_setting(profile: Profile, search: Search, least: float) -> PolicySetting:
    """Return the cheapest setting of the search that is right often enough on its questions.

    It promises nothing: other questions must show how good it is. `tune_policy` tests what it chooses.

    Args:
        profile: A trained profile.
        search: The questions to search on.
        least: The accuracy that it must have, in 0..1. If no setting has it, the most accurate one is returned.
    """
    search = search.restrict_to(profile)
    searcher = SettingSearch(profile, search)
    front = searcher.find_front()
    enough = [one for one in front if float(one[1].right.mean()) >= least - ROUNDING]
    dialled, way = enough[-1] if enough else front[0]
    replay = Replay(profile, dict(search.p_solved))
    return restore_threshold(replay, searcher.make_setting(dialled), way, search.recorded)[0]


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


class SettingSearch:
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


def _get_way(dialled: tuple[DialValues, Way]) -> Way:
    return dialled[1]


def restore_threshold(
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
