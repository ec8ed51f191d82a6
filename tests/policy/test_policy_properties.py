"""What always holds of the policy, whatever the ladder, the options, the verdicts and the engine's luck."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adaptive.policy.allocate import choose_first_rung
from adaptive.policy.arms import ARM_ORDER, EscalationState, Plan, estimate_gain
from adaptive.policy.escalate import choose_next_plan
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.policy.select import select_best_attempt
from adaptive.reason.chain import Thought
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import EFFORTS, Effort, Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Payoff, Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.policy.attempts import LADDER, P, attempt

PURE = settings(max_examples=settings.default.max_examples * 3 // 2)  # type: ignore[union-attr]  # cheap: no model

VERDICT = st.none() | st.builds(
    Verdict, st.sampled_from((True, False, None)), st.sampled_from((0.0, 0.3, 0.6, 0.9)), st.just(""), st.just("")
)
JUDGED = st.lists(st.tuples(VERDICT, st.booleans()), min_size=1, max_size=8)


@PURE
@given(JUDGED)
@example([(Verdict(False, 0.9, "", ""), True), (Verdict(None, 0.3, "", ""), True)])
@example([(Verdict(None, 0.9, "", ""), True), (Verdict(True, 0.3, "", ""), True)])
def test_the_best_attempt_is_never_lost(verdicts: list[tuple[Verdict | None, bool]]) -> None:
    attempts = [attempt(1, "natural", answer="4" if a else None, verdict=v) for v, a in verdicts]
    kept = select_best_attempt(attempts[:1])
    for count in range(2, len(attempts) + 1):
        now = select_best_attempt(attempts[:count])
        assert now in (kept, count - 1)  # the one kept so far, or the new one
        assert (now == kept) == (_rank(attempts[count - 1]) <= _rank(attempts[kept]))
        kept = now


def _rank(one: Attempt) -> tuple[int, bool, float]:
    """Accepted before not verified before rejected; then an answer before none; then the score."""
    accepted, score = (one.verdict.accepted, one.verdict.score) if one.verdict else (False, 0.0)
    level = 2 if accepted else 1 if accepted is None and one.answer is not None else 0
    return level, one.answer is not None, score


RUNG = st.builds(Rung, st.sampled_from(EFFORTS[1:]), st.integers(1, 600), st.integers(0, 3))
LADDERS = st.tuples(st.lists(RUNG, min_size=1, max_size=4), st.booleans()).map(
    lambda drawn: Ladder((*((Rung("none", 0),) * drawn[1]), *sorted(drawn[0], key=lambda r: r.budget)))
)
OPTIONS = st.builds(
    Options,
    effort=st.none() | st.sampled_from(EFFORTS),
    budget=st.none() | st.integers(0, 700),
    waits=st.none() | st.integers(0, 4),
    adapt=st.sampled_from((True, True, True, False)),
    max_tokens=st.none() | st.integers(1, 4000),
    max_attempts=st.none() | st.integers(1, 7),
)
PAYOFFS = st.builds(
    Payoff,
    st.sampled_from(("wait", "budget", "vote", "effort", "model")),
    st.sampled_from(("direct", "cut", "ended")),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 900).map(float),
)
POLICIES = st.builds(
    Policy,
    max_attempts=st.integers(1, 6),
    max_waits=st.integers(0, 4),
    vote_most=st.integers(0, 5),
    payoffs=st.lists(PAYOFFS, max_size=4).map(tuple),
    hopeless=st.sampled_from((0.0, 0.3)),
)


def bought(plan: Plan, before: Attempt | None, draw: Any) -> Attempt:
    """What an engine could make of a plan: the chain of the attempt before, and rounds that end anyhow."""
    rung, thought = plan.rung, Thought.from_attempt(before) if before else Thought()
    if not rung.thinks:
        return _made(plan, Thought(), "none", draw)
    while thought.charged < rung.budget and (not thought.ended or thought.waits < rung.waits):
        wait = (7,) * (thought.ended and draw(st.integers(0, 2)))
        room = rung.budget - thought.charged - len(wait)
        if room < 1:
            break
        ends = ("natural", "natural", "budget", *(("loop", "converged") if thought.rounds else ()))
        end = draw(st.sampled_from(ends))
        thought = thought.with_round(
            wait, tuple(range(room if end == "budget" else draw(st.integers(0, room - 1)))), end
        )
        if end != "natural":
            break
    return _made(plan, thought, "natural" if thought.ended else "budget", draw)


def _made(plan: Plan, thought: Thought, finish: Any, draw: Any) -> Attempt:
    score = draw(st.sampled_from((0.0, 0.3, 0.6)))
    return replace(
        attempt(0),
        rung=plan.index,
        arm=plan.arm,
        effort=plan.rung.effort,
        budget=plan.rung.budget,
        waits=thought.waits,
        answer=draw(st.sampled_from((None, "4"))),
        finish=finish,
        rounds=thought.rounds,
        trace=thought.ids,
        verdict=Verdict(False, score, "", ""),
        usage=Usage(prompt=20 + len(thought.ids), answer=9),
    )


@PURE
@given(st.data(), LADDERS, OPTIONS, POLICIES, st.booleans(), st.sampled_from(((), EFFORTS[1:])))
def test_escalation_keeps_all_limits_and_ends(
    data: st.DataObject, own: Ladder, options: Options, policy: Policy, trained: bool, efforts: tuple[Effort, ...]
) -> None:
    chances = sorted(data.draw(st.floats(0, 1)) for _ in own) if trained else ()
    ladder = limit_ladder(own, options)
    p_solved = map_to_ladder(chances, own, ladder)
    plan: Plan | str = choose_first_rung(ladder, policy, p_solved, options)
    attempts: list[Attempt] = []
    steps = 0
    while isinstance(plan, Plan):
        _check_plan(plan, own, ladder, options, policy)
        _check_progress(plan, attempts)
        before = attempts[plan.base] if plan.base is not None else None
        last = len(attempts)
        for _ in range(data.draw(st.integers(1, plan.samples))):
            attempts.append(replace(bought(plan, before, data.draw), base=plan.base, model=plan.model))
        plan = choose_next_plan(EscalationState(attempts, ladder, policy, p_solved, options, efforts, 2))
        steps += 1
        assert steps <= (options.max_attempts or policy.max_attempts)
    assert plan
    assert options.adapt or len(attempts) == 1
    assert sum(a.usage.total for a in attempts[:last]) < (options.max_tokens or 10**9)


def _check_plan(plan: Plan, own: Ladder, ladder: Ladder, options: Options, policy: Policy) -> None:
    rung = plan.rung
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert rung.budget == ladder[plan.index].budget
    assert rung.budget <= max(own[own.top].budget, options.budget or 0)
    assert options.budget is None or rung.budget <= options.budget
    granted = max(policy.max_waits, *(r.waits for r in own)) if options.waits is None else options.waits
    assert rung.waits <= granted
    assert not rung.thinks or options.effort in (None, rung.effort)
    assert not (rung.thinks and options.effort == "none")
    if not options.adapt and rung.thinks:
        assert options.budget in (None, rung.budget)
        assert options.waits in (None, rung.waits)


def _check_progress(plan: Plan, attempts: Sequence[Attempt]) -> None:
    """Whatever comes after an attempt can go further than it; only a chain that goes on keeps its prompt."""
    if not attempts:
        return
    last = next(a for a in reversed(attempts) if a.arm != "vote")
    assert plan.arm in ARM_ORDER[{"none": "direct", "budget": "cut"}.get(last.finish, "ended")]
    assert plan.rung.thinks or plan.arm == "model"
    assert (plan.base is not None) == (plan.arm in ("wait", "budget") and last.finish != "none")
    assert plan.base is None or attempts[plan.base] is last
    assert (plan.samples > 1) == (plan.arm == "vote")
    assert plan.model == last.model + (plan.arm == "model")
    if plan.arm == "wait":
        assert plan.rung.waits == last.waits + 1
        assert plan.rung.budget > sum(r.tokens for r in last.rounds)
        assert last.rounds[-1].end == "natural"
        assert last.answer is not None
    if plan.arm == "budget":
        assert plan.rung.budget > last.budget
        assert plan.rung.waits >= last.waits
    if plan.base is not None or plan.arm == "vote":
        assert plan.rung.effort == last.effort
    if plan.arm == "effort":
        assert EFFORTS.index(plan.rung.effort) > max(EFFORTS.index(a.effort) for a in attempts)
    if plan.arm == "vote":
        assert all(a.arm != "vote" for a in attempts)


@PURE
@given(PAYOFFS, st.floats(0, 1), st.floats(0, 1))
def test_what_an_arm_promises_falls_as_the_answer_looks_better(payoff: Payoff, one: float, other: float) -> None:
    low, high = (estimate_gain(payoff, Verdict(False, p, "learned", "")) for p in sorted((one, other)))
    assert low >= high - 1e-9
    assert estimate_gain(payoff, Verdict(False, one, "confidence", "")) == estimate_gain(payoff, None)


@pytest.mark.parametrize(
    ("payoffs", "expected"),
    [
        ((Payoff("wait", "ended", 0.3, 0.1, 0, 100), Payoff("vote", "ended", 0.3, 0.4, 0, 200)), "vote"),
        ((Payoff("wait", "ended", 0.3, 0.1, 0, 100), Payoff("vote", "ended", 0.3, 0.4, 0, 800)), "wait"),
        ((Payoff("wait", "ended", 0.8, 0.1, 0.3, 100), Payoff("vote", "ended", 0.8, 0.4, 0, 800)), "vote"),
        ((Payoff("wait", "ended", 0.5, 0.0, 0.1, 100),), "effort"),  # what was not measured may be better
        ((Payoff("wait", "cut", 0.5, 0.9, 0, 100), Payoff("vote", "ended", 0.5, 0.1, 0, 100)), "vote"),
    ],
)
def test_the_arm_that_promises_most_for_its_tokens_is_taken(payoffs: tuple[Payoff, ...], expected: str) -> None:
    last = attempt(1, "natural")
    plan = choose_next_plan(EscalationState([last], LADDER, Policy(payoffs=payoffs), P, Options(), EFFORTS))
    assert isinstance(plan, Plan)
    assert plan.arm == expected


def test_where_nothing_promises_anything_it_gives_up_and_says_so() -> None:
    payoffs = tuple(Payoff(arm, "ended", 0.5, 0.0, 0.1, 100) for arm in ("wait", "effort", "vote"))
    now = EscalationState([attempt(1, "natural")], LADDER, Policy(payoffs=payoffs), P, Options(), EFFORTS)
    assert str(choose_next_plan(now)).startswith("hopeless: wait promises")
    assert isinstance(choose_next_plan(replace(now, options=Options(stop="loop"))), Plan)
    for options, arm in ((Options(waits=1), "wait"), (Options(samples=3), "vote")):
        plan = choose_next_plan(replace(now, options=options))
        assert isinstance(plan, Plan), "what was asked for is taken all the same"
        assert plan.arm == arm


def test_a_question_that_no_rung_is_likely_to_solve_is_given_up() -> None:
    policy = Policy(hopeless=0.1)
    now = EscalationState([attempt(1, "budget")], LADDER, policy, (0.0, 0.01, 0.02, 0.05), Options())
    assert choose_next_plan(now) == "hopeless: p(solved) is 0.05 at the top rung, under 0.10"
    assert isinstance(choose_next_plan(replace(now, p_solved=P)), Plan)
    assert isinstance(choose_next_plan(replace(now, options=Options(stop="none"))), Plan)


OWN = Ladder((Rung("default", 4000, answer_room=50), Rung("high", 4000, answer_room=50)))
ENDED = st.sampled_from(("none", "natural", "loop", "budget", "context"))


@PURE
@given(
    finish=ENDED,
    answer=st.sampled_from((None, "4", "It is a long answer that nobody will ever give again.")),
    waits=st.none() | st.integers(0, 2),
    samples=st.none() | st.sampled_from((0, 3)),
    efforts=st.sampled_from(((), ("low", "medium", "high"))),
    models=st.integers(1, 2),
)
def test_after_evidence_without_a_profile(
    finish: Any, answer: str | None, waits: int | None, samples: int | None, efforts: Any, models: int
) -> None:
    rounds = () if finish == "none" else ("natural",)
    rejected = Verdict(False, 0.0, "check", "")
    last = attempt(0, *rounds, finish=finish, answer=answer, verdict=rejected, effort="default", budget=4000)
    options = Options(waits=waits, samples=samples)
    state = EscalationState([last], OWN, Policy(measured=False), (), options, efforts, models)
    plan = choose_next_plan(state)
    if isinstance(plan, str):
        assert plan
        return
    assert (plan.base is None) or finish != "context", "a chain that fills the window cannot go on; a new one can"
    if plan.arm == "wait":
        assert waits
        assert finish in ("natural", "loop")
    if plan.arm == "vote":
        assert samples != 0
        assert answer in (None, "4")
        assert plan.rung.effort == "default"
    if plan.arm == "effort":
        assert plan.rung.effort == "high"
        assert efforts
        assert samples == 0 or answer not in (None, "4") or last.is_refused
    if plan.arm == "model":
        assert models == 2


@PURE
@given(
    options=st.builds(Options, adapt=st.booleans(), waits=st.none() | st.integers(0, 3)),
    p=st.none() | st.floats(0, 1),
)
def test_the_first_attempt_without_a_profile_is_the_models_own_way(options: Options, p: float | None) -> None:
    plan = choose_first_rung(limit_ladder(OWN, options), Policy(measured=False), (), options, OWN, p)
    assert (plan.index, plan.rung.effort, plan.rung.budget) == (0, "default", 4000)
    assert plan.rung.waits == (0 if options.adapt else options.waits or 0)
