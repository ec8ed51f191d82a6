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
from adaptive.types.forecast import NO_FORECAST, Forecast
from adaptive.types.ladder import EFFORTS, Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Evidence, FollowUp, Policy
from adaptive.types.routine import Routine
from adaptive.types.usage import CostUnit, Usage
from adaptive.types.verdict import Verdict
from tests.policy.attempts import LADDER, TOKENS, P, attempt
from tests.support.solving import list_follow_ups

POLICY = Policy(worth=1000, vote_most=0)
PAYING = list_follow_ups(len(LADDER))


def rows(ladder: Ladder) -> list[tuple[str, int, int]]:
    return [(r.effort, r.budget, r.waits) for r in ladder]


def after(*attempts: Attempt, options: Options | None = None, p: Sequence[float] = P, **policy: Any) -> Plan | str:
    known = replace(POLICY, **{"follow_ups": PAYING, **policy})
    return choose_next_plan(EscalationState(attempts, LADDER, known, expect(p), options or Options()))


def expect(p: Sequence[float]) -> Forecast:
    return Forecast(tuple(p), TOKENS) if p else NO_FORECAST


def first(p: Sequence[float], options: Options | None = None, **policy: Any) -> Plan:
    """The first attempt of a solve, as a solver chooses it."""
    options = options or Options()
    ladder = limit_ladder(LADDER, options)
    rows = (tuple(map_to_ladder(row, LADDER, ladder)) for row in (p, TOKENS if p else ()))
    return choose_first_rung(ladder, replace(POLICY, **policy), Forecast(*rows), options, LADDER)


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
        (Options(max_output_tokens=560), [("none", 0, 0), ("low", 64, 0), ("medium", 160, 0), ("high", 512, 1)]),
        (Options(max_output_tokens=148), [("none", 0, 0), ("low", 64, 0), ("medium", 100, 0)]),
        (Options(max_output_tokens=60), [("none", 0, 0), ("low", 30, 0)]),
        (Options(max_output_tokens=148, budget=70), [("none", 0, 0), ("low", 64, 0), ("medium", 70, 0)]),
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
        (Options(effort="high", max_output_tokens=148), [0.1, 0.6, 0.6]),
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
    ("p", "worth", "index"),
    [
        ((0.5, 0.55, 0.6, 0.9), 1000, 0),
        ((0.1, 0.8, 0.85, 0.9), 1000, 1),
        ((0.1, 0.5, 0.79, 0.95), 1000, 2),
        ((0.1, 0.2, 0.5, 1.0), 1000, 3),
        ((0.1, 0.9, 0.6, 0.2), 1000, 1),  # more thinking breaks it
        ((0.9, 0.1, 0.1, 0.1), 1000, 0),
        ((0.1, 0.8, 0.9, 0.9), 1000, 1),  # as much as the next one promises: the cheaper
        ((0.0, 0.0, 0.0, 0.0), 1000, 0),  # nothing is lost by the direct answer
        ((0.1, 0.9, 0.95, 0.99), 50, 0),
        ((0.1, 0.9, 0.95, 0.99), 100, 1),
        ((0.1, 0.9, 0.95, 0.99), 5000, 2),
        ((0.1, 0.9, 0.95, 0.99), 10_000, 3),
        ((0.1, 0.9, 0.95, 0.9501), None, 3),  # whatever it takes
        ((0.1, 0.9, 0.95, 0.95), None, 2),
    ],
)
def test_the_rung_that_promises_most_comes_first(p: tuple[float, ...], worth: float | None, index: int) -> None:
    plan = first(p, worth=worth)
    assert (plan.index, plan.rung, plan.arm) == (index, replace(LADDER[index], waits=0), "first")
    assert plan.reason == f"promises most: p(solved) {p[index]:.2f} for about {TOKENS[index]} tokens"


SURE, BLIND = Evidence(0, (6.0,), (-6.0,)), Evidence(0, (0.0,), (0.0,))
THINK = FollowUp("budget", 0, 1, right=0.1, bias=0.0, slope=1.0, breaks=0.0, cost=1.0)


