"""Chooses what follows a rejected attempt: pure functions of plain data, no engine and no graph.

The arm that promises most right answers for its tokens is taken, by what was measured of this model. Arms that
were not measured follow in a fixed order. If no arm promises anything, the solve stops and says so.
"""

from __future__ import annotations

from dataclasses import replace

from adaptive.policy import limits
from adaptive.policy.arms import EscalationState, Plan, estimate_gain, may_give_up, plan_each_arm
from adaptive.types.attempt import Arm
from adaptive.types.policy import Payoff


def choose_next_plan(state: EscalationState) -> Plan | str:
    """Return the attempt that follows a rejected one, or the reason to stop."""
    if reason := _find_attempt_limit(state):
        return reason
    arms = plan_each_arm(state)
    if state.policy.always is not None:
        arms = {arm: plan for arm, plan in arms.items() if arm == "model" or _is_asked_for(arm, state)}
        if not arms:
            return "tuning found nothing better than one attempt"
    plans = {arm: plan for arm, plan in arms.items() if isinstance(plan, Plan)}
    if not plans:
        return str(next(iter(arms.values())))
    if reason := _explain_hopeless(state):
        return reason
    return _choose_paying_plan(state, plans)


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


def _explain_hopeless(state: EscalationState) -> str:
    """Say why no rung of any model is likely to help, by the question's difficulty; empty if one may."""
    top, least = (state.p_solved or (1.0,))[-1], state.policy.hopeless
    hopeless = may_give_up(state.options) and state.models == 1 and top < least
    return f"hopeless: p(solved) is {top:.2f} at the top rung, under {least:.2f}" if hopeless else ""


def _choose_paying_plan(state: EscalationState, plans: dict[Arm, Plan]) -> Plan | str:
    """Choose the plan that promises most for its tokens; arms without measurements come after those with.

    An arm whose number the caller set (Waits or samples) need not promise anything.
    """
    measured = {p.arm: p for p in state.policy.payoffs if p.after == state.after and p.arm in plans}
    gains = {arm: estimate_gain(payoff, state.last_attempt.verdict) for arm, payoff in measured.items()}
    paying = [
        a
        for a in gains
        if gains[a] > state.policy.worth or _is_asked_for(a, state) or not may_give_up(state.options)
    ]
    rest = [arm for arm in state.arm_order if arm in plans and arm not in gains]
    if not paying and not rest:
        return f"hopeless: {_describe_gains(measured, gains)}, and no arm is known to bring more"
    if not paying:
        return plans[rest[0]]
    arm = max(paying, key=lambda a: gains[a])
    plan = plans[arm]
    return replace(plan, reason=f"{plan.reason}; {_describe_gains({arm: measured[arm]}, gains)}")


def _is_asked_for(arm: Arm, state: EscalationState) -> bool:
    """Return whether the caller set the number of this arm's steps."""
    numbers: dict[Arm, int | None] = {"wait": state.options.waits, "vote": state.options.samples}
    return bool(numbers.get(arm))


def _describe_gains(measured: dict[Arm, Payoff], gains: dict[Arm, float]) -> str:
    return ", ".join(f"{arm} promises {gains[arm]:+.2f} right answers for 1,000 tokens" for arm in measured)
