"""The arms: ways to continue after a rejected attempt, and what each promises. Pure functions of plain data.

budget  the same chain with more room: for a chain that its budget cut, and for a direct answer
wait    the same chain with its end put off once more (s1, arXiv 2501.19393, §3.1)
effort  a new chain at a higher effort
vote    parallel samples, and the majority of all independent answers (self-consistency: Wang et al. 2022,
        arXiv 2203.11171)
model   a better model

What pays depends on the model and on how the last attempt ended; the profile has what was measured (`Payoff`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.policy.majority import is_comparable
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Effort, Ladder, Rung, parse_attempt_effort, rank_effort
from adaptive.types.options import Options
from adaptive.types.policy import After, Payoff, Policy
from adaptive.types.stops import parse_stops
from adaptive.types.verdict import Verdict

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
NEARLY = 0.5
"""A rejected answer with at least this score was close; it counts if there is no difficulty model."""


@dataclass(frozen=True)
class Plan:
    """The next attempt: a rung of the ladder (perhaps with more waits than it lists), by which arm, and why.

    base: the index of the attempt whose chain it continues, None for a new chain. samples: the most samples; a
    vote has more than one. model: the index of the solver's model.
    """

    index: int
    rung: Rung
    arm: Arm
    reason: str
    base: int | None = None
    samples: int = 1
    model: int = 0

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

    ladder, policy, p_solved: of the last attempt's model. efforts: those that it distinguishes; empty if only
    budgets count. models: how many models the solver has. seconds: how long the solve has run.
    """

    attempts: Sequence[Attempt]
    ladder: Ladder
    policy: Policy
    p_solved: Sequence[float]
    options: Options
    efforts: Sequence[Effort] = ()
    models: int = 1
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
    def after(self) -> After:
        """How it ended, as far as it matters for arms."""
        return {"none": "direct", "budget": "cut"}.get(self.last_attempt.finish, "ended")  # type: ignore[return-value]

    @property
    def arm_order(self) -> tuple[Arm, ...]:
        """The arms that may follow it, in the order for arms that were not measured."""
        return (ARM_ORDER if self.policy.measured else UNMEASURED_ORDER)[self.after]


def plan_each_arm(state: EscalationState) -> dict[Arm, Plan | str]:
    """Return the plan of each arm, or why it has none."""
    makers: Mapping[Arm, Callable[[EscalationState], Plan | str]] = {
        "budget": _plan_budget, "wait": _plan_wait, "effort": _plan_effort, "vote": _plan_vote,
        "model": _plan_model,
    }  # fmt: skip
    return {arm: _keep_model(makers[arm](state), state) for arm in state.arm_order}


def _keep_model(plan: Plan | str, state: EscalationState) -> Plan | str:
    """Keep the model of the last attempt for every arm but "model"."""
    if isinstance(plan, str) or plan.arm == "model":
        return plan
    return replace(plan, model=state.last_attempt.model)


def choose_cheapest_rung(
    indices: Sequence[int], policy: Policy, p_solved: Sequence[float], failed: int | None = None
) -> tuple[int, str]:
    """Choose the cheapest rung that reaches the target probability, and say why.

    If none reaches the target, the choice is the cheapest that is about as likely as the top one.

    Args:
        indices: The rungs to choose from, in ascending order.
        policy: Its `target` and `slack` count.
        p_solved: A probability for each rung of the ladder.
        failed: A rung that did not solve the question; the others then count by P(solved | not by this one).
    """
    p_failed = 0.0 if failed is None else p_solved[failed]
    chance = {i: (p_solved[i] - p_failed) / (1 - p_failed) if p_failed < 1 else 0.0 for i in indices}
    likely = next((i for i in indices if chance[i] >= policy.target), None)
    if likely is not None:
        return likely, f"the cheapest rung with p(solved) of at least {policy.target:.2f}"
    least = chance[indices[-1]] - policy.slack
    cheapest = next(i for i in indices if chance[i] >= least)
    return cheapest, "no rung reaches the target: the cheapest about as likely as the top"


def _choose_rung_above(state: EscalationState, indices: Sequence[int]) -> tuple[int, str]:
    """Choose one of the rungs above the last one, by the difficulty, or else by the verdict."""
    failed = min(state.last_attempt.rung, state.ladder.top)
    if state.p_solved:
        return choose_cheapest_rung(indices, state.policy, state.p_solved, failed)
    score = state.last_attempt.verdict.score if state.last_attempt.verdict else 0.0
    return (
        (indices[0], "nearly accepted: the next rung")
        if score >= NEARLY
        else (indices[-1], "far from accepted: the top")
    )


