"""The first rungs of a search are those that a solve chooses, one question and one worth at a time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.tuning.first_rungs import FirstRungs
from adaptive.policy.utility import choose_promising_rung
from adaptive.types.forecast import Forecast
from adaptive.types.policy import Policy
from tests.policy.test_policy_properties import MOST, POLICIES, WORTHS, forecasts


@given(POLICIES, st.lists(forecasts(MOST), min_size=1, max_size=5), st.none() | WORTHS, st.booleans())
def test_many_questions_get_the_rungs_of_solves(
    policy: Policy, some: list[Forecast], worth: float | None, escalates: bool
) -> None:
    asked = replace(policy, worth=worth, escalates=escalates)
    alone = [choose_promising_rung(range(MOST), asked, one) for one in some]
    assert FirstRungs(policy, some).choose(asked) == alone


def test_of_rungs_that_promise_the_same_the_cheapest_on_the_ladder_is_chosen() -> None:
    forecast = Forecast((0.5, 0.5, 0.25), (100.0, 100.0, 50.0))
    assert FirstRungs(Policy(), [forecast]).choose(Policy(worth=200.0)) == [0]
