"""The ways to go on after a rejected attempt, and which of them pays: pure functions of plain data.

budget  the same chain with more room: for a chain that its budget cut, and for a direct answer
wait    the same chain with its end put off once more (s1, arXiv 2501.19393, §3.1)
effort  a new chain at a higher effort
vote    parallel samples, and the majority of all independent answers (self-consistency: Wang et al. 2022,
        arXiv 2203.11171)
model   a better model

What pays depends on the model and on how the last attempt ended, so the profile says what was measured (`Payoff`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import EFFORTS, Effort, Ladder, Rung, parse_effort
from adaptive.types.options import Options
from adaptive.types.policy import After, Payoff, Policy
from adaptive.types.stops import parse_stops
from adaptive.types.verdict import Verdict

ORDER: dict[After, tuple[Arm, ...]] = {
    "direct": ("budget", "model"),
    "cut": ("budget", "effort", "vote", "model"),
    "ended": ("wait", "effort", "vote", "model"),
}
"""For a model of which nothing was measured: what the last attempt lacked first, what goes on with a cache before
what starts anew, and this model before a dearer one."""

UNTRAINED = "no difficulty model was trained for this model: the least thinking first"
NEARLY = 0.5
"""From this score on a rejected answer was close, where no difficulty model says how far to go."""


@dataclass(frozen=True)
class Plan:
    """The next attempt: a rung of the ladder (perhaps with more waits than it lists), by which arm, and why.

    base: the attempt whose chain it goes on with, None for a new one. samples: how many are drawn at most; a vote
    has more than one. model: which of the solver's models, 0 for the first.
    """

    index: int
    rung: Rung
    arm: Arm
    reason: str
    base: int | None = None
    samples: int = 1
    model: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**vars(self), "rung": self.rung.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan written by `to_json`."""
        return cls(**{**data, "rung": Rung(**data["rung"])})


