from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.policy.allocate import choose_first_rung
from adaptive.policy.arms import EscalationState, Plan
from adaptive.policy.escalate import choose_next_plan
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.policy.select import VOTE_VERIFIER, select_best_attempt
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.policy.attempts import LADDER, P, attempt

POLICY = Policy(vote_most=0)


def rows(ladder: Ladder) -> list[tuple[str, int, int]]:
    return [(r.effort, r.budget, r.waits) for r in ladder]


def after(*attempts: Attempt, options: Options | None = None, p: Sequence[float] = P, **policy: Any) -> Plan | str:
    return choose_next_plan(EscalationState(attempts, LADDER, replace(POLICY, **policy), p, options or Options()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0), ("high", 512, 1)]),
        (Options(effort="low"), [("none", 0, 0), ("low", 64, 0), ("low", 160, 0), ("low", 512, 1)]),
        (Options(effort="none"), [("none", 0, 0)]),
        (Options(effort="none", budget=64, waits=2), [("none", 0, 0)]),
        (Options(budget=0), [("none", 0, 0)]),
        (Options(budget=0, effort="high", waits=3), [("none", 0, 0)]),
        (Options(budget=30), [("none", 0, 0), ("low", 30, 0)]),
        (Options(budget=100), [("none", 0, 0), ("low", 64, 0), ("medium", 100, 0)]),
        (Options(budget=160), [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0)]),
        (
            Options(budget=900),
            [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0), ("high", 512, 1), ("high", 900, 1)],
        ),
        (Options(waits=0), [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0), ("high", 512, 0)]),
        (Options(waits=3), [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0), ("high", 512, 3)]),
        (Options(budget=64, waits=2), [("none", 0, 0), ("low", 64, 2)]),
    ],
)
def test_a_ladder_is_shaped_by_the_options(options: Options, expected: list[tuple[str, int, int]]) -> None:
    assert rows(limit_ladder(LADDER, options)) == expected


def test_a_ladder_that_never_thinks_gets_a_thinking_rung_for_a_budget() -> None:
    never = Ladder((Rung("none", 0),))
    assert rows(limit_ladder(never, Options(budget=40))) == [("none", 0, 0), ("medium", 40, 0)]
    assert rows(limit_ladder(never, Options(waits=2))) == [("none", 0, 0)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), [0.1, 0.6, 0.7, 0.9]),
        (Options(budget=512), [0.1, 0.6, 0.7, 0.9]),
        (Options(budget=160), [0.1, 0.6, 0.7]),
        (Options(budget=159), [0.1, 0.6, 0.6]),
        (Options(budget=64), [0.1, 0.6]),
        (Options(budget=63), [0.1, 0.1]),
        (Options(budget=900), [0.1, 0.6, 0.7, 0.9, 0.9]),
        (Options(budget=0), [0.1]),
        (Options(effort="none"), [0.1]),
        (Options(effort="high"), [0.1, 0.6, 0.7, 0.9]),
    ],
)
def test_a_rung_of_its_own_solves_what_the_largest_below_it_does(options: Options, expected: list[float]) -> None:
    assert map_to_ladder(P, LADDER, limit_ladder(LADDER, options)) == expected


def test_a_ladder_without_a_base_rung_and_one_of_equal_budgets() -> None:
    bare = Ladder((Rung("low", 64), Rung("medium", 64), Rung("high", 64)))
    assert map_to_ladder((0.2, 0.4, 0.8), bare, bare) == [0.2, 0.4, 0.8]
    assert map_to_ladder((0.2, 0.4, 0.8), bare, limit_ladder(bare, Options(budget=20))) == [0.2]
    assert map_to_ladder((), bare, limit_ladder(bare, Options(budget=20))) == []