@pytest.mark.parametrize(
    ("index", "policy"),
    [
        (1, {}),
        (1, {"evidence": (SURE,)}),  # nothing was measured to follow
        (1, {"follow_ups": (THINK,)}),  # no verdict tells when to follow
        (0, {"follow_ups": (THINK,), "evidence": (SURE,)}),
        (1, {"follow_ups": (THINK,), "evidence": (SURE,), "max_attempts": 1}),
        (1, {"follow_ups": (replace(THINK, source=1),), "evidence": (SURE,)}),
        (1, {"follow_ups": (THINK,), "evidence": (replace(SURE, rung=2),)}),
        (1, {"follow_ups": (replace(THINK, cost=9.0),), "evidence": (SURE,)}),
        (1, {"follow_ups": (replace(THINK, breaks=1.0),), "evidence": (BLIND,)}),
    ],
)
def test_a_cheap_rung_comes_first_if_its_verdict_tells_when_more_pays(index: int, policy: dict[str, Any]) -> None:
    """Alone the direct answer promises 260 of 1,000 tokens, the next rung 700: what follows must add the rest."""
    assert first((0.3, 0.8, 0.85, 0.9), **policy).index == index


@pytest.mark.parametrize(("most", "index"), [(1, 1), (2, 0), (None, 0)])
def test_if_the_caller_allows_one_attempt_nothing_that_may_follow_counts(most: int | None, index: int) -> None:
    policy: dict[str, Any] = {"follow_ups": (THINK,), "evidence": (SURE,), "max_attempts": 1 if most == 2 else 4}
    assert first((0.3, 0.8, 0.85, 0.9), Options(max_attempts=most), **policy).index == index


def test_what_follows_a_rung_beyond_a_limited_ladder_does_not_count() -> None:
    policy = {"follow_ups": (replace(THINK, rung=3),), "evidence": (SURE,), "worth": 10_000.0}
    plan = choose_first_rung(
        Ladder(LADDER.rungs[:2]), Policy(**policy), Forecast((0.3, 0.8), (40, 100)), Options()
    )
    assert plan.index == 1


@pytest.mark.parametrize(
    ("p", "options", "index", "reason"),
    [
        ((), Options(), 1, "no difficulty model was trained"),
        ((0.9, 0.9, 0.9, 0.9), Options(adapt=False), 3, "one attempt"),
        ((0.1, 0.9, 0.9, 0.9), Options(effort="none"), 0, "promises most"),
        ((), Options(effort="none"), 0, "no rung of this ladder thinks"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=100), 2, "a budget of 100 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=160), 2, "a budget of 160 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(budget=900, effort="low"), 4, "a budget of 900 tokens was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="low"), 1, "the effort low was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="high"), 3, "the effort high was asked for"),
        ((0.9, 0.9, 0.9, 0.9), Options(effort="xhigh"), 3, "the effort xhigh was asked for"),
        ((0.1, 0.9, 0.9, 0.9), Options(budget=0), 0, "promises most"),
    ],
)
def test_what_the_options_ask_for_comes_first(
    p: tuple[float, ...], options: Options, index: int, reason: str
) -> None:
    plan, ladder = first(p, options), limit_ladder(LADDER, options)
    waits = 0 if options.adapt else ladder[index].waits  # adaptively, a Wait is taken only on a rejection
    assert (plan.index, plan.rung, plan.arm) == (index, replace(ladder[index], waits=waits), "first")
    assert reason in plan.reason


MEDIUM, DIRECT = LADDER[2], Plan(0, LADDER[0], "first", "")


