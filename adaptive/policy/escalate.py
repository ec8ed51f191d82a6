"""Chooses what follows a rejected attempt: pure functions of plain data, no engine and no graph.

The arm that promises most is taken, by what was measured of this model, if it promises more than it takes. An arm
that was not measured promises nothing. If none promises anything, the solve stops and says so. If nothing is known
about the question, since the model was not measured, arms follow in a fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaptive.policy import limits
from adaptive.policy.arms import EscalationState, Plan, list_plans, may_give_up
from adaptive.policy.routine import continue_routine
from adaptive.policy.utility import estimate_effect, get_worth, read_score
from adaptive.types.attempt import Arm
from adaptive.types.policy import FollowUp, Policy
from adaptive.types.usage import format_cost

NEARLY = 0.5
"""A rejected answer with at least this score was close; it counts if nothing is known about the question."""


At = tuple[Arm, int]
"""A plan: its arm, and its place among the arm's plans."""


def choose_next_plan(state: EscalationState) -> Plan | str:
    """Return the attempt that follows a rejected one, or the reason to stop."""
    following = find_following(state)
    return following.choose(state.policy) if isinstance(following, Following) else following


def find_following(state: EscalationState) -> Following | Plan | str:
    """Return what may follow a rejected attempt, before it is asked what pays; or what follows, or why nothing.

    The worth of a right answer does not count here, so a search of policies by their worth does this once.
    """
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
    return Following.from_plans(state, plans) if state.forecast else _pick_rung(state, next(iter(plans.values())))


@dataclass(frozen=True)
class Following:
    """The plans that may follow a rejected attempt.

    effects: of each plan, the right answers that it adds and what it takes; None if it was not measured. The plans
    of a better model are not in it. free: the plans that need not promise anything.
    """

    plans: Mapping[Arm, Sequence[Plan]]
    effects: Mapping[At, tuple[float, float] | None]
    free: frozenset[At]

    @classmethod
    def from_plans(cls, state: EscalationState, plans: Mapping[Arm, Sequence[Plan]]) -> Following:
        """Estimate the effects of plans.

        An arm whose number the caller set (Waits or samples) need not promise anything, and no arm needs to if
        the caller does not let the solve give up.
        """
        ats = {(arm, i): plan for arm, some in plans.items() if arm != "model" for i, plan in enumerate(some)}
        every = not may_give_up(state.options)
        free = frozenset(at for at in ats if every or _is_asked_for(at[0], state))
        return cls(plans, {at: _estimate_plan_effect(state, plan) for at, plan in ats.items()}, free)

    def choose(self, policy: Policy) -> Plan | str:
        """Choose the plan that promises most. A better model comes last: what it brings was not measured.

        Args:
            policy: Its worth and its unit count.
        """
        worth = get_worth(policy)
        gains = {at: None if e is None else worth * e[0] - e[1] for at, e in self.effects.items()}
        paying = {at: gain for at, gain in gains.items() if at in self.free or (gain is not None and gain > 0)}
        if paying:
            at = max(paying, key=lambda at: -float("inf") if (gain := paying[at]) is None else gain)
            plan = self.plans[at[0]][at[1]]
            return replace(plan, reason=f"{plan.reason}; {_describe_gain(plan, gains[at], policy)}")
        if "model" in self.plans:
            return self.plans["model"][0]
        known = {at: gain for at, gain in gains.items() if gain is not None}
        if not known:
            return "hopeless: of what is left nothing was measured to help"
        arm, place = max(known, key=lambda at: known[at])
        best = _describe_gain(self.plans[arm][place], known[arm, place], policy)
        return f"hopeless: {best}, and nothing promises more"


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


def _estimate_plan_effect(state: EscalationState, plan: Plan) -> tuple[float, float] | None:
    """Return the right answers that a plan adds and what it takes; None if it was not measured."""
    follow_up = _find_follow_up(state, plan)
    if follow_up is None:
        return None
    return estimate_effect(follow_up, read_score(follow_up, state.last_attempt), state.forecast)


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
