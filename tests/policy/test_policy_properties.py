"""What always holds of the policy, whatever the ladder, the options, the verdicts and the engine's luck."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adaptive.policy.allocate import choose_first_rung
from adaptive.policy.arms import ARM_ORDER, EscalationState, Plan
from adaptive.policy.escalate import choose_next_plan
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.policy.select import select_best_attempt
from adaptive.policy.utility import choose_promising_rung, estimate_gain, estimate_promise, get_worth, read_score
from adaptive.policy.vote import DECISIVE_VERIFIERS
from adaptive.reason.chain import Thought
from adaptive.types.attempt import Attempt
from adaptive.types.forecast import NO_FORECAST, Forecast
from adaptive.types.ladder import EFFORTS, Effort, Ladder, Rung
from adaptive.types.options import Options
from adaptive.types.policy import Evidence, FollowUp, Policy
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.policy.attempts import attempt

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
    max_output_tokens=st.none() | st.integers(1, 1500),
    max_attempts=st.none() | st.integers(1, 7),
)
MOST = 5
"""The most rungs of `LADDERS`."""
SHARES, SHIFTS = st.floats(0, 1), st.lists(st.floats(-8, 8), min_size=1, max_size=4).map(tuple)
FOLLOW_UPS = st.builds(
    FollowUp,
    arm=st.sampled_from(("wait", "budget", "vote", "effort")),
    source=st.integers(0, MOST - 1),
    rung=st.integers(0, MOST - 1),
    right=SHARES,
    bias=st.floats(-9, 9),
    slope=st.floats(-2, 2),
    breaks=SHARES,
    cost=st.floats(0.01, 9),
)
EVIDENCE = st.builds(Evidence, st.integers(0, MOST - 1), SHIFTS, SHIFTS)
WORTHS = st.floats(0.1, 1e6)
POLICIES = st.builds(
    Policy,
    worth=st.none() | WORTHS,
    max_attempts=st.integers(1, 6),
    max_waits=st.integers(0, 4),
    vote_most=st.integers(0, 5),
    follow_ups=st.lists(FOLLOW_UPS, max_size=9, unique_by=lambda f: (f.arm, f.source, f.rung)).map(tuple),
    evidence=st.lists(EVIDENCE, max_size=3, unique_by=lambda e: e.rung).map(tuple),
)
CHANCES = st.integers(0, 10_000).map(lambda n: n / 10_000)  # a forecast has four digits


def forecasts(rungs: int) -> st.SearchStrategy[Forecast]:
    """What may be expected of a ladder: more thinking need not be more likely, nor take more tokens."""
    rows = (st.lists(each, min_size=rungs, max_size=rungs).map(tuple) for each in (CHANCES, st.integers(1, 9000)))
    return st.builds(Forecast, *rows)


FORECASTS = st.integers(1, MOST).flatmap(forecasts)


def choose(policy: Policy, forecast: Forecast) -> int:
    return choose_promising_rung(range(len(forecast.p_solved)), policy, forecast)


@PURE
@given(FORECASTS, st.none() | WORTHS)
def test_no_rung_is_chosen_that_another_beats_in_both(forecast: Forecast, worth: float | None) -> None:
    chosen = choose(Policy(worth=worth), forecast)
    rows = list(zip(forecast.p_solved, forecast.tokens, strict=True))
    p, tokens = rows[chosen]
    assert not any(p_j >= p and t_j <= tokens and (p_j, t_j) != (p, tokens) for p_j, t_j in rows)
    assert rows.index((p, tokens)) == chosen, "of equals the cheapest on the ladder"


@PURE
@given(FORECASTS)
def test_if_no_number_of_tokens_is_too_many_the_most_likely_rung_is_chosen(forecast: Forecast) -> None:
    assert forecast.p_solved[choose(Policy(worth=None), forecast)] == max(forecast.p_solved)


@PURE
@given(FORECASTS, WORTHS, WORTHS)
def test_the_more_a_right_answer_is_worth_the_likelier_the_rung(
    forecast: Forecast, one: float, more: float
) -> None:
    low, high = (choose(Policy(worth=worth), forecast) for worth in sorted((one, more)))
    assert forecast.p_solved[low] <= forecast.p_solved[high]


@PURE
@given(st.data(), FORECASTS, POLICIES, WORTHS, WORTHS)
def test_what_a_rung_promises_rises_with_the_worth(
    data: st.DataObject, forecast: Forecast, policy: Policy, one: float, more: float
) -> None:
    rung = data.draw(st.integers(0, len(forecast.p_solved) - 1))
    low, high = (estimate_promise(rung, policy.with_worth(worth), forecast) for worth in sorted((one, more)))
    assert low <= high or math.isclose(low, high)


@PURE
@given(st.data(), FORECASTS, POLICIES)
def test_what_may_follow_never_makes_a_rung_promise_less(
    data: st.DataObject, forecast: Forecast, policy: Policy
) -> None:
    """An attempt that promises to lose is not made."""
    rung = data.draw(st.integers(0, len(forecast.p_solved) - 1))
    alone = get_worth(policy) * forecast.p_solved[rung] - forecast.tokens[rung]
    assert estimate_promise(rung, policy, forecast) >= alone
    assert estimate_promise(rung, replace(policy, follow_ups=()), forecast) == alone
    assert estimate_promise(rung, replace(policy, evidence=()), forecast) == alone
    assert estimate_promise(rung, replace(policy, max_attempts=1), forecast) == alone


@PURE
@given(FOLLOW_UPS, forecasts(MOST), WORTHS, SHARES, SHARES)
def test_what_an_arm_promises_falls_as_the_answer_looks_better(
    follow_up: FollowUp, forecast: Forecast, worth: float, one: float, other: float
) -> None:
    low, high = (estimate_gain(follow_up, s, Policy(worth=worth), forecast) for s in sorted((one, other)))
    assert low >= high or math.isclose(low, high)
    assert low <= worth


@PURE
@given(FOLLOW_UPS, VERDICT, st.sampled_from(("confidence", "learned", "check", "judge")))
def test_only_the_score_of_a_learned_verdict_counts(
    follow_up: FollowUp, verdict: Verdict | None, verifier: str
) -> None:
    """No answer is not right, nor one that a check or a judge rejected: of any other the measured share counts."""
    judged = verdict and replace(verdict, verifier=verifier)
    assert read_score(follow_up, attempt(1, "natural", answer=None, verdict=judged)) == 0
    score = read_score(follow_up, attempt(1, "natural", verdict=judged))
    if judged is not None and judged.rejected and verifier in DECISIVE_VERIFIERS:
        assert score == 0
    else:
        assert score == (judged.score if judged is not None and verifier == "learned" else follow_up.right)


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
    known = data.draw(forecasts(len(own))) if trained else NO_FORECAST
    ladder = limit_ladder(own, options)
    forecast = Forecast(*(tuple(map_to_ladder(row, own, ladder)) for row in (known.p_solved, known.tokens)))
    plan: Plan | str = choose_first_rung(ladder, policy, forecast, options)
    attempts: list[Attempt] = []
    steps = 0
    while isinstance(plan, Plan):
        _check_plan(plan, own, ladder, options, policy)
        _check_progress(plan, attempts)
        before = attempts[plan.base] if plan.base is not None else None
        last = len(attempts)
        for _ in range(data.draw(st.integers(1, plan.samples))):
            attempts.append(replace(bought(plan, before, data.draw), base=plan.base, model=plan.model))
        state = EscalationState(
            attempts, ladder, policy, forecast, options, efforts, 1 - attempts[-1].model or None
        )
        plan = choose_next_plan(state)
        _check_payment(plan, state)
        steps += 1
        assert steps <= (options.max_attempts or policy.max_attempts)
    assert plan
    assert options.adapt or len(attempts) == 1
    assert sum(a.usage.total for a in attempts[:last]) < (options.max_tokens or 10**9)
    assert sum(a.usage.output for a in attempts[:last]) < (options.max_output_tokens or 10**9)


def _check_plan(plan: Plan, own: Ladder, ladder: Ladder, options: Options, policy: Policy) -> None:
    rung = plan.rung
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert rung.budget == ladder[plan.index].budget
    assert rung.budget <= max(own[own.top].budget, options.budget or 0)
    assert options.budget is None or rung.budget <= options.budget
    assert options.max_output_tokens is None or rung.budget + rung.answer_room <= options.max_output_tokens
    granted = max(policy.max_waits, *(r.waits for r in own)) if options.waits is None else options.waits
    assert rung.waits <= granted
    assert not rung.thinks or options.effort in (None, rung.effort)
    assert not (rung.thinks and options.effort == "none")
    if not options.adapt and rung.thinks:
        assert options.budget in (None, rung.budget) or options.max_output_tokens is not None
        assert options.waits in (None, rung.waits)


def _check_payment(plan: Plan | str, state: EscalationState) -> None:
    """If something is known about the question, what follows was measured, pays, and no other arm pays more."""
    if isinstance(plan, str) or not state.forecast or plan.arm == "model":
        return
    last = state.last_attempt
    gains = {
        (f.arm, f.rung): estimate_gain(f, read_score(f, last), state.policy, state.forecast)
        for f in state.policy.follow_ups
        if f.source == last.rung and f.rung <= state.ladder.top
    }
    gain = gains.get((plan.arm, plan.index))
    if plan.arm == "wait" and state.options.waits:
        return  # as many as the caller asked for
    assert gain is not None
    assert gain > 0
    if plan.arm == "budget":  # every rung above it has room as well
        assert gain == max(other for (arm, rung), other in gains.items() if arm == "budget" and rung >= plan.index)


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
    state = EscalationState(
        [last], OWN, Policy(measured=False), NO_FORECAST, options, efforts, 1 if models == 2 else None
    )
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
    plan = choose_first_rung(limit_ladder(OWN, options), Policy(measured=False), NO_FORECAST, options, OWN, p)
    assert (plan.index, plan.rung.effort, plan.rung.budget) == (0, "default", 4000)
    assert plan.rung.waits == (0 if options.adapt else options.waits or 0)
