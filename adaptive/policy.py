"""Which rung first, and what after a rejected attempt: pure functions of plain data, no engine and no graph.

The rules are few. Rung 0, the base model without thinking (s1's difficulty rule, arXiv 2501.19393 §2.2, run at
inference), is tried first where it is likely to do. After a rejected attempt, a chain that its budget cut gets
more room, and a chain that ended by itself gets a Wait; both continue the same chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.attempt import Arm, Attempt, Usage
from adaptive.errors import InputError
from adaptive.ladder import Effort, Ladder, Rung, parse_effort
from adaptive.profile import Policy


@dataclass(frozen=True)
class Options:
    """What a caller may set for a solve; None leaves it to the profile.

    budget caps the thinking tokens, waits the Waits; effort is for all thinking rungs ("none" never thinks);
    without `adapt` one attempt is made, at the top of what these leave. max_tokens caps the tokens of all
    attempts together: no attempt is begun once it is reached.
    """

    effort: str | None = None
    budget: int | None = None
    waits: int | None = None
    wait_string: tuple[str, ...] = ()
    adapt: bool = True
    seed: int = 0
    temperature: float = 0.0
    verify: str | None = None
    max_tokens: int | None = None
    max_attempts: int | None = None

    def __post_init__(self) -> None:
        if self.effort is not None:
            parse_effort(self.effort)
        for name, least in (("budget", 0), ("waits", 0), ("max_tokens", 1), ("max_attempts", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} must be {least} or more, got {value}.")
        if isinstance(self.wait_string, str):
            raise InputError(f"wait_string must be a tuple of texts, got the text {self.wait_string!r}.")
        if not 0 <= self.temperature <= 2:
            raise InputError(f"temperature must be between 0 and 2, got {self.temperature}.")


@dataclass(frozen=True)
class Plan:
    """The next attempt: a rung of the ladder (perhaps with more waits than it lists), by which arm, and why."""

    index: int
    rung: Rung
    arm: Arm
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"index": self.index, "rung": self.rung.to_json(), "arm": self.arm, "reason": self.reason}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan written by `to_json`."""
        return cls(data["index"], Rung(**data["rung"]), data["arm"], data["reason"])


def shape(ladder: Ladder, options: Options) -> Ladder:
    """The ladder within what the caller set: efforts replaced, budgets and waits capped."""
    if options.effort == "none" or options.budget == 0:
        return Ladder((replace(ladder[0], effort="none", budget=0, waits=0),))
    rungs = list(ladder)
    if options.effort is not None:
        effort = parse_effort(options.effort)
        rungs = [replace(r, effort=effort) if r.thinks else r for r in rungs]
    if options.budget is not None:
        rungs = _capped(rungs, options.budget)
    if options.waits is not None:
        rungs = [replace(r, waits=min(r.waits, options.waits)) for r in rungs]
        rungs[-1] = replace(rungs[-1], waits=options.waits if rungs[-1].thinks else 0)
    return Ladder(tuple(rungs))


def _capped(rungs: list[Rung], budget: int) -> list[Rung]:
    """Rungs below the cap, and one at exactly the cap, like the first rung that reached it."""
    below = [r for r in rungs if r.budget < budget]
    at = next((r for r in rungs if r.budget >= budget), rungs[-1])
    effort: Effort = at.effort if at.thinks else next((r.effort for r in rungs if r.thinks), "medium")
    return [*below, replace(at, effort=effort, budget=budget)]


def on_ladder(p_solved: Sequence[float], known: Ladder, shaped: Ladder) -> list[float]:
    """`p_solved` of the ladder `known` for what `shape` made of it, rung by rung; empty where nothing is known.

    Only the top of a shaped ladder can be a rung of its own: it solves what the rung under it is known to solve.
    """

    def stand_in(index: int, rung: Rung) -> int:
        own = index <= known.top and known[index].budget <= rung.budget
        return index if own else max(0, index - 1)

    return [p_solved[stand_in(i, r)] for i, r in enumerate(shaped)] if p_solved else []


def first(ladder: Ladder, policy: Policy, p_solved: Sequence[float], options: Options) -> Plan:
    """The first rung: the direct answer where it is likely to do, else the cheapest likely enough to solve it.

    `p_solved` has a probability for each rung of `ladder`, never falling; it is empty where nothing is known.
    """
    if not options.adapt:
        return Plan(ladder.top, ladder[ladder.top], "first", "asked for one attempt at the top rung")
    if not ladder[0].thinks and p_solved and p_solved[0] >= policy.probe_from:
        return Plan(0, ladder[0], "first", f"p(solved without thinking) {p_solved[0]:.2f}: try the direct answer")
    return thinking(ladder, policy, p_solved, "first")