@pytest.mark.parametrize(
    ("p", "options", "index", "reason"),
    [
        ((0.5, 0.9, 0.9, 0.9), Options(), 0, "p(solved without thinking) 0.50"),
        ((0.49, 0.8, 0.9, 0.9), Options(), 1, "at least 0.80"),
        ((0.1, 0.5, 0.79, 0.95), Options(), 3, "at least 0.80"),
        ((0.1, 0.2, 0.69, 0.7), Options(), 2, "about as likely as the top"),
        ((0.0, 0.0, 0.0, 0.0), Options(), 1, "about as likely as the top"),
        ((), Options(), 1, "no difficulty model was trained"),
        ((0.9, 0.9, 0.9, 0.9), Options(adapt=False), 3, "one attempt"),
        ((0.1, 0.9, 0.9, 0.9), Options(effort="none"), 0, "no rung of this ladder thinks"),
        ((), Options(effort="none"), 0, "no rung of this ladder thinks"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=100), 2, "a budget of 100 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=160), 2, "a budget of 160 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=900, effort="low"), 4, "a budget of 900 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="low"), 1, "the effort low was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="high"), 3, "the effort high was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="xhigh"), 3, "the effort xhigh was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=0), 0, "try the direct answer"),
    ],
)
def test_the_first_rung(p: tuple[float, ...], options: Options, index: int, reason: str) -> None:
    ladder = limit_ladder(LADDER, options)
    plan = choose_first_rung(ladder, POLICY, map_to_ladder(p, LADDER, ladder), options, LADDER)
    waits = 0 if options.adapt else ladder[index].waits  # adaptively, a Wait is taken only on a rejection
    assert (plan.index, plan.rung, plan.arm) == (index, replace(ladder[index], waits=waits), "first")
    assert reason in plan.reason


def test_one_attempt_has_exactly_the_budget_and_the_waits_asked_for() -> None:
    for budget, waits in [(1, 0), (64, 3), (100, 1), (2000, 7)]:
        options = Options(adapt=False, budget=budget, waits=waits)
        plan = choose_first_rung(limit_ladder(LADDER, options), POLICY, P, options)
        assert (plan.rung.budget, plan.rung.waits) == (budget, waits)
        assert after(attempt(plan.index - 1, "budget"), options=options) == "asked for one attempt"


def test_a_rejected_direct_answer_is_thought_about() -> None:
    plan = after(attempt(0), p=(0.6, 0.7, 0.85, 0.9))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung, plan.arm) == (2, LADDER[2], "budget")
    alone = EscalationState([attempt(0)], Ladder((LADDER[0],)), POLICY, (0.6,), Options())
    assert choose_next_plan(alone) == "no rung above thinks"


def test_a_chain_that_its_budget_cut_gets_more_room_at_the_effort_it_began_with() -> None:
    plan = after(attempt(1, "natural", "budget", waits=1), p=(0.1, 0.2, 0.9, 0.9))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung, plan.arm, plan.base) == (2, Rung("low", 160, 1), "budget", 0)
    assert plan.reason.startswith("cut at 64 tokens: continue to 160")
    assert after(attempt(3, "budget"), options=Options(effort="low")) == "the top budget of 512 tokens is used up"


@pytest.mark.parametrize(
    ("p", "score", "index"),
    [
        ((0.1, 0.2, 0.9, 0.9), 0.4, 2),  # the next rung solves seven of eight that this one does not
        ((0.1, 0.6, 0.7, 0.9), 0.4, 3),  # the next one a quarter, the top three quarters
        ((0.1, 0.6, 0.6, 0.6), 0.4, 2),
        ((), 0.8, 2),
        ((), 0.2, 3),
    ],
)
def test_a_rejected_rung_jumps_as_far_as_verdict_and_difficulty_suggest(
    p: Sequence[float], score: float, index: int
) -> None:
    plan = after(attempt(1, "budget", verdict=Verdict(False, score, "", "")), p=p)
    assert isinstance(plan, Plan)
    assert (plan.arm, plan.index) == ("budget", index)


@pytest.mark.parametrize(("tokens", "index"), [(20, 1), (31, 1), (32, 2), (79, 2), (80, 3), (400, 3), (510, 3)])
def test_a_chain_that_ended_gets_one_wait_where_a_check_of_it_has_room(tokens: int, index: int) -> None:
    plan = after(attempt(1, "natural", tokens=tokens))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung.budget, plan.rung.waits) == (index, LADDER[index].budget, 1)
    assert (plan.arm, plan.rung.effort) == ("wait", "low")


def test_a_wait_never_goes_down_the_ladder() -> None:
    plan = after(attempt(2, "natural", tokens=20))
    assert isinstance(plan, Plan)
    assert plan.index == 2


