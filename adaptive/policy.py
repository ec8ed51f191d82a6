"""Which rung first, and what after a rejected attempt: pure functions of plain data, no engine and no graph.

The rules are few. Rung 0, the base model without thinking (s1's difficulty rule, arXiv 2501.19393 §2.2, run at
inference), is tried first where it is likely to do. After a rejected attempt the arm is taken that promises most
for its tokens by what was measured of this model, in a stated order where nothing was; and none where none
promises anything: then the solve gives up and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptive import limits
from adaptive.arms import ORDER, UNTRAINED, Plan, Situation, candidates, cheapest, gain, refused
from adaptive.attempt import Arm, Attempt
from adaptive.dials import Payoff, Policy
from adaptive.ladder import EFFORTS, Effort, Ladder, Rung, parse_effort
from adaptive.options import Options
from adaptive.reason.stops import parse_stops

VOTE = "vote"
"""What the verdict on the majority of a vote is by."""

__all__ = [
    "Options",
    "Plan",
    "Situation",
    "best",
    "first",
    "following",
    "on_ladder",
    "refused",
    "shape",
    "thinking",
]


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


def first(
    ladder: Ladder,
    policy: Policy,
    p_solved: Sequence[float],
    options: Options,
    known: Ladder | None = None,
    general: float | None = None,
) -> Plan:
    """The first rung: what was asked for, or the direct answer where it is likely to do, else the cheapest that
    is.

    `p_solved` has a probability for each rung of `ladder`, never falling; it is empty where nothing is known.
    `known` is the ladder before `shape`: its efforts say what an effort asked for buys. `general` is how likely an
    average model is to solve it, where only that is known and no verdict will tell whether it was enough.
    """
    if not options.adapt:
        return Plan(ladder.top, ladder[ladder.top], "first", "asked for one attempt at the top rung")
    if (asked := _asked(known or ladder, ladder, options)) is not None:
        return asked
    if reason := _not_worth_it(ladder, policy, p_solved, options):
        return Plan(0, ladder[0], "first", reason)
    if not ladder[0].thinks and p_solved and p_solved[0] >= policy.probe_from:
        return Plan(0, ladder[0], "first", f"p(solved without thinking) {p_solved[0]:.2f}: try the direct answer")
    return thinking(ladder, policy, p_solved, "first", general)


def _not_worth_it(ladder: Ladder, policy: Policy, p_solved: Sequence[float], options: Options) -> str:
    """Why only the direct answer is bought, by the question's difficulty; "" where thinking may help."""
    top = (p_solved or (1.0,))[-1]
    hopeless = not ladder[0].thinks and gives_up(options) and top < policy.hopeless
    return (
        f"p(solved) is {top:.2f} at the top rung, under {policy.hopeless:.2f}: only the direct answer"
        if hopeless
        else ""
    )


def _asked(known: Ladder, ladder: Ladder, options: Options) -> Plan | None:
    """What a budget or an effort that was asked for buys, whatever the difficulty; None where none was."""
    if not ladder[ladder.top].thinks or (options.budget is None and options.effort is None):
        return None
    index, said = ladder.top, f"a budget of {options.budget} tokens was asked for"
    if options.budget is None:
        least = EFFORTS.index(parse_effort(str(options.effort)))
        enough = (i for i, r in enumerate(known) if r.thinks and EFFORTS.index(r.effort) >= least)
        index, said = next(enough, ladder.top), f"the effort {options.effort} was asked for"
    return Plan(index, replace(ladder[index], waits=0), "first", said)


def thinking(
    ladder: Ladder, policy: Policy, p_solved: Sequence[float], arm: Arm, general: float | None = None
) -> Plan:
    """The cheapest thinking rung that solves it with the target probability, or about as likely as the top.

    Where only `general` is known, how likely an average model is to solve it, the rung is as far up as that is
    down. Its waits are left out: a Wait is taken when the answer was rejected, not before.
    """
    indices = [i for i, r in enumerate(ladder) if r.thinks]
    if not indices:
        return Plan(0, ladder[0], arm, "no rung of this ladder thinks")
    index, reason = cheapest(indices, policy, p_solved) if p_solved else _unmeasured(indices, general)
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _unmeasured(indices: Sequence[int], general: float | None) -> tuple[int, str]:
    """The first thinking rung of a model of which nothing was measured, and why."""
    if general is None:
        return indices[0], UNTRAINED
    place = min(len(indices) - 1, int((1 - general) * len(indices)))
    return indices[place], f"an average model solves it with probability {general:.2f}"


