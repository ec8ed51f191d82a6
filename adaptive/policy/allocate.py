"""Chooses the first rung of a solve: pure functions of plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptive.policy.arms import OWN_WAY_REASON, UNTRAINED_REASON, Plan, choose_cheapest_rung, may_give_up
from adaptive.types.attempt import Arm
from adaptive.types.ladder import Ladder, rank_effort
from adaptive.types.options import Options
from adaptive.types.policy import Policy

ALWAYS_REASON = "tuning found nothing better than this rung at every question"


def choose_first_rung(
    ladder: Ladder,
    policy: Policy,
    p_solved: Sequence[float],
    options: Options,
    full_ladder: Ladder | None = None,
    general: float | None = None,
) -> Plan:
    """Choose the first rung: what the options ask for, else the cheapest that is likely to solve the question.

    The direct answer (s1's difficulty rule, arXiv 2501.19393 §2.2, at inference) comes first if it is likely to
    do.

    Args:
        ladder: The ladder within the options.
        policy: Its `target`, `slack`, `probe_from` and `hopeless` count.
        p_solved: The probability that each rung of `ladder` solves it, never falling; empty if nothing is known.
        options: What the caller set.
        full_ladder: The ladder before `limit_ladder`; its efforts tell the rung of an effort in the options.
        general: The probability that an average model solves it, if nothing else is known and no verdict will
            tell.
    """
    if ladder[0].is_plain:
        waits = 0 if options.adapt else options.waits or 0  # a Wait follows a rejected answer
        return Plan(0, replace(ladder[0], waits=waits), "first", OWN_WAY_REASON)
    if not options.adapt:
        return Plan(ladder.top, ladder[ladder.top], "first", "asked for one attempt at the top rung")
    if (requested := _choose_requested_rung(full_ladder or ladder, ladder, options)) is not None:
        return requested
    if policy.always is not None:
        rung = ladder[index := min(policy.always, ladder.top)]
        waits = min(policy.always_waits, rung.waits)
        return Plan(index, replace(rung, waits=waits), "first", ALWAYS_REASON)
    if reason := _explain_direct_only(ladder, policy, p_solved, options):
        return Plan(0, ladder[0], "first", reason)
    if not ladder[0].thinks and p_solved and p_solved[0] >= policy.probe_from:
        return Plan(0, ladder[0], "first", f"p(solved without thinking) {p_solved[0]:.2f}: try the direct answer")
    return choose_thinking_rung(ladder, policy, p_solved, "first", general)


def _explain_direct_only(ladder: Ladder, policy: Policy, p_solved: Sequence[float], options: Options) -> str:
    """Say why thinking will not help, by the question's difficulty; empty if it may."""
    top = (p_solved or (1.0,))[-1]
    hopeless = not ladder[0].thinks and may_give_up(options) and top < policy.hopeless
    return (
        f"p(solved) is {top:.2f} at the top rung, under {policy.hopeless:.2f}: only the direct answer"
        if hopeless
        else ""
    )


def _choose_requested_rung(full_ladder: Ladder, ladder: Ladder, options: Options) -> Plan | None:
    """Choose the rung of a budget or effort in the options, whatever the difficulty; None without one."""
    if not ladder[ladder.top].thinks:
        return None
    if options.budget is not None:
        index, reason = ladder.top, f"a budget of {options.budget} tokens was asked for"
    elif options.effort is not None:
        least = rank_effort(options.effort)
        enough = (i for i, r in enumerate(full_ladder) if r.thinks and rank_effort(r.effort) >= least)
        index, reason = next(enough, ladder.top), f"the effort {options.effort} was asked for"
    else:
        return None
    return Plan(index, replace(ladder[index], waits=0), "first", reason)


def choose_thinking_rung(
    ladder: Ladder, policy: Policy, p_solved: Sequence[float], arm: Arm, general: float | None = None
) -> Plan:
    """Choose the cheapest thinking rung that reaches the target probability, or about that of the top rung.

    Its waits are left out: a Wait follows a rejected answer.

    Args:
        ladder: The ladder within the options.
        policy: Its `target` and `slack` count.
        p_solved: A probability for each rung of `ladder`; empty if nothing is known.
        arm: The arm of the plan.
        general: The probability that an average model solves it; the less likely, the higher the rung.
    """
    indices = [i for i, r in enumerate(ladder) if r.thinks]
    if not indices:
        return Plan(0, ladder[0], arm, "no rung of this ladder thinks")
    index, reason = (
        choose_cheapest_rung(indices, policy, p_solved) if p_solved else _choose_unmeasured_rung(indices, general)
    )
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _choose_unmeasured_rung(indices: Sequence[int], general: float | None) -> tuple[int, str]:
    """Choose the first thinking rung of a model that was not measured, and say why."""
    if general is None:
        return indices[0], UNTRAINED_REASON
    place = min(len(indices) - 1, int((1 - general) * len(indices)))
    return indices[place], f"an average model solves it with probability {general:.2f}"
