"""What always holds of the policy, whatever the ladder, the options, the verdicts and the engine's luck."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive.attempt import Attempt, Usage, Verdict
from adaptive.ladder import EFFORTS, Ladder, Rung
from adaptive.policy import Options, Plan, best, first, following, on_ladder, shape
from adaptive.profile import Policy
from adaptive.reason.chain import Thought
from tests.test_policy import attempt

FAST = settings(max_examples=300)
VERDICT = st.none() | st.builds(
    Verdict, st.booleans(), st.sampled_from((0.0, 0.3, 0.6, 0.9)), st.just(""), st.just("")
)
JUDGED = st.lists(st.tuples(VERDICT, st.booleans()), min_size=1, max_size=8)


@FAST
@given(JUDGED)
def test_the_best_attempt_is_never_lost(verdicts: list[tuple[Verdict | None, bool]]) -> None:
    attempts = [attempt(1, "natural", answer="4" if a else None, verdict=v) for v, a in verdicts]
    kept = best(attempts[:1])
    for count in range(2, len(attempts) + 1):
        now = best(attempts[:count])
        assert now in (kept, count - 1)  # the one kept so far, or the new one
        assert (now == kept) == (_rank(attempts[count - 1]) <= _rank(attempts[kept]))
        kept = now


def _rank(one: Attempt) -> tuple[bool, bool, float]:
    accepted, score = (one.verdict.accepted, one.verdict.score) if one.verdict else (False, 0.0)
    return accepted, one.answer is not None, score


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
POLICIES = st.builds(Policy, max_attempts=st.integers(1, 6), max_waits=st.integers(0, 4))


def bought(plan: Plan, before: Attempt | None, draw: Any) -> Attempt:
    """What an engine could make of a plan: the chain of the attempt before, and rounds that end anyhow."""
    rung, thought = plan.rung, Thought.of(before) if before else Thought()
    if not rung.thinks:
        return _made(plan, Thought(), "none", draw)
    while thought.charged < rung.budget and (not thought.ended or thought.waits < rung.waits):
        wait = (7,) * (thought.ended and draw(st.integers(0, 2)))
        room = rung.budget - thought.charged - len(wait)
        if room < 1:
            break
        ends = ("natural", "natural", "budget", *(("loop", "converged") if thought.rounds else ()))
        end = draw(st.sampled_from(ends))
        thought = thought.grown(
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


@FAST
@given(st.data(), LADDERS, OPTIONS, POLICIES, st.booleans())
def test_escalation_keeps_all_limits_and_ends(
    data: st.DataObject, own: Ladder, options: Options, policy: Policy, trained: bool
) -> None:
    chances = sorted(data.draw(st.floats(0, 1)) for _ in own) if trained else ()
    ladder = shape(own, options)
    p_solved = on_ladder(chances, own, ladder)
    plan: Plan | str = first(ladder, policy, p_solved, options)
    attempts: list[Attempt] = []
    while isinstance(plan, Plan):
        _check_plan(plan, own, ladder, options, policy)
        _check_progress(plan, attempts)
        attempts.append(bought(plan, attempts[-1] if attempts else None, data.draw))
        plan = following(attempts, ladder, policy, p_solved, options)
        assert len(attempts) <= (options.max_attempts or policy.max_attempts)
    assert plan
    assert options.adapt or len(attempts) == 1
    assert sum(a.usage.total for a in attempts[:-1]) < (options.max_tokens or 10**9)


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
    """Whatever comes after an attempt can go further than it, on the same prompt."""
    if not attempts:
        return
    last = attempts[-1]
    assert plan.rung.thinks
    assert last.finish == "none" or plan.rung.effort == last.effort
    if plan.arm == "wait":
        assert plan.rung.waits == last.waits + 1
        assert plan.rung.budget > sum(r.tokens for r in last.rounds)
        assert last.rounds[-1].end == "natural"
        assert last.answer is not None
    else:
        assert plan.rung.budget > last.budget
        assert plan.rung.waits >= last.waits
