"""The arms: ways to continue after a rejected attempt, and what each promises. Pure functions of plain data.

budget  the same chain with more room: for a chain that its budget cut, and for a direct answer
wait    the same chain with its end put off once more (s1, arXiv 2501.19393, §3.1)
effort  a new chain at a higher effort, or at a dearer rung of another model of the ladder
vote    parallel samples, and the majority of all independent answers (self-consistency: Wang et al. 2022,
        arXiv 2203.11171)
model   a better model

What pays depends on the model and on the attempt before; the profile has what was measured (`FollowUp`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.policy.majority import is_comparable
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Effort, Ladder, Rung, parse_attempt_effort, rank_effort
from adaptive.types.options import Options
from adaptive.types.policy import After, Policy
from adaptive.types.stops import parse_stops

ARM_ORDER: dict[After, tuple[Arm, ...]] = {
    "direct": ("budget", "model"),
    "cut": ("budget", "effort", "vote", "model"),
    "ended": ("wait", "effort", "vote", "model"),
}
"""The order for arms that were not measured: first what the last attempt lacked, what continues a cache before
what starts anew, and this model before a more expensive one."""

UNMEASURED_ORDER: dict[After, tuple[Arm, ...]] = {
    "direct": ("vote", "effort", "model"),
    "cut": ("budget", "vote", "effort", "model"),
    "ended": ("wait", "vote", "effort", "model"),
}
"""The same for a model without a profile, after evidence against its answer: what it lacked, if it was cut, and
independent answers before more of the same. A Wait follows only if the caller asked for it."""

OWN_WAY_REASON = "nobody measured this model: it answers in its own way"
UNTRAINED_REASON = "no difficulty model was trained for this model: the least thinking first"


@dataclass(frozen=True)
class Plan:
    """The next attempt: a rung of the ladder (perhaps with more waits than it lists), by which arm, and why.

    base: the index of the attempt whose chain it continues, None for a new chain. samples: the most samples of a
    vote. model: the index of the solver's model. every_sample: whether a vote draws all its samples, and all weigh
    the same; else it ends once its majority is likely, and verdicts are the weights. early_stops: whether the
    profile's early stops are on.
    """

    index: int
    rung: Rung
    arm: Arm
    reason: str
    base: int | None = None
    samples: int = 1
    model: int = 0
    every_sample: bool = False
    early_stops: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**vars(self), "rung": self.rung.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Read what `to_json` wrote."""
        return cls(**{**data, "rung": Rung(**data["rung"])})


@dataclass(frozen=True)
class EscalationState:
    """What the choice of the next attempt depends on.

    ladder, policy, forecast: of the last attempt's profile. efforts: those that its model distinguishes; empty if
    only budgets count. better: the index of the next better model; None if there is none. seconds: how long the
    solve has run.
    """

    attempts: Sequence[Attempt]
    ladder: Ladder
    policy: Policy
    forecast: Forecast
    options: Options
    efforts: Sequence[Effort] = ()
    better: int | None = None
    seconds: float = 0.0

    @property
    def base_index(self) -> int:
        """The index of the attempt to continue: the last one that is no sample of a vote."""
        return max((i for i, a in enumerate(self.attempts) if a.arm != "vote"), default=0)

    @property
    def last_attempt(self) -> Attempt:
        """That attempt."""
        return self.attempts[self.base_index]

    @property
    def last_model(self) -> str:
        """The model of that attempt's rung, as rungs name it."""
        return self.ladder[min(self.last_attempt.rung, self.ladder.top)].model

    @property
    def own_rungs(self) -> list[int]:
        """The rungs of that model: a chain, a Wait and a vote stay on one model."""
        return self.ladder.list_rungs_of(self.last_model)

    @property
    def dearer_rungs(self) -> list[int]:
        """The rungs of other models above that attempt's."""
        above = range(self.last_attempt.rung + 1, len(self.ladder))
        return [i for i in above if self.ladder[i].model != self.last_model]

    @property
    def after(self) -> After:
        """How it ended, as far as it matters for arms."""
        return {"none": "direct", "budget": "cut"}.get(self.last_attempt.finish, "ended")  # type: ignore[return-value]

    @property
    def arm_order(self) -> tuple[Arm, ...]:
        """The arms that may follow it, in the order for arms that were not measured."""
        return (ARM_ORDER if self.policy.measured else UNMEASURED_ORDER)[self.after]


def list_plans(state: EscalationState) -> dict[Arm, list[Plan] | str]:
    """Return the plans of each arm, or why it has none."""
    makers: Mapping[Arm, Callable[[EscalationState], list[Plan] | str]] = {
        "budget": _plan_budget, "wait": _plan_wait, "effort": _plan_effort, "vote": _plan_vote,
        "model": _plan_model,
    }  # fmt: skip
    return {arm: _keep_profile(makers[arm](state), state) for arm in state.arm_order}


def _keep_profile(plans: list[Plan] | str, state: EscalationState) -> list[Plan] | str:
    """Keep the model of the last attempt, or one that shares its profile, for every arm but "model"."""
    if isinstance(plans, str):
        return plans
    return [plan if plan.arm == "model" else replace(plan, model=state.last_attempt.model) for plan in plans]