def test_waits_are_counted_by_the_ends_put_off_whatever_was_said() -> None:
    """An empty wait string injects nothing; a wait of an earlier attempt is a wait of the chain."""
    plan = after(attempt(1, "natural", "natural", tokens=9), max_waits=2)
    assert isinstance(plan, Plan)
    assert plan.rung.waits == 2
    assert after(attempt(1, "natural", "natural", "natural", tokens=9)) == "reached the limit of 2 Waits"


NO_ROOM = "the top budget of 512 tokens has no room for another round"
STOPS: list[tuple[list[Attempt], Options, str]] = [
    ([attempt(1, "natural", "converged")], Options(), "the answer repeats"),
    ([attempt(1, "natural", "loop")], Options(waits=9), "the answer repeats"),
    ([attempt(1, "natural", answer=None)], Options(), "the model ended without a final answer"),
    ([attempt(1, "natural")], Options(waits=0), "reached the limit of 0 Waits"),
    ([attempt(3, "natural", "natural")], Options(waits=1), "reached the limit of 1 Waits"),
    ([attempt(1, "context")], Options(), "the context window is full"),
    ([attempt(3, "natural", tokens=511)], Options(), NO_ROOM),
    ([attempt(3, "natural", tokens=505), attempt(3, "natural", tokens=505, arm="wait")], Options(), NO_ROOM),
    ([attempt(0), attempt(1, "budget")], Options(max_attempts=2), "reached the limit of 2 attempts"),
    ([attempt(0)] * 4, Options(), "reached the limit of 4 attempts"),
    (
        [attempt(0, usage=Usage(prompt=60, answer=40))],
        Options(max_tokens=100),
        "reached the limit of 100 tokens, 100 spent",
    ),
]


@pytest.mark.parametrize(("attempts", "options", "reason"), STOPS)
def test_why_it_stops(attempts: list[Attempt], options: Options, reason: str) -> None:
    assert after(*attempts, options=options) == reason


def test_tokens_under_the_limit_leave_room_for_an_attempt() -> None:
    assert isinstance(after(attempt(0, usage=Usage(prompt=99)), options=Options(max_tokens=100)), Plan)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"effort": "huge"}, "effort must be one of none, minimal, low, medium, high, xhigh or None, got 'huge'"),
        ({"budget": -1}, "budget must be 0 or more, got -1"),
        ({"waits": -1}, "waits must be 0 or more, got -1"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more, got 0"),
        ({"max_attempts": 0}, "max_attempts must be 1 or more, got 0"),
        ({"seed": -1}, "seed must be between 0 and 2147483647, got -1"),
        ({"temperature": float("nan")}, "temperature must be a finite number, got nan"),
        ({"temperature": 2.1}, "temperature must be between 0 and 2, got 2.1"),
        ({"wait_string": "Wait"}, "wait_string must be a tuple, got 'Wait'"),
    ],
)
def test_bad_options_are_refused_with_their_value(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Options(**options)


def rejected(rung: int, score: float, verifier: str = "confidence", **more: Any) -> Attempt:
    return attempt(rung, more.pop("end", "natural"), verdict=Verdict(False, score, verifier, ""), **more)


def test_what_a_cut_chain_answered_gives_way_to_what_it_answered_with_more_room() -> None:
    cut, whole = rejected(1, 0.9, end="budget"), rejected(2, 0.4, arm="budget", base=0)
    assert select_best_attempt([cut, whole]) == 1
    assert select_best_attempt([cut, replace(whole, answer=None)]) == 0
    assert select_best_attempt([cut.with_verdict(Verdict(True, 0.5, "check", "")), whole]) == 0
    assert select_best_attempt([cut, replace(whole, arm="wait")]) == 0, "a Wait does not know more"


def test_the_majority_goes_before_what_scored_higher_alone() -> None:
    assert select_best_attempt([rejected(1, 0.9), rejected(1, 0.6, VOTE_VERIFIER), rejected(1, 0.8)]) == 1
    assert (
        select_best_attempt(
            [rejected(1, 0.1).with_verdict(Verdict(True, 0.1, "check", "")), rejected(1, 0.6, VOTE_VERIFIER)]
        )
        == 0
    )
