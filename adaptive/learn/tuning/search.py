"""Tunes a policy by replaying it on recorded outcomes, and says what it promises.

Two disjoint sets of questions. On the first, many policies are replayed, and those that no other beats in both
accuracy and tokens are lined up, from the one that is right most often to the cheapest (Laufer-Goldshtein et al.
2023, "Pareto testing", arXiv 2210.07913). On the second, which had no part in that, they are tested in this order
until one fails (Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052; `adaptive.learn.tuning.risk`): each that
passed loses, on questions like these, at most the target against always using the top rung, with the confidence
that was asked for. The cheapest of them is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from adaptive.learn.data.outcome import DIRECT, Recorded, key_of
from adaptive.learn.tuning.payoffs import payoffs
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.risk import enough, fixed_sequence, least, p_value, upper_bound
from adaptive.learn.tuning.ways import Way, fixed
from adaptive.profile.profile import Profile
from adaptive.types.policy import Payoff, Policy
from adaptive.types.usage import Usage

ROUNDS = (160, 80, 80)
"""Policies replayed: by chance at first, then near those that nothing beats."""
SEARCHED = 500
"""Questions that each is replayed on while searching."""
LINED_UP = 24
"""The most policies that are tested."""
THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)
DIALS: dict[str, tuple[float, ...]] = {
    "target": (0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98),
    "slack": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "probe_from": (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0),
    "worth": (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 1000.0),
    "hopeless": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
}
"""What is tuned, and the values that are tried."""

OnReplay = Callable[[int, int], None]


@dataclass(frozen=True)
class Search:
    """What is searched with. p_solved: by question, from models that were not fitted to it. tell: is told how many
    policies of how many were replayed."""

    recorded: Sequence[Recorded]
    p_solved: Mapping[str, list[float]]
    seed: int = 0
    tell: OnReplay = lambda _done, _of: None


@dataclass(frozen=True)
class Goal:
    """What is asked for: the most accuracy lost against the top rung and how surely, in 0..1, and the most that a
    question may take in the mean, in tokens or in money at `price` (for a million tokens, read and made)."""

    target: float = 0.01
    confidence: float = 0.95
    max_tokens: float | None = None
    max_cost: float | None = None
    price: tuple[float, float] | None = None

    def affordable(self, way: Way) -> bool:
        """Whether a way stays under the most that a question may take."""
        within = self.max_tokens is None or float(way.tokens.mean()) <= self.max_tokens
        cheap = self.max_cost is None or float(np.mean([self.cost(t.usage) for t in way])) <= self.max_cost
        return within and cheap

    def cost(self, usage: Usage) -> float:
        """What a usage costs at the price."""
        reading, making = self.price or (0.0, 0.0)
        return (usage.prompt * reading + (usage.total - usage.prompt) * making) / 1e6


@dataclass(frozen=True)
class Setting:
    """A policy with its verifier model's threshold."""

    policy: Policy
    threshold: float


Dialled = tuple[float, ...]
"""A value for each of `DIALS`, in order, and the threshold."""


@dataclass(frozen=True)
class Tested:
    """A setting on the questions that it is tested on, paired with the top rung."""

    setting: Setting
    way: Way
    losses: int
    gains: int
    p_value: float
    confidence: float

    @cached_property
    def bound(self) -> float:
        """The accuracy that it loses at most, with this confidence; negative where it gains."""
        return upper_bound(self.losses, self.gains, len(self.way), self.confidence)


@dataclass(frozen=True)
class Tuned:
    """What tuning came to. `chosen` is None where no policy keeps the promise on these questions.

    tested: all that were lined up, in order; `passed` how many of them keep it. needed: how many questions would
    be enough for the most accurate one, None where it loses too much whatever their number; least: for any.
    """

    goal: Goal
    chosen: Tested | None
    tested: tuple[Tested, ...]
    passed: int
    top: Way
    searched: int
    needed: int | None
    least: int


def tune(profile: Profile, search: Search, test: Sequence[Recorded], goal: Goal) -> Tuned:
    """Search on some questions, test on others.

    The profile needs a verifier model. Raises `KeyError` where a rung of its ladder was not recorded.
    """
    line = lined_up(profile, search, goal)
    top = Way.of("always the top rung", fixed(key_of(profile.ladder[profile.ladder.top])), test)
    replay = Replay.of(profile, test)
    tested = tuple(_test(replay, setting, test, top, goal) for setting in line)
    passed = fixed_sequence([t.p_value for t in tested], 1 - goal.confidence)
    good = [t for t in tested[:passed] if goal.affordable(t.way)]
    cheapest = min(good, key=lambda t: float(t.way.tokens.mean()), default=None)
    chosen = _precise(replay, cheapest, test) if cheapest else None
    best = tested[0] if tested else None
    needed = (
        enough(best.losses / len(test), best.gains / len(test), goal.target, goal.confidence) if best else None
    )
    return Tuned(
        goal, chosen, tested, passed, top, len(search.recorded), needed, least(goal.target, goal.confidence)
    )


def lined_up(profile: Profile, search: Search, goal: Goal) -> list[Setting]:
    """The settings to test, from the one that most surely keeps the promise on the questions of the search."""
    found = _Searching(profile, search)
    found.run()
    replayed = [(dialled, found.replayed(dialled, search.recorded)) for dialled, _ in pareto(found.ways.items())]
    top = Way.of("", fixed(key_of(profile.ladder[profile.ladder.top])), search.recorded)
    line = [(*_counts(way, top), way, dialled) for dialled, way in pareto(replayed) if goal.affordable(way)]
    line.sort(key=lambda one: p_value(one[0], one[1], len(top), goal.target))
    if not line:
        return []
    spread = np.unique(np.linspace(0, len(line) - 1, LINED_UP).round().astype(np.int64))
    return [found.setting(line[i][-1]) for i in spread]