def thinking(ladder: Ladder, policy: Policy, p_solved: Sequence[float], arm: Arm) -> Plan:
    """The cheapest thinking rung that solves it with the target probability, or about as likely as the top.

    Its waits are left out: a Wait is taken when the answer was rejected, not before.
    """
    index, reason = _cheapest([i for i, r in enumerate(ladder) if r.thinks], policy, p_solved)
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _cheapest(indices: Sequence[int], policy: Policy, p_solved: Sequence[float]) -> tuple[int, str]:
    """Of the thinking rungs `indices`, the one to take, and why."""
    if not indices:
        return 0, "no rung of this ladder thinks"
    if not p_solved:
        return indices[0], "no difficulty model was trained for this model: the least thinking first"
    likely = next((i for i in indices if p_solved[i] >= policy.target), None)
    if likely is not None:
        return likely, f"the cheapest rung with p(solved) of at least {policy.target:.2f}"
    least = p_solved[indices[-1]] - policy.slack
    cheapest = next(i for i in indices if p_solved[i] >= least)
    return cheapest, "no rung reaches the target: the cheapest about as likely as the top"


def following(
    attempts: Sequence[Attempt], ladder: Ladder, policy: Policy, p_solved: Sequence[float], options: Options
) -> Plan | str:
    """The attempt after a rejected one, or the reason to stop in words."""
    last = attempts[-1]
    spent = sum((a.usage for a in attempts), Usage(cost=0.0)).total
    if not options.adapt:
        return "asked for one attempt"
    if len(attempts) >= (options.max_attempts or policy.max_attempts):
        return f"reached the limit of {len(attempts)} attempts"
    if options.max_tokens is not None and spent >= options.max_tokens:
        return f"reached the limit of {options.max_tokens} tokens, {spent} spent"
    if last.finish == "context":
        return "the context window is full"
    if last.finish == "none":
        plan = thinking(ladder, policy, p_solved, "budget")
        return plan if plan.rung.thinks else "no rung above thinks"
    return _more_room(last, ladder) if last.finish == "budget" else _wait(attempts, ladder, policy, options)


def _more_room(last: Attempt, ladder: Ladder) -> Plan | str:
    """The next rung with a larger budget, for a chain that its budget cut."""
    for index, rung in enumerate(ladder):
        if rung.thinks and rung.budget > last.budget:
            reason = f"cut at {last.budget} tokens: continue to {rung.budget}"
            return Plan(index, _same_chain(rung, last, last.waits), "budget", reason)
    return f"the top budget of {last.budget} tokens is used up"


def _wait(attempts: Sequence[Attempt], ladder: Ladder, policy: Policy, options: Options) -> Plan | str:
    """The same chain with one more Wait, on the first rung that has room for it."""
    last = attempts[-1]
    charged = sum(r.tokens for r in last.rounds)
    # A check goes over the whole chain again.
    roomy = (i for i, r in enumerate(ladder) if i >= last.rung and r.thinks and r.budget >= 2 * charged)
    index = next(roomy, ladder.top)
    limit = policy.max_waits if options.waits is None else options.waits
    if last.rounds[-1].end in ("loop", "converged"):
        return "the answer repeats"
    if refused(last):
        return "the model ended without a final answer"
    if last.waits >= limit:
        return f"reached the limit of {limit} Waits"
    if ladder[index].budget <= charged or _brought_nothing(attempts):
        return f"the top budget of {ladder[ladder.top].budget} tokens has no room for another round"
    rung = _same_chain(ladder[index], last, last.waits + 1)
    return Plan(index, rung, "wait", "ended by itself: look again on the same chain")


def _same_chain(rung: Rung, last: Attempt, waits: int) -> Rung:
    """The rung for going on with a chain: another effort would be another prompt, and all of it read again."""
    return replace(rung, effort=parse_effort(last.effort), waits=waits)


def _brought_nothing(attempts: Sequence[Attempt]) -> bool:
    """Whether the last attempt was granted a Wait and had no room to take it."""
    return attempts[-1].arm == "wait" and attempts[-1].trace == attempts[-2].trace


def refused(attempt: Attempt) -> bool:
    """Whether the model answered, but in words and with no final answer."""
    return attempt.answer is None and attempt.status == "answered"


def best(attempts: Sequence[Attempt]) -> int:
    """The index of the attempt to keep: accepted before not, then the higher score, then the earlier one."""

    def rank(index: int) -> tuple[bool, bool, float, int]:
        verdict, attempt = attempts[index].verdict, attempts[index]
        accepted = verdict is not None and verdict.accepted
        return accepted, attempt.answer is not None, verdict.score if verdict else 0.0, -index

    return max(range(len(attempts)), key=rank)
