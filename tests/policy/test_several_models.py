"""Ladders over several models: what may follow an attempt, and what limits leave of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptive.errors import InputError
from adaptive.policy.arms import EscalationState, Plan, list_plans
from adaptive.policy.ladder import limit_ladder, map_efforts, map_to_ladder
from adaptive.policy.routine import start_routine
from adaptive.types.attempt import Attempt, Round
from adaptive.types.forecast import NO_FORECAST
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine

B = "openai:b"
LADDER = Ladder(
    (
        Rung("low", 4096),
        Rung("none", 0, model=B),
        Rung("low", 4096, model=B),
        Rung("high", 32768),
        Rung("high", 16384, model=B),
    )
)


def attempt(rung: int, finish: str = "natural") -> Attempt:
    own = LADDER[rung]
    rounds = (Round(10, 0, "budget" if finish == "budget" else "natural"),) if own.thinks else ()
    end = finish if own.thinks else "none"
    return Attempt(rung, "first", own.effort, own.budget, 0, "4", "4", "", "answered", end, rounds=rounds)  # type: ignore[arg-type]


def plans_after(*attempts: Attempt, options: Options | None = None) -> dict[str, list[Plan]]:
    efforts = ("low", "high")
    state = EscalationState(attempts, LADDER, Policy(), NO_FORECAST, options or Options(), efforts)
    return {arm: plans for arm, plans in list_plans(state).items() if not isinstance(plans, str)}


def test_a_new_chain_is_at_a_higher_effort_or_at_a_dearer_rung_of_another_model() -> None:
    after = plans_after(attempt(0))
    assert [plan.index for plan in after["effort"]] == [1, 2, 3, 4]
    assert [plan.index for plan in plans_after(attempt(3))["effort"]] == [4]
    assert [plan.index for plan in plans_after(attempt(0), attempt(2))["effort"]] == [3, 4]
    assert all(plan.base is None and plan.rung.model == LADDER[plan.index].model for plan in after["effort"])


def test_after_an_answer_without_thinking_come_thinking_and_dearer_rungs() -> None:
    assert [plan.index for plan in plans_after(attempt(1))["budget"]] == [2, 3, 4]


@pytest.mark.parametrize("rung", [0, 2])
def test_a_chain_a_wait_and_a_vote_stay_on_one_model(rung: int) -> None:
    model = LADDER[rung].model
    cut, ended = plans_after(attempt(rung, "budget")), plans_after(attempt(rung))
    assert [plan.rung.model for plan in cut["budget"]] == [model]
    assert [plan.rung.budget for plan in cut["budget"]] == [16384 if model else 32768]
    for plan in (*cut["budget"], *ended["wait"], *ended["vote"]):
        assert plan.rung.model == LADDER[plan.index].model == model


def test_a_cap_leaves_every_rung_its_place() -> None:
    limited = limit_ladder(LADDER, Options(budget=8000))
    assert [rung.budget for rung in limited] == [4096, 0, 4096, 8000, 8000]
    assert [rung.model for rung in limited] == [rung.model for rung in LADDER]
    forecast = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert map_to_ladder(forecast, LADDER, limited) == [0.1, 0.2, 0.3, 0.1, 0.3], "what its own model does below"
    assert map_to_ladder(forecast, LADDER, LADDER) == forecast


def test_efforts_are_those_of_the_rungs_model() -> None:
    mapped, notes = map_efforts(LADDER, ("low", "medium"), B)
    assert [rung.effort for rung in mapped] == ["low", "none", "low", "high", "medium"]
    assert len(notes) == 1


def test_a_routine_is_at_its_own_model() -> None:
    plan = start_routine(Routine(LADDER[4]), LADDER, Options())
    assert (plan.index, plan.rung) == (4, LADDER[4])
    assert Routine(LADDER[4]).name == "openai:b high 16384"
    assert Routine(LADDER[1]).name == "openai:b without thinking"


def test_only_the_budgets_of_one_model_must_rise() -> None:
    with pytest.raises(InputError, match="must be ordered by budget"):
        Ladder((LADDER[0], LADDER[3], replace(LADDER[4], model="")))
    assert Ladder.from_json(LADDER.to_json()) == LADDER