def following(now: Situation) -> Plan | str:
    """The attempt after a rejected one, or the reason to stop in words."""
    if reason := _limit(now):
        return reason
    found = candidates(now)
    plans = {arm: plan for arm, plan in found.items() if isinstance(plan, Plan)}
    if not plans:
        return str(next(reason for reason in found.values()))
    if reason := _hopeless(now):
        return reason
    return _paying(now, plans)


def _limit(now: Situation) -> str:
    """The limit that was reached, in words; "" where none was."""
    options, attempts = now.options, now.attempts
    count = len([a for a in attempts if a.arm != "vote"]) + any(a.arm == "vote" for a in attempts)
    if not options.adapt:
        return "asked for one attempt"
    if count >= (options.max_attempts or now.policy.max_attempts):
        return f"reached the limit of {count} attempts"
    if reason := limits.reached(attempts, options, now.seconds):
        return reason
    return "the context window is full" if now.last.finish == "context" else ""


def gives_up(options: Options) -> bool:
    """Whether a solve may be given up as hopeless."""
    return options.stop is None or "hopeless" in parse_stops(options.stop)


def _hopeless(now: Situation) -> str:
    """Why no rung of any model here is worth buying, by the question's difficulty; "" where one may be."""
    top, least = (now.p_solved or (1.0,))[-1], now.policy.hopeless
    known = gives_up(now.options) and now.models == 1
    return f"hopeless: p(solved) is {top:.2f} at the top rung, under {least:.2f}" if known and top < least else ""


def _paying(now: Situation, plans: dict[Arm, Plan]) -> Plan | str:
    """The plan that promises most for its tokens, those that were not measured after those that were.

    What the caller asked for by number, Waits or samples, need not promise anything.
    """
    measured = {p.arm: p for p in now.policy.payoffs if p.after == now.after and p.arm in plans}
    gains = {arm: gain(payoff, now.last.verdict) for arm, payoff in measured.items()}
    numbers: dict[Arm, int | None] = {"wait": now.options.waits, "vote": now.options.samples}
    paying = [a for a in gains if gains[a] > now.policy.worth or numbers.get(a) or not gives_up(now.options)]
    rest = [arm for arm in ORDER[now.after] if arm in plans and arm not in gains]
    if not paying and not rest:
        return f"hopeless: {_promises(measured, gains)}, and no arm is known to bring more"
    if not paying:
        return plans[rest[0]]
    arm = max(paying, key=lambda a: gains[a])
    plan = plans[arm]
    return replace(plan, reason=f"{plan.reason}; {_promises({arm: measured[arm]}, gains)}")


def _promises(measured: dict[Arm, Payoff], gains: dict[Arm, float]) -> str:
    return ", ".join(f"{arm} promises {gains[arm]:+.2f} right answers for 1,000 tokens" for arm in measured)


def best(attempts: Sequence[Attempt]) -> int:
    """The index of the attempt to keep: accepted before not, then the higher score, then the earlier one.

    Of those that were not accepted, the one that speaks for the majority of a vote comes first: the vote has
    weighed the scores of the others. And what a chain was made to answer where its budget cut it gives way to what
    the same chain answered with more room: a chain's weakest stretch stays in it, so the longer one cannot score
    higher.
    """
    superseded = {a.base for a in attempts if a.arm == "budget" and a.answer is not None}

    def rank(index: int) -> tuple[bool, bool, bool, bool, float, int]:
        verdict, attempt = attempts[index].verdict, attempts[index]
        accepted = verdict is not None and verdict.accepted
        voted = verdict is not None and not accepted and verdict.verifier == VOTE
        score = verdict.score if verdict else 0.0
        return accepted, attempt.answer is not None, voted, index not in superseded, score, -index

    return max(range(len(attempts)), key=rank)


def why_kept(attempts: Sequence[Attempt], kept: int) -> str:
    """Why the attempt `kept` is the answer, in words."""
    attempt, count = attempts[kept], len(attempts)
    verdict = attempt.verdict
    if verdict is not None and verdict.accepted:
        return f"attempt {kept + 1} of {count} was accepted ({verdict.verifier})"
    if count == 1:
        return "the only attempt"
    if attempt.answer is None:
        return f"none of {count} attempts gave an answer: the first"
    if verdict is not None and verdict.verifier == VOTE:
        return f"none of {count} attempts was accepted: attempt {kept + 1} speaks for the majority"
    score = f"{verdict.score:.2f}" if verdict else "0.00"
    return f"none of {count} attempts was accepted: attempt {kept + 1} has the highest score, {score}"
