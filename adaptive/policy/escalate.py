"""Chooses what follows a rejected attempt: pure functions of plain data, no engine and no graph.

The arm that promises most is taken, by what was measured of this model, if it promises more than it takes. An arm
that was not measured promises nothing. If none promises anything, the solve stops and says so. If nothing is known
about the question, since the model was not measured, arms follow in a fixed order.
"""

from __future__ import annotations

from dataclasses import replace

from adaptive.policy import limits
from adaptive.policy.arms import EscalationState, Plan, list_plans, may_give_up
from adaptive.policy.routine import continue_routine
from adaptive.policy.utility import estimate_gain, read_score
from adaptive.types.attempt import Arm
from adaptive.types.policy import FollowUp, Policy
from adaptive.types.usage import format_cost

NEARLY = 0.5
"""A rejected answer with at least this score was close; it counts if nothing is known about the question."""


def choose_next_plan(state: EscalationState) -> Plan | str:
    """Return the attempt that follows a rejected one, or the reason to stop."""
    if reason := _find_attempt_limit(state):
        return reason
    if (plan := continue_routine(state)) is not None:
        return plan
    arms = list_plans(state)
    if state.policy.always is not None or not state.policy.escalates:
        arms = {arm: plans for arm, plans in arms.items() if _may_follow_constant(arm, plans, state)}
        if not arms:
            return "tuning found nothing that pays after this"
    if state.last_attempt.has_starved:
        arms = {arm: _keep_after_starvation(arm, plans, state) for arm, plans in arms.items()}
    plans = {arm: plans for arm, plans in arms.items() if not isinstance(plans, str)}
    if not plans:
        return "; ".join(dict.fromkeys(map(str, arms.values())))
    if state.forecast:
        return _choose_paying_plan(state, plans)
    return _pick_rung(state, next(iter(plans.values())))


def _keep_after_starvation(arm: Arm, plans: list[Plan] | str, state: EscalationState) -> list[Plan] | str:
    """Keep a better model, and what was measured to help: a starved call was made once more already."""
    if isinstance(plans, str) or arm == "model":
        return plans
    measured = [plan for plan in plans if _find_follow_up(state, plan) is not None]
    return measured or "thinking used up every cap that was tried"


def _find_attempt_limit(state: EscalationState) -> str:
    """Say which limit was reached; empty if none was."""
    options, attempts = state.options, state.attempts
    count = len([a for a in attempts if a.arm != "vote"]) + any(a.arm == "vote" for a in attempts)
    if not options.adapt:
        return "asked for one attempt"
    if count >= (options.max_attempts or state.policy.max_attempts):
        return f"reached the limit of {count} attempts"
    if reason := limits.find_reached_limit(attempts, options, state.seconds):
        return reason
    # Of a model that was not measured, a sample of its own may still end where this chain did not.
    full = state.last_attempt.finish == "context" and state.policy.measured
    return "the context window is full" if full else ""


def _choose_paying_plan(state: EscalationState, plans: dict[Arm, list[Plan]]) -> Plan | str:
    """Choose the plan that promises most. A better model comes last: what it brings was not measured.

    An arm whose number the caller set (Waits or samples) need not promise anything, and no arm needs to if the
    caller does not let the solve give up.
    """
    gains = {
        (arm, place): _estimate_plan_gain(state, plan)
        for arm, some in plans.items()
        for place, plan in enumerate(some)
        if arm != "model"
    }
    free = not may_give_up(state.options)
    paying = {
        at: gain
        for at, gain in gains.items()
        if free or (gain is not None and gain > 0) or _is_asked_for(at[0], state)
    }
    if paying:
        arm, place = max(paying, key=lambda at: -float("inf") if (gain := paying[at]) is None else gain)
        plan = plans[arm][place]
        return replace(plan, reason=f"{plan.reason}; {_describe_gain(plan, gains[arm, place], state.policy)}")
    if "model" in plans:
        return plans["model"][0]
    known = {at: gain for at, gain in gains.items() if gain is not None}
    if not known:
        return "hopeless: of what is left nothing was measured to help"
    arm, place = max(known, key=lambda at: known[at])
    best = _describe_gain(plans[arm][place], known[arm, place], state.policy)
    return f"hopeless: {best}, and nothing promises more"


def _estimate_plan_gain(state: EscalationState, plan: Plan) -> float | None:
    """Return what a plan promises to add, in tokens; None if it was not measured."""
    follow_up = _find_follow_up(state, plan)
    if follow_up is None:
        return None
    score = read_score(follow_up, state.last_attempt)
    return estimate_gain(follow_up, score, state.policy, state.forecast)


def _find_follow_up(state: EscalationState, plan: Plan) -> FollowUp | None:
    asked = (plan.arm, state.last_attempt.rung, plan.index)
    return next((f for f in state.policy.follow_ups if (f.arm, f.source, f.rung) == asked), None)


def _pick_rung(state: EscalationState, plans: list[Plan]) -> Plan:
    """Choose among the rungs of an arm by the verdict, since nothing is known about the question."""
    score = state.last_attempt.verdict.score if state.last_attempt.verdict else 0.0
    return plans[0] if score >= NEARLY or state.after == "direct" else plans[-1]


def _may_follow_constant(arm: Arm, plans: list[Plan] | str, state: EscalationState) -> bool:
    """Return whether an arm may follow what every question gets: a better model, or what was asked for."""
    return _is_asked_for(arm, state) or (arm == "model" and not isinstance(plans, str))


def _is_asked_for(arm: Arm, state: EscalationState) -> bool:
    """Return whether the caller set the number of this arm's steps."""
    numbers: dict[Arm, int | None] = {"wait": state.options.waits, "vote": state.options.samples}
    return bool(numbers.get(arm))


def _describe_gain(plan: Plan, gain: float | None, policy: Policy) -> str:
    if gain is None:
        return f"what {plan.arm} brings was not measured"
    return f"{plan.arm} promises {format_cost(gain, policy.unit, sign=True)}"
