"""Policies from a little worth to a large one, measured and replayed on recorded questions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.learn.tuning import policy_search
from adaptive.learn.tuning.policy_search import (
    LEAST_WORTH,
    MOST_WORTH,
    PolicySearch,
    count_recorded_waits,
    limit_to_recorded,
    measure_policy,
    pick_cheapest_policy,
    select_pareto,
)
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from adaptive.types.usage import Usage
from tests.learn.tuning.tuned import Tuned

pytestmark = pytest.mark.usefixtures("quick_search")


@pytest.fixture(scope="module")
def searched(made: Tuned, quick_search: None) -> PolicySearch:
    return PolicySearch(made.profile, made.search, "tokens")


def measure(way: Way) -> tuple[float, float]:
    return float(way.right.mean()), float(way.tokens.mean())


def test_policies_differ_in_the_worth_and_in_what_may_follow(searched: PolicySearch) -> None:
    policies = searched.list_policies()
    usual = np.mean([searched.replay.texts.forecast(one.question.text).tokens for one in searched.recorded])
    worths = [one.worth for one in policies if one.worth is not None]
    assert len(policies) == len(worths) == 2 * policy_search.WORTHS
    assert worths == sorted(worths)
    assert worths[::2] == worths[1::2]
    assert (worths[0], worths[-1]) == pytest.approx((LEAST_WORTH * usual, MOST_WORTH * usual), rel=0.01)
    for single, following in zip(policies[::2], policies[1::2], strict=True):
        assert (single.escalates, following.escalates) == (False, True)
        assert following == replace(searched.base, worth=single.worth) == replace(single, escalates=True)


def test_the_more_an_answer_is_worth_the_more_is_spent_on_it_and_the_more_are_right(
    searched: PolicySearch,
) -> None:
    policies = searched.list_policies()
    for some in (policies[::2], policies[1::2]):
        (cheap, little), (right, much) = (
            measure(searched.replay_policy(one, searched.everything)) for one in (some[0], some[-1])
        )
        assert little < much
        assert cheap < right - 0.2


def test_the_front_is_measured_on_all_questions_and_beaten_by_nothing(made: Tuned, searched: PolicySearch) -> None:
    assert len(searched.recorded) == policy_search.SEARCHED < len(searched.everything)
    front = searched.find_front()
    assert len(front) > 3
    places = [measure(way) for _, way in front]
    assert all(a[0] > b[0] and a[1] > b[1] for a, b in pairwise(places))
    for policy, way in (front[0], front[len(front) // 2]):
        assert policy in searched.list_policies()
        alone = Replay(replace(made.profile, policy=policy), dict(made.search.forecasts))
        assert [alone.solve(one) for one in searched.everything] == list(way), "policies share nothing but work"


def test_with_what_follows_more_is_reached_than_without(searched: PolicySearch) -> None:
    """A verdict sees what chance made wrong, which no forecast can."""
    single, following = (
        [measure(searched.replay_policy(one, searched.everything)) for one in searched.list_policies()[i::2]]
        for i in (0, 1)
    )
    assert max(following) > max(single)


@pytest.mark.parametrize("least", [0.0, 0.4, 0.6, 2.0])
def test_the_cheapest_that_is_right_often_enough_is_picked(
    made: Tuned, searched: PolicySearch, least: float
) -> None:
    front = searched.find_front()
    picked = pick_cheapest_policy(made.profile, made.search, least)
    enough = [policy for policy, way in front if measure(way)[0] >= least]
    assert picked == (enough[-1] if enough else front[0][0])
    assert bool(enough) == (least < 1)


def test_arms_and_verdicts_are_measured_on_what_was_recorded(made: Tuned) -> None:
    always = Routine(made.profile.ladder[1], samples=3)
    constant = replace(made.profile, policy=replace(made.profile.policy, always=always))
    replay = Replay(constant, dict(made.search.forecasts))
    found = measure_policy(replay, made.learn)
    assert (found.always, found.max_waits, found.vote_most) == (None, 1, 0)
    assert {one.rung for one in found.evidence} == {0, 1, 2}
    assert {(one.arm, one.source, one.rung) for one in found.follow_ups} >= {("budget", 0, 1), ("budget", 0, 2)}
    assert all(one.arm in ("budget", "wait") for one in found.follow_ups), "no vote and no other effort"
    without = measure_policy(replay, [bare(one, 0) for one in made.learn])
    assert without.max_waits == 0
    assert "wait" not in {one.arm for one in without.follow_ups}


def test_no_more_waits_and_samples_are_taken_than_were_recorded(made: Tuned) -> None:
    recorded = [bare(one, 0) for one in made.learn]
    assert [count_recorded_waits(some) for some in (made.learn, recorded, [])] == [1, 0, 0]
    low = {OutcomeKey("low", 64): made.learn[0].outcomes[OutcomeKey("medium", 64)]}
    assert count_recorded_waits([*made.learn, replace(made.learn[0], outcomes=low)]) == 0
    sampled = replace(
        made.learn[0], outcomes={**made.learn[0].outcomes, OutcomeKey("medium", 64, 0, 3): low.popitem()[1]}
    )
    limited = [limit_to_recorded(Policy(max_waits=4), some) for some in (made.learn, [sampled], recorded)]
    assert [(one.max_waits, one.vote_most) for one in limited] == [(1, 0), (1, 3), (0, 0)]
    assert limit_to_recorded(Policy(max_waits=0, vote_most=2), [sampled]).vote_most == 2


def bare(one: RecordedQuestion, waits: int) -> RecordedQuestion:
    return replace(one, outcomes={k: o for k, o in one.outcomes.items() if k.waits <= waits})


WAYS = st.lists(st.tuples(st.lists(st.booleans(), min_size=4, max_size=4), st.integers(1, 6)), max_size=12)


@given(WAYS)
def test_no_member_of_the_front_beats_another_and_all_others_are_beaten(
    rows: list[tuple[list[bool], int]],
) -> None:
    ways = [(i, Way("", tuple(WayResult(right, Usage(answer=tokens)) for right in rights)))
            for i, (rights, tokens) in enumerate(rows)]  # fmt: skip
    places = {number: measure(way) for number, way in ways}
    front = [places[number] for number, _ in select_pareto(ways, lambda one: one[1])]
    assert front == sorted(set(front), reverse=True)
    assert not any(a != b and a[0] >= b[0] and a[1] <= b[1] for a in front for b in front)
    assert all(any(a[0] >= right and a[1] <= tokens for a in front) for right, tokens in places.values())