@pytest.mark.parametrize(
    ("routine", "options", "plan"),
    [
        (Routine(MEDIUM), Options(), Plan(2, MEDIUM, "first", "")),
        (Routine(replace(MEDIUM, waits=9)), Options(), Plan(2, replace(MEDIUM, waits=9), "first", "")),
        (Routine(replace(MEDIUM, waits=9)), Options(waits=2), Plan(2, replace(MEDIUM, waits=2), "first", "")),
        (Routine(MEDIUM, 4), Options(), Plan(2, MEDIUM, "vote", "", samples=4, every_sample=True)),
        (Routine(MEDIUM, 4), Options(samples=2), Plan(2, MEDIUM, "vote", "", samples=2, every_sample=True)),
        (Routine(MEDIUM, 4), Options(samples=9), Plan(2, MEDIUM, "vote", "", samples=4, every_sample=True)),
        (Routine(MEDIUM, 4), Options(samples=0), Plan(2, MEDIUM, "first", "")),
        (Routine(MEDIUM, after_direct=True), Options(), DIRECT),
        (Routine(MEDIUM), Options(effort="none"), DIRECT),
        (Routine(MEDIUM, 4), Options(budget=0), DIRECT),
        (Routine(LADDER[0], 4), Options(effort="none"),
         Plan(0, LADDER[0], "vote", "", samples=4, every_sample=True)),
        (Routine(Rung("high", 4000), early_stops=False), Options(),
         Plan(3, Rung("high", 4000), "first", "", early_stops=False)),
        (Routine(Rung("low", 160)), Options(), Plan(2, Rung("low", 160), "first", "")),
        (Routine(Rung("xhigh", 512)), Options(), Plan(3, Rung("high", 512), "first", "")),
        (Routine(Rung("default", 4000)), Options(), Plan(0, Rung("default", 4000), "first", "")),
    ],
)  # fmt: skip
def test_a_routine_comes_first_whatever_is_expected(routine: Routine, options: Options, plan: Plan) -> None:
    begun = first(P, options, always=routine)
    assert replace(begun, reason="") == plan
    assert begun.reason == f"tuning found nothing better than this at every question: {routine.name}"


@pytest.mark.parametrize("options", [Options(budget=64), Options(effort="high"), Options(adapt=False)])
def test_what_the_options_ask_for_comes_before_a_routine(options: Options) -> None:
    assert first(P, options, always=Routine(MEDIUM, 4)) == first(P, options)


def test_nothing_follows_a_routine_but_what_is_asked_for() -> None:
    always = Routine(MEDIUM)
    assert after(attempt(2, "budget"), always=always) == "tuning found nothing that pays after this"
    asked = after(attempt(2, "natural"), always=always, options=Options(waits=1))
    assert isinstance(asked, Plan)
    assert asked.arm == "wait"


def test_a_rung_follows_a_direct_answer_that_is_not_accepted_and_then_nothing() -> None:
    always = Routine(MEDIUM, after_direct=True)
    plan = after(attempt(0), always=always)
    assert plan == Plan(2, MEDIUM, "budget", "the direct answer is not accepted")
    assert after(attempt(0), attempt(2, "natural"), always=always) == "tuning found nothing that pays after this"
    assert after(attempt(0), always=always, options=Options(max_attempts=1)) == "reached the limit of 1 attempts"


def test_another_worth_takes_the_place_of_a_routine() -> None:
    constant = replace(POLICY, always=Routine(MEDIUM, 4))
    assert constant.with_worth(None) is constant
    assert constant.with_worth(50.0) == constant.with_worth("50tok") == replace(POLICY, worth=50.0)
    dollars = replace(POLICY, unit="dollars")
    assert dollars.with_worth(0.02).worth == dollars.with_worth("0.02 USD").worth == 20_000
    unmeasured = replace(constant, measured=False)
    assert unmeasured.with_worth("0.02usd") is unmeasured, "without a measurement a worth means nothing"


