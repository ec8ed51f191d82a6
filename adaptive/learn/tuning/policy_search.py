"""Searches policies by replaying them on recorded outcomes: what a right answer is worth, from little to much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import list_constants
from adaptive.learn.tuning.first_rungs import FirstRungs
from adaptive.learn.tuning.payoffs import measure_evidence, measure_follow_ups
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.ways import Way, find_common_unit
from adaptive.profile.profile import Profile
from adaptive.types.forecast import Forecast
from adaptive.types.policy import Policy
from adaptive.types.usage import CostUnit

WORTHS = 40
"""The number of worths that are tried, from a fiftieth of a mean attempt to many thousands of them."""
LEAST_WORTH, MOST_WORTH = 0.02, 5000.0
SEARCHED = 500
"""The most questions that arms are measured on, and that each policy is replayed on first."""
ROUNDING = 1e-9

OnReplay = Callable[[int, int], None]


@dataclass(frozen=True)
class Search:
    """The data of the search. forecasts: out-of-fold, by question. on_replay: called with the number of replayed
    policies and their total."""

    recorded: Sequence[RecordedQuestion]
    forecasts: Mapping[str, Forecast]
    seed: int = 0
    on_replay: OnReplay = lambda _done, _of: None

    def restrict_to(self, profile: Profile) -> Search:
        """Return the search on those questions that a replay of the profile can solve."""
        return replace(self, recorded=select_replayable(profile, self.recorded))


T = TypeVar("T")


def measure_policy(replay: Replay, recorded: Sequence[RecordedQuestion]) -> Policy:
    """Return the profile's policy with what its arms achieve and its verdicts tell on recorded questions.

    It has no more Waits and samples than were recorded, and no constant.
    """
    base = limit_to_recorded(replay.profile.policy, recorded)
    base = replace(base, always=None, escalates=True, follow_ups=(), evidence=())
    replay = replay.with_policy(base)
    return replace(
        base, follow_ups=measure_follow_ups(replay, recorded), evidence=measure_evidence(replay, recorded)
    )


def pick_cheapest_policy(profile: Profile, search: Search, least: float) -> Policy:
    """Return the cheapest policy of the search, constants included, that is right often enough on its questions.

    It promises nothing: other questions must show how good it is. `tune_policy` tests what it chooses.

    Args:
        profile: A trained profile.
        search: The questions to search on.
        least: The accuracy that it must have, in 0..1. If no policy has it, the most accurate one is returned.
    """
    search = search.restrict_to(profile)
    constants = list_constants(profile.ladder, search.recorded, direct_first=True)
    alone = [one for one in constants if one.kind != "direct_first"]  # the others are made of these
    found = PolicySearch(profile, search, find_common_unit(one.replay(search.recorded) for one in alone))
    fixed = [one.to_policy(profile.policy) for one in constants]
    tried = [*found.find_front(), *((one, found.replay_policy(one, found.everything)) for one in fixed)]
    front = select_pareto(tried, _get_way)
    enough = [one for one in front if float(one[1].right.mean()) >= least - ROUNDING]
    return (enough[-1] if enough else front[0])[0]


def select_pareto(items: Iterable[T], get_way: Callable[[T], Way]) -> list[T]:
    """Return those that no other beats, from the most accurate to the cheapest, both strictly falling.

    Args:
        items: What to choose from.
        get_way: Returns the results of one.
    """

    def measure(item: T) -> tuple[float, float]:
        return float(get_way(item).right.mean()), float(get_way(item).spent.mean())

    front: list[T] = []
    for one in sorted(items, key=lambda item: (-measure(item)[0], measure(item)[1])):
        if not front or measure(one)[1] < measure(front[-1])[1]:
            front.append(one)
    return front


def count_recorded_waits(recorded: Iterable[RecordedQuestion]) -> int:
    """Return how many Waits in a row were recorded for every effort that thinks: the limit of a replay."""
    counts: dict[tuple[str, str], set[int]] = {}
    keys = (key for one in recorded for key in one.outcomes)
    for key in (key for key in keys if not key.is_direct and not key.is_plain):
        counts.setdefault((key.model, key.effort), {0}).add(key.waits)
    return min((next(n for n in count() if n + 1 not in waits) for waits in counts.values()), default=0)


def limit_to_recorded(policy: Policy, recorded: Sequence[RecordedQuestion]) -> Policy:
    """Return the policy with no more Waits and samples than recorded: the promise covers replayed ones only."""
    samples = max((k.sample for one in recorded for k in one.outcomes), default=0)
    waits = min(policy.max_waits, count_recorded_waits(recorded))
    return replace(policy, vote_most=min(policy.vote_most, samples), max_waits=waits)


class PolicySearch:
    """Replays policies that differ in what a right answer is worth, each with and without later attempts.

    unit: what costs are counted in; it is that of the constants that policies are compared with.
    """

    def __init__(self, profile: Profile, search: Search, unit: CostUnit) -> None:
        self.everything, self.on_replay, self.unit = search.recorded, search.on_replay, unit
        order = np.random.default_rng(search.seed).permutation(len(search.recorded))[:SEARCHED]
        self.recorded = [search.recorded[i] for i in order]
        self.replay = Replay(profile, dict(search.forecasts))
        self.base = measure_policy(self.replay, self.recorded)
        self.forecasts = self._list_forecasts()
        self.first_rungs = FirstRungs(self.base, list(self.forecasts.values()))

    def list_policies(self) -> list[Policy]:
        """Return the policies to try, the cheapest first."""
        texts = (one.question.text for one in self.recorded)
        usual = float(np.mean([self.forecasts[text].tokens for text in texts if text in self.forecasts]))
        worths = np.geomspace(LEAST_WORTH * usual, MOST_WORTH * usual, WORTHS).tolist()
        single = replace(self.base, escalates=False)
        bases = (single, self.base) if self.base.follow_ups else (single,)
        return [replace(base, worth=float(f"{worth:.3g}")) for worth in worths for base in bases]

    def find_front(self) -> list[tuple[Policy, Way]]:
        """Run the search; return what no other policy beats on all questions, the most accurate first."""
        policies = self.list_policies()
        tried = []
        for number, policy in enumerate(policies, 1):
            tried.append((policy, self.replay_policy(policy, self.recorded)))
            self.on_replay(number, len(policies))
        front = select_pareto(tried, _get_way)
        if len(self.recorded) == len(self.everything):
            return front
        return select_pareto([(one, self.replay_policy(one, self.everything)) for one, _ in front], _get_way)

    def replay_policy(self, policy: Policy, recorded: Sequence[RecordedQuestion]) -> Way:
        """Return the results of a policy on questions.

        Args:
            policy: A constant, or the base policy but for its worth and `escalates`.
            recorded: The questions.
        """
        first = {} if policy.always else dict(zip(self.forecasts, self.first_rungs.choose(policy), strict=True))
        return Way.replay("", self.replay.with_policy(policy, first_rungs=first).solve, recorded, self.unit)

    def _list_forecasts(self) -> dict[str, Forecast]:
        """Return what is expected of all questions, by their text."""
        texts = dict.fromkeys(one.question.text for one in self.everything)
        forecasts = {text: self.replay.texts.forecast(text) for text in texts}
        return {text: one for text, one in forecasts.items() if one}


def _get_way(tried: tuple[Policy, Way]) -> Way:
    return tried[1]