def _plan_budget(state: EscalationState) -> list[Plan] | str:
    """Plan to think after a direct answer, or more room for a chain that its budget cut."""
    if state.after == "direct":
        own = [i for i in state.own_rungs if state.ladder[i].thinks]
        thinking = sorted([*own, *state.dearer_rungs])
        plans = [Plan(i, replace(state.ladder[i], waits=0), "budget", "think") for i in thinking]
        return plans or "no rung above thinks"
    last = state.last_attempt
    larger = [i for i in state.own_rungs if state.ladder[i].thinks and state.ladder[i].budget > last.budget]
    plans = []
    for index in larger:
        rung = _make_chain_rung(state.ladder[index], last, last.waits)
        reason = f"cut at {last.budget} tokens: continue to {rung.budget}"
        plans.append(Plan(index, rung, "budget", reason, base=state.base_index))
    return plans or f"the top budget of {last.budget} tokens is used up"


def _plan_wait(state: EscalationState) -> list[Plan] | str:
    """Plan one more Wait on the same chain, with the room of the top rung: the model checks its chain, which takes
    about as many tokens again, and a check that is cut breaks more than it mends."""
    last, top = state.last_attempt, state.own_rungs[-1]
    if not state.policy.measured and not state.options.waits:
        return "no Wait was asked for"
    if last.finish == "context":
        return "the context window is full"
    limit = state.policy.max_waits if state.options.waits is None else state.options.waits
    if not last.rounds:
        return "there is no chain of thinking to continue"
    if last.rounds[-1].end in ("loop", "converged"):
        return "the answer repeats"
    if last.is_refused:
        return "the model ended without a final answer"
    if last.waits >= limit:
        return f"reached the limit of {limit} Waits"
    if state.ladder[top].budget <= last.chain_tokens or _is_unused_wait(state):
        return f"the top budget of {state.ladder[top].budget} tokens has no room for another round"
    rung = _make_chain_rung(state.ladder[top], last, last.waits + 1)
    stopped = last.rounds[-1].stopped
    reason = (
        "stopped early: let the same chain go on" if stopped else "ended by itself: look again on the same chain"
    )
    return [Plan(top, rung, "wait", reason, base=state.base_index)]


def _plan_effort(state: EscalationState) -> list[Plan] | str:
    """Plan new chains at higher efforts, if the model has any, and at dearer rungs of other models."""
    if state.options.effort is not None:
        return f"the effort {state.options.effort} was asked for"
    if state.last_attempt.is_refused:
        return "the model ended without a final answer"
    own = state.own_rungs
    tried = max(rank_effort(a.effort) for a in state.attempts if min(a.rung, state.ladder.top) in own)
    efforts = {i: state.ladder[i].effort for i in own}
    higher = [i for i, effort in efforts.items() if effort in state.efforts and rank_effort(effort) > tried]
    rungs = {i: replace(state.ladder[i], waits=0) for i in sorted([*higher, *state.dearer_rungs])}
    plans = [Plan(i, rung, "effort", f"think anew at {_describe_effort(rung)}") for i, rung in rungs.items()]
    return plans or "no higher effort is known"


def _plan_vote(state: EscalationState) -> list[Plan] | str:
    """Plan parallel samples at the rung and effort of the last attempt."""
    most = state.policy.vote_most if state.options.samples is None else state.options.samples
    if most < 2:
        return "no votes are taken"
    if any(a.arm == "vote" for a in state.attempts):
        return "a vote was taken"
    if state.last_attempt.is_refused:
        return "the model ended without a final answer"
    answer = state.last_attempt.answer
    if not state.policy.measured and answer is not None and not is_comparable(answer):
        return "answers in free text cannot be compared"
    index = min(state.last_attempt.rung, state.ladder.top)
    rung = replace(state.ladder[index], effort=parse_attempt_effort(state.last_attempt.effort), waits=0)
    return [Plan(index, rung, "vote", f"ask up to {most} samples, and the majority", samples=most)]


def _plan_model(state: EscalationState) -> list[Plan] | str:
    """Plan the next model; the caller chooses the rung on its own ladder."""
    if state.better is None:
        return "there is no better model"
    return [Plan(0, state.ladder[0], "model", "a better model", model=state.better)]


def _describe_effort(rung: Rung) -> str:
    return f"effort {rung.effort}" + (f" of {rung.model}" if rung.model else "")


def _make_chain_rung(rung: Rung, last: Attempt, waits: int) -> Rung:
    """Return the rung to continue a chain: with its effort, because another one changes the prompt and loses the
    cache."""
    return replace(rung, effort=parse_attempt_effort(last.effort), waits=waits)


def _is_unused_wait(state: EscalationState) -> bool:
    """Return whether the last attempt had a Wait and no room for it."""
    last = state.last_attempt
    return last.arm == "wait" and any(a.trace == last.trace for a in state.attempts[: state.base_index])


def may_give_up(options: Options) -> bool:
    """Return whether a solve may stop as hopeless."""
    return options.stop is None or "hopeless" in parse_stops(options.stop)
