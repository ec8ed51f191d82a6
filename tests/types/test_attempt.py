from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from adaptive.types.attempt import Attempt
from adaptive.types.usage import TOKEN_FIELDS, Usage
from adaptive.types.verdict import Verdict
from tests.support.attempts import ATTEMPTS, USAGES, VERDICTS

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
    assert (verdict.accepted, verdict.reason) == (None, "not verified: it did not answer within 5 s")
    assert (verdict.decided, verdict.rejected) == (False, False)
    before = {**verdict.to_json(), "accepted": False}  # what older versions wrote
    assert Verdict.from_json(before) == Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize("cost", [None, 0.0, 0.5])
def test_a_verdict_that_cost_nothing_changes_no_usage(cost: float | None) -> None:
    usage = Usage(prompt=3, answer=2, seconds=0.5, cost=cost)
    assert replace(PLAIN, usage=usage).with_verdict(Verdict(True, 1.0, "rules", "")).usage == usage