def pareto(ways: Iterable[tuple[Dialled, Way]]) -> list[tuple[Dialled, Way]]:
    """Those that no other beats: from the most accurate to the cheapest, both falling strictly."""
    ordered = sorted(ways, key=lambda w: (-float(w[1].right.mean()), float(w[1].tokens.mean())))
    kept: list[tuple[Dialled, Way]] = []
    for one in ordered:
        if not kept or one[1].tokens.mean() < kept[-1][1].tokens.mean():
            kept.append(one)
    return kept


def waits_recorded(recorded: Iterable[Recorded]) -> int:
    """How many Waits after a chain were recorded, one after the other, with every effort that thinks.

    A policy that is replayed must not take more: what they bring is not known.
    """
    counts: dict[str, set[int]] = {}
    for key in (key for one in recorded for key in one.outcomes if key != DIRECT):
        counts.setdefault(key.effort, {0}).add(key.waits)
    return min((next(n for n in count() if n + 1 not in seen) for seen in counts.values()), default=0)


def recordable(policy: Policy, recorded: Sequence[Recorded]) -> Policy:
    """The policy with no more Waits and samples than were recorded: what was not replayed is not promised."""
    samples = max((k.sample for one in recorded for k in one.outcomes), default=0)
    waits = min(policy.max_waits, waits_recorded(recorded))
    return replace(policy, vote_most=min(policy.vote_most, samples), max_waits=waits)


class _Searching:
    """Replays settings on a part of the questions: by chance, and then near the best of them."""

    def __init__(self, profile: Profile, search: Search) -> None:
        self.base, self.tell = recordable(profile.policy, search.recorded), search.tell
        self.rng = np.random.default_rng(search.seed)
        order = self.rng.permutation(len(search.recorded))[:SEARCHED]
        self.recorded = [search.recorded[i] for i in order]
        self.replay = Replay(profile, dict(search.p_solved))
        self.ways: dict[Dialled, Way] = {}
        self.payoffs: dict[float, tuple[Payoff, ...]] = {}
        self.values = (*DIALS.values(), THRESHOLDS)

    def run(self) -> None:
        """All rounds."""
        for number, some in enumerate(ROUNDS):
            for _ in range(some):
                self.add(self.near(self.best()) if number else self.any())

    def best(self) -> Dialled:
        """One of those that no other beats, by chance."""
        front = pareto(self.ways.items())
        return front[self.rng.integers(len(front))][0]

    def add(self, dialled: Dialled) -> None:
        """Replay one that was not replayed yet."""
        if dialled not in self.ways:
            self.ways[dialled] = self.replayed(dialled, self.recorded)
        self.tell(len(self.ways), sum(ROUNDS))

    def replayed(self, dialled: Dialled, recorded: Sequence[Recorded]) -> Way:
        """A setting on questions."""
        setting = self.setting(dialled)
        return Way.of("", self.replay.with_policy(setting.policy, setting.threshold).taken, recorded)

    def any(self) -> Dialled:
        """Dials turned by chance."""
        return tuple(values[self.rng.integers(len(values))] for values in self.values)

    def near(self, dialled: Dialled) -> Dialled:
        """The same with one or two dials turned a step."""
        turned = list(dialled)
        for dial in self.rng.integers(len(turned), size=self.rng.integers(1, 3)):
            values = self.values[dial]
            place = values.index(turned[dial]) + int(self.rng.choice((-1, 1)))
            turned[dial] = values[min(len(values) - 1, max(0, place))]
        return tuple(turned)

    def setting(self, dialled: Dialled) -> Setting:
        """The profile's policy with these dials, and the payoffs after what such a threshold rejects."""
        *dials, threshold = dialled
        if threshold not in self.payoffs:
            replay = self.replay.with_policy(self.base, threshold)
            self.payoffs[threshold] = payoffs(replay, self.recorded)
        turned: dict[str, Any] = dict(zip(DIALS, dials, strict=True))
        return Setting(replace(self.base, payoffs=self.payoffs[threshold], **turned), threshold)


def _test(replay: Replay, setting: Setting, test: Sequence[Recorded], top: Way, goal: Goal) -> Tested:
    way = Way.of("adaptive", replay.with_policy(setting.policy, setting.threshold).taken, test)
    losses, gains = _counts(way, top)
    p = p_value(losses, gains, len(test), goal.target)
    return Tested(setting, way, losses, gains, p, goal.confidence)


def _precise(replay: Replay, tested: Tested, test: Sequence[Recorded]) -> Tested:
    """The same with the threshold that training found, where that buys and answers the same.

    Where nothing is bought after a rejection the threshold only says what is called accepted: training chose it so
    that this is right as often as was asked for.
    """
    model = replay.profile.verifier
    if model is None:
        return tested
    setting = replace(tested.setting, threshold=model.threshold)
    way = Way.of("adaptive", replay.with_policy(setting.policy, setting.threshold).taken, test)
    same = np.array_equal(way.right, tested.way.right) and np.array_equal(way.tokens, tested.way.tokens)
    return replace(tested, setting=setting, way=way) if same else tested


def _counts(way: Way, top: Way) -> tuple[int, int]:
    """How many questions only the top rung has right, and how many only the way."""
    return int(np.sum(top.right > way.right)), int(np.sum(way.right > top.right))