def _plan_budget(state: EscalationState) -> Plan | str:
    if state.after == "direct":
        thinking = [i for i, r in enumerate(state.ladder) if r.thinks]
        if not thinking:
            return "no rung above thinks"
        index, reason = (
            choose_cheapest_rung(thinking, state.policy, state.p_solved)
            if state.p_solved
            else (thinking[0], UNTRAINED_REASON)
        )
        return Plan(index, replace(state.ladder[index], waits=0), "budget", reason)
    larger = [i for i, r in enumerate(state.ladder) if r.thinks and r.budget > state.last_attempt.budget]
    if not larger:
        return f"the top budget of {state.last_attempt.budget} tokens is used up"
    index, why = _choose_rung_above(state, larger)
    rung = _make_chain_rung(state.ladder[index], state.last_attempt, state.last_attempt.waits)
    reason = f"cut at {state.last_attempt.budget} tokens: continue to {rung.budget}"
    return Plan(index, rung, "budget", reason if len(larger) == 1 else f"{reason} ({why})", base=state.base_index)


def _plan_wait(state: EscalationState) -> Plan | str:
    """Plan one more Wait on the same chain, on the first rung that has room for it."""
    last, ladder = state.last_attempt, state.ladder
    if not state.policy.measured and not state.options.waits:
        return "no Wait was asked for, and none was measured to pay"
    if last.finish == "context":
        return "the context window is full"
    charged = last.chain_tokens
    # A Wait makes the model check its chain, which takes about as many tokens again.
    roomy = (i for i, r in enumerate(ladder) if i >= last.rung and r.thinks and r.budget >= 2 * charged)
    index = next(roomy, ladder.top)
    limit = state.policy.max_waits if state.options.waits is None else state.options.waits
    if not last.rounds:
        return "there is no chain of thinking to continue"
    if last.rounds[-1].end in ("loop", "converged"):
        return "the answer repeats"
    if last.is_refused:
        return "the model ended without a final answer"
    if last.waits >= limit:
        return f"reached the limit of {limit} Waits"
    if ladder[index].budget <= charged or _is_unused_wait(state):
        return f"the top budget of {ladder[ladder.top].budget} tokens has no room for another round"
    rung = _make_chain_rung(ladder[index], last, last.waits + 1)
    stopped = last.rounds[-1].stopped
    reason = (
        "stopped early: let the same chain go on" if stopped else "ended by itself: look again on the same chain"
    )
    return Plan(index, rung, "wait", reason, base=state.base_index)


def _plan_effort(state: EscalationState) -> Plan | str:
    """Plan a new chain at a higher effort, if the model has one."""
    if state.options.effort is not None:
        return f"the effort {state.options.effort} was asked for"
    if state.last_attempt.is_refused:
        return "the model ended without a final answer"
    tried = max(rank_effort(a.effort) for a in state.attempts)
    higher = [i for i, r in enumerate(state.ladder) if r.effort in state.efforts and rank_effort(r.effort) > tried]
    if not higher:
        return "no higher effort is known"
    index, why = _choose_rung_above(state, higher)
    rung = replace(state.ladder[index], waits=0)
    return Plan(index, rung, "effort", f"think anew at effort {rung.effort}: {why}")


def _plan_vote(state: EscalationState) -> Plan | str:
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
    return Plan(index, rung, "vote", f"ask up to {most} samples, and the majority", samples=most)


def _plan_model(state: EscalationState) -> Plan | str:
    """Plan the next model; the caller chooses the rung on its own ladder."""
    model = state.last_attempt.model + 1
    if model >= state.models:
        return "there is no better model"
    return Plan(0, state.ladder[0], "model", "a better model", model=model)


def estimate_gain(payoff: Payoff, verdict: Verdict | None) -> float:
    """Return how many right answers an arm is expected to gain for 1,000 tokens, after this verdict.

    The score of a `learned` verdict is a calibrated probability that the answer is right. Other scores are not (on
    abacus, rejected answers scored 0.75 and 27 of 100 were right): then the measured share counts.
    """
    calibrated = verdict is not None and verdict.verifier == "learned"
    right = verdict.score if calibrated and verdict is not None else payoff.right
    return 1000 * ((1 - right) * payoff.mends - right * payoff.breaks) / payoff.tokens


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