@dataclass(frozen=True)
class Situation:
    """Where a solve stands: what was tried, and what may be tried with.

    efforts: those that the model tells apart; empty where only budgets count. models: how many there are. seconds:
    what the solve has run.
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
    def place(self) -> int:
        """The index of the attempt to go on from: the last one that is no sample of a vote."""
        return max((i for i, a in enumerate(self.attempts) if a.arm != "vote"), default=0)

    @property
    def last(self) -> Attempt:
        """That attempt."""
        return self.attempts[self.place]

    @property
    def after(self) -> After:
        """How it ended, as far as arms care."""
        return {"none": "direct", "budget": "cut"}.get(self.last.finish, "ended")  # type: ignore[return-value]


def candidates(now: Situation) -> dict[Arm, Plan | str]:
    """What each arm would buy next, or why it cannot, in words."""
    makers: Mapping[Arm, Callable[[Situation], Plan | str]] = {
        "budget": _budget, "wait": _wait, "effort": _effort, "vote": _vote, "model": _model,
    }  # fmt: skip
    return {arm: _on_its_model(makers[arm](now), now) for arm in ORDER[now.after]}


def _on_its_model(plan: Plan | str, now: Situation) -> Plan | str:
    """Every arm but the last stays with the model that it goes on from."""
    if isinstance(plan, str) or plan.arm == "model":
        return plan
    return replace(plan, model=now.last.model)


def cheapest(
    indices: Sequence[int], policy: Policy, p_solved: Sequence[float], failed: int | None = None
) -> tuple[int, str]:
    """Of the rungs `indices`, the cheapest that solves the question with the target probability, and why.

    Where the rung `failed` did not solve it, what counts is how likely a rung is to solve what that one does not.
    Where none reaches the target, the cheapest about as likely as the top one.
    """
    known = 0.0 if failed is None else p_solved[failed]
    chance = {i: (p_solved[i] - known) / (1 - known) if known < 1 else 0.0 for i in indices}
    likely = next((i for i in indices if chance[i] >= policy.target), None)
    if likely is not None:
        return likely, f"the cheapest rung with p(solved) of at least {policy.target:.2f}"
    least = chance[indices[-1]] - policy.slack
    found = next(i for i in indices if chance[i] >= least)
    return found, "no rung reaches the target: the cheapest about as likely as the top"


def _above(now: Situation, indices: Sequence[int]) -> tuple[int, str]:
    """Of the rungs above the last one, how far to go: as far as the verdict and the difficulty suggest."""
    failed = min(now.last.rung, now.ladder.top)
    if now.p_solved:
        return cheapest(indices, now.policy, now.p_solved, failed)
    score = now.last.verdict.score if now.last.verdict else 0.0
    return (
        (indices[0], "nearly accepted: the next rung")
        if score >= 0.5
        else (indices[-1], "far from accepted: the top")
    )


def _budget(now: Situation) -> Plan | str:
    if now.after == "direct":
        thinking = [i for i, r in enumerate(now.ladder) if r.thinks]
        if not thinking:
            return "no rung above thinks"
        index, reason = cheapest(thinking, now.policy, now.p_solved) if now.p_solved else (thinking[0], UNTRAINED)
        return Plan(index, replace(now.ladder[index], waits=0), "budget", reason)
    larger = [i for i, r in enumerate(now.ladder) if r.thinks and r.budget > now.last.budget]
    if not larger:
        return f"the top budget of {now.last.budget} tokens is used up"
    index, why = _above(now, larger)
    rung = _same_chain(now.ladder[index], now.last, now.last.waits)
    reason = f"cut at {now.last.budget} tokens: continue to {rung.budget}"
    return Plan(index, rung, "budget", reason if len(larger) == 1 else f"{reason} ({why})", base=now.place)


def _wait(now: Situation) -> Plan | str:
    """The same chain with one more Wait, on the first rung that has room for it."""
    last, ladder = now.last, now.ladder
    charged = last.charged
    # A check goes over the whole chain again.
    roomy = (i for i, r in enumerate(ladder) if i >= last.rung and r.thinks and r.budget >= 2 * charged)
    index = next(roomy, ladder.top)
    limit = now.policy.max_waits if now.options.waits is None else now.options.waits
    if last.rounds[-1].end in ("loop", "converged"):
        return "the answer repeats"
    if refused(last):
        return "the model ended without a final answer"
    if last.waits >= limit:
        return f"reached the limit of {limit} Waits"
    if ladder[index].budget <= charged or _brought_nothing(now):
        return f"the top budget of {ladder[ladder.top].budget} tokens has no room for another round"
    rung = _same_chain(ladder[index], last, last.waits + 1)
    stopped = last.rounds[-1].stopped
    reason = (
        "stopped early: let the same chain go on" if stopped else "ended by itself: look again on the same chain"
    )
    return Plan(index, rung, "wait", reason, base=now.place)


def _effort(now: Situation) -> Plan | str:
    """A new chain at a higher effort, where the model knows one."""
    if now.options.effort is not None:
        return f"the effort {now.options.effort} was asked for"
    if refused(now.last):
        return "the model ended without a final answer"
    tried = max(EFFORTS.index(parse_effort(a.effort)) for a in now.attempts)
    higher = [i for i, r in enumerate(now.ladder) if r.effort in now.efforts and EFFORTS.index(r.effort) > tried]
    if not higher:
        return "no higher effort is known"
    index, why = _above(now, higher)
    rung = replace(now.ladder[index], waits=0)
    return Plan(index, rung, "effort", f"think anew at effort {rung.effort}: {why}")


def _vote(now: Situation) -> Plan | str:
    """Parallel samples of what the last attempt bought."""
    most = now.policy.vote_most if now.options.samples is None else now.options.samples
    if most < 2:
        return "no votes are taken"
    if any(a.arm == "vote" for a in now.attempts):
        return "a vote was taken"
    if refused(now.last):
        return "the model ended without a final answer"
    index = min(now.last.rung, now.ladder.top)
    rung = replace(now.ladder[index], effort=parse_effort(now.last.effort), waits=0)
    return Plan(index, rung, "vote", f"ask up to {most} samples, and the majority", samples=most)


def _model(now: Situation) -> Plan | str:
    """The next model; the caller chooses its rung, for it has a ladder of its own."""
    model = now.last.model + 1
    if model >= now.models:
        return "there is no better model"
    return Plan(0, now.ladder[0], "model", "a better model", model=model)


def gain(payoff: Payoff, verdict: Verdict | None) -> float:
    """Right answers that an arm is expected to bring for 1,000 tokens, after an answer with this verdict.

    How likely the answer is right is the score where that is a calibrated probability (`learned`). Other scores
    are not: on abacus, answers that were rejected scored 0.75 and were right in 27 of 100 cases. Then it is the
    measured share.
    """
    calibrated = verdict is not None and verdict.verifier == "learned"
    right = verdict.score if calibrated and verdict is not None else payoff.right
    return 1000 * ((1 - right) * payoff.mends - right * payoff.breaks) / payoff.tokens


def _same_chain(rung: Rung, last: Attempt, waits: int) -> Rung:
    """The rung for going on with a chain: another effort would be another prompt, and all of it read again."""
    return replace(rung, effort=parse_effort(last.effort), waits=waits)


def _brought_nothing(now: Situation) -> bool:
    """Whether the last attempt was granted a Wait and had no room to take it."""
    last = now.last
    return last.arm == "wait" and any(a.trace == last.trace for a in now.attempts[: now.place])


def refused(attempt: Attempt) -> bool:
    """Whether the model ended its turn without a final answer: in words, or without any."""
    return attempt.answer is None and attempt.status in ("answered", "refused")


def gives_up(options: Options) -> bool:
    """Whether a solve may be given up as hopeless."""
    return options.stop is None or "hopeless" in parse_stops(options.stop)
