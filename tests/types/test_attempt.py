from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.types.attempt import Arm, Attempt, Finish, Round, RoundEnd, Status
from adaptive.types.ladder import EFFORTS
from adaptive.types.usage import TOKEN_FIELDS, Usage
from adaptive.types.verdict import Verdict

COUNT = st.integers(0, 10**6)
COST = st.none() | st.floats(0, 10)
SHARE = st.floats(0, 1)
# Seconds are written with four places.
SECONDS = st.integers(0, 10**6).map(lambda n: round(n / 10_000, 4))
USAGES = st.builds(
    Usage,
    **dict.fromkeys((*TOKEN_FIELDS, "cached"), COUNT),
    seconds=SECONDS,
    cost=COST,
    estimated=st.sets(st.sampled_from(TOKEN_FIELDS)).map(lambda names: tuple(sorted(names))),
)
VERDICTS = st.builds(Verdict, st.booleans(), SHARE, st.text(), st.text(), usage=st.none() | USAGES) | st.builds(
    Verdict.undecided, SHARE, st.text(), st.text(), st.none() | USAGES
)
ROUNDS = st.builds(Round, COUNT, COUNT, st.sampled_from(get_args(RoundEnd)))
ATTEMPTS = st.builds(
    Attempt,
    rung=st.integers(0, 5),
    arm=st.sampled_from(get_args(Arm)),
    effort=st.sampled_from(EFFORTS),
    budget=COUNT,
    waits=COUNT,
    answer=st.none() | st.text(),
    text=st.text(),
    thinking=st.text(),
    status=st.sampled_from(get_args(Status)),
    finish=st.sampled_from(get_args(Finish)),
    rounds=st.lists(ROUNDS, max_size=4).map(tuple),
    trace=st.lists(COUNT, max_size=9).map(tuple),
    confidence=st.none() | SHARE,
    verdict=st.none() | VERDICTS,
    usage=USAGES,
    reason=st.text(),
)
PLAIN = Attempt(1, "first", "low", 64, 0, "4", r"\boxed{4}", "2+2", "answered", "natural")


@given(ATTEMPTS)
def test_an_attempt_survives_json(attempt: Attempt) -> None:
    assert Attempt.from_json(json.loads(json.dumps(attempt.to_json()))) == attempt


@given(USAGES, USAGES)
def test_usages_add_up(one: Usage, other: Usage) -> None:
    both = one + other
    assert both.total == one.total + other.total
    assert both.cached == one.cached + other.cached
    assert both.seconds == one.seconds + other.seconds
    assert set(both.estimated) == {*one.estimated, *other.estimated}


@given(USAGES)
def test_the_total_counts_each_token_once(usage: Usage) -> None:
    assert usage.total == sum(usage.to_json()[name] for name in TOKEN_FIELDS) == usage.to_json()["total"]
    assert replace(usage, cached=usage.cached + 7).total == usage.total


@pytest.mark.parametrize(
    ("one", "other", "cost"), [(0.5, 0.25, 0.75), (0.0, 0.5, 0.5), (None, 0.5, None), (0.5, None, None)]
)
def test_an_unknown_price_is_unknown_never_0(one: float | None, other: float | None, cost: float | None) -> None:
    assert (Usage(cost=one) + Usage(cost=other)).cost == cost
    assert Usage().cost is None


@given(ATTEMPTS, VERDICTS, USAGES)
def test_what_a_verdict_cost_is_added(attempt: Attempt, verdict: Verdict, spent: Usage) -> None:
    judged = attempt.with_verdict(replace(verdict, usage=spent))
    assert judged.verdict == replace(verdict, usage=spent)
    assert judged.usage == attempt.usage + spent


def test_what_could_not_be_verified_is_no_acceptance() -> None:
    verdict = Verdict.undecided(0.5, "judge", "it did not answer within 5 s")
    assert (verdict.accepted, verdict.reason) == (False, "not verified: it did not answer within 5 s")
    with pytest.raises(ValueError, match="cannot accept"):
        replace(verdict, accepted=True)


@pytest.mark.parametrize("cost", [None, 0.0, 0.5])
def test_a_verdict_that_cost_nothing_changes_no_usage(cost: float | None) -> None:
    usage = Usage(prompt=3, answer=2, seconds=0.5, cost=cost)
    assert replace(PLAIN, usage=usage).with_verdict(Verdict(True, 1.0, "rules", "")).usage == usage