@pytest.mark.parametrize(
    ("unit", "worth", "said"),
    [
        (
            "tokens",
            "0.02usd",
            "the worth 0.02usd is in dollars, but this profile counts tokens: give it as 2000tok.",
        ),
        ("dollars", "9tok", "the worth 9tok is in tokens, but this profile counts dollars: give it as 0.02usd."),
    ],
)
def test_a_worth_in_another_unit_is_refused(unit: CostUnit, worth: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        replace(POLICY, unit=unit).with_worth(worth)
    assert str(refused.value) == said


def test_one_attempt_has_exactly_the_budget_and_the_waits_asked_for() -> None:
    for budget, waits in [(1, 0), (64, 3), (100, 1), (2000, 7)]:
        options = Options(adapt=False, budget=budget, waits=waits)
        plan = choose_first_rung(limit_ladder(LADDER, options), POLICY, expect(P), options)
        assert (plan.rung.budget, plan.rung.waits) == (budget, waits)
        assert after(attempt(plan.index - 1, "budget"), options=options) == "asked for one attempt"


def test_a_rejected_direct_answer_is_thought_about() -> None:
    plan = after(attempt(0), p=(0.6, 0.7, 0.85, 0.9))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung, plan.arm) == (1, LADDER[1], "budget")
    alone = EscalationState([attempt(0)], Ladder((LADDER[0],)), POLICY, Forecast((0.6,), (40,)), Options())
    assert choose_next_plan(alone) == "no rung above thinks; there is no better model"


def test_a_chain_that_its_budget_cut_gets_more_room_at_the_effort_it_began_with() -> None:
    (further,) = (f for f in PAYING if (f.arm, f.source, f.rung) == ("budget", 1, 2))
    plan = after(attempt(1, "natural", "budget", waits=1), follow_ups=(further,))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung, plan.arm, plan.base) == (2, Rung("low", 160, 1), "budget", 0)
    assert plan.reason.startswith("cut at 64 tokens: continue to 160; budget promises +9")
    stopped = after(attempt(3, "budget"), options=Options(effort="low"))
    assert str(stopped).startswith("the top budget of 512 tokens is used up; the effort low was asked for; ")


FURTHER = tuple(FollowUp("budget", 1, rung, 0.4, bias=0.0, slope=1.0, breaks=0.0, cost=1.0) for rung in (2, 3))


@pytest.mark.parametrize(
    ("p", "score", "index"),
    [
        ((0.1, 0.2, 0.9, 0.9), 0.4, 2),  # promises 340, the top one 40
        ((0.1, 0.2, 0.3, 0.95), 0.4, 3),  # promises -20, the top one 70
        ((0.1, 0.2, 0.3, 0.95), 0.6, None),  # the answer may well be right
        ((0.1, 0.2, 0.3, 0.95), 0.1, 3),
        ((0.1, 0.2, 0.3, 0.4), 0.4, None),  # nothing is likely to help
        ((), 0.8, 2),  # nothing is known about the question: the verdict alone tells how far it was
        ((), 0.2, 3),
    ],
)
def test_a_rejected_rung_jumps_as_far_as_verdict_and_difficulty_suggest(
    p: Sequence[float], score: float, index: int | None
) -> None:
    plan = after(attempt(1, "budget", verdict=Verdict(False, score, "learned", "")), p=p, follow_ups=FURTHER)
    if index is None:
        assert str(plan).startswith("hopeless: budget promises -")
        return
    assert isinstance(plan, Plan)
    assert (plan.arm, plan.index) == ("budget", index)


@pytest.mark.parametrize("tokens", [20, 80, 400, 510])
@pytest.mark.parametrize("rung", [1, 2, 3])
def test_a_chain_that_ended_gets_a_wait_with_the_room_of_the_top_rung(rung: int, tokens: int) -> None:
    plan = after(attempt(rung, "natural", tokens=tokens))
    assert isinstance(plan, Plan)
    assert (plan.index, plan.rung) == (3, Rung(LADDER[rung].effort, 512, 1))
    assert (plan.arm, plan.base) == ("wait", 0)


def test_waits_are_counted_by_the_ends_put_off_whatever_was_said() -> None:
    """An empty wait string injects nothing; a wait of an earlier attempt is a wait of the chain."""
    plan = after(attempt(1, "natural", "natural", tokens=9), max_waits=2)
    assert isinstance(plan, Plan)
    assert plan.rung.waits == 2
    third = after(attempt(1, "natural", "natural", "natural", tokens=9))
    assert str(third).startswith("reached the limit of 2 Waits; ")


WAIT, VOTE = FollowUp("wait", 1, 3, 0.3, -2.0, 0.0, 0.0, 1.0), FollowUp("vote", 1, 1, 0.3, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("follow_ups", "expected"),
    [
        ((replace(WAIT, cost=0.1), VOTE), "vote"),
        ((replace(WAIT, cost=0.01), replace(VOTE, cost=3.0)), "wait"),  # it mends 8 of 100 for 5 tokens
        ((replace(WAIT, cost=0.1, breaks=0.9), replace(VOTE, cost=3.4)), "vote"),
        ((replace(WAIT, source=2, bias=3.0), VOTE), "vote"),  # measured after another rung
        ((replace(WAIT, rung=2, bias=3.0), VOTE), "vote"),  # with the room of another rung
    ],
)
def test_the_arm_that_promises_most_is_taken(follow_ups: tuple[FollowUp, ...], expected: str) -> None:
    plan = after(attempt(1, "natural"), follow_ups=follow_ups, vote_most=8)
    assert isinstance(plan, Plan)
    assert plan.arm == expected
    assert f"; {expected} promises +" in plan.reason


def state_of_losing_arms(**options: Any) -> EscalationState:
    losing = tuple(replace(one, bias=-9.0) for one in (WAIT, VOTE))
    policy = Policy(worth=1000, follow_ups=losing)
    return EscalationState([attempt(1, "natural")], LADDER, policy, expect(P), Options(**options), EFFORTS)


def test_if_nothing_promises_anything_it_gives_up_and_says_so() -> None:
    reason = choose_next_plan(state_of_losing_arms())
    assert reason == "hopeless: vote promises -100 tokens, and nothing promises more"
    assert isinstance(choose_next_plan(replace(state_of_losing_arms(), better=1)), Plan), "a better model may"


@pytest.mark.parametrize(
    ("options", "arm"),
    [({"waits": 1}, "wait"), ({"samples": 3}, "vote"), ({"stop": "loop"}, "vote"), ({"stop": "none"}, "vote")],
)
def test_what_was_asked_for_need_not_promise_anything(options: dict[str, Any], arm: str) -> None:
    plan = choose_next_plan(state_of_losing_arms(**options))
    assert isinstance(plan, Plan)
    assert plan.arm == arm


def test_what_was_not_measured_promises_nothing() -> None:
    state = replace(state_of_losing_arms(), policy=replace(POLICY, follow_ups=(), vote_most=8))
    assert choose_next_plan(state) == "hopeless: of what is left nothing was measured to help"
    for options, arm in ((Options(waits=1), "wait"), (Options(samples=3), "vote"), (Options(stop="none"), "wait")):
        plan = choose_next_plan(replace(state, options=options))
        assert isinstance(plan, Plan)
        assert plan.arm == arm
        assert plan.reason.endswith(f"; what {arm} brings was not measured")


def test_only_a_calibrated_score_takes_the_place_of_what_was_measured() -> None:
    """Of 100 rejected answers 30 were right: a learned verdict says more of this one, another score does not."""
    for verifier, arm in (("confidence", "vote"), ("learned", None)):
        verdict = Verdict(False, 0.95, verifier, "")
        plan = after(attempt(1, "natural", verdict=verdict), follow_ups=(VOTE,), vote_most=8)
        assert (plan.arm if isinstance(plan, Plan) else None) == arm


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
    assert str(after(*attempts, options=options)).split("; ")[0] == reason


def test_it_says_of_every_arm_why_it_stops() -> None:
    reason = after(attempt(1, "natural", answer=None), options=Options(samples=2))
    assert reason == "the model ended without a final answer; there is no better model"
    repeats = after(attempt(1, "natural", "loop"))
    assert repeats == "the answer repeats; no higher effort is known; no votes are taken; there is no better model"


def test_tokens_under_the_limit_leave_room_for_an_attempt() -> None:
    assert isinstance(after(attempt(0, usage=Usage(prompt=99)), options=Options(max_tokens=100)), Plan)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"effort": "huge"},
            "effort must be one of none, minimal, low, medium, high, xhigh, max or None, got 'huge'",
        ),
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
