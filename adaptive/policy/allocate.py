"""Chooses the first rung of a solve: pure functions of plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptive.policy.arms import OWN_WAY_REASON, UNTRAINED_REASON, Plan
from adaptive.policy.routine import start_routine
from adaptive.policy.utility import choose_promising_rung
from adaptive.types.attempt import Arm
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Ladder, rank_effort
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.usage import format_cost


def choose_first_rung(
    ladder: Ladder,
    policy: Policy,
    forecast: Forecast,
    options: Options,
    full_ladder: Ladder | None = None,
    general: float | None = None,
) -> Plan:
    """Choose the first rung: what the options ask for, else the one that promises most at this question.

    That may be the direct answer (s1's difficulty rule, arXiv 2501.19393 §2.2, at inference).

    Args:
        ladder: The ladder within the options.
        policy: What a right answer is worth, and what may follow an attempt.
        forecast: For each rung of `ladder`; empty if nothing is known.
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
        return start_routine(policy.always, ladder, options)
    if forecast:
        within = replace(policy, max_attempts=options.max_attempts or policy.max_attempts)
        return _choose_promising(ladder, range(len(ladder)), within, forecast, "first")
    return choose_thinking_rung(ladder, policy, forecast, "first", general)


def _choose_promising(
    ladder: Ladder, indices: Sequence[int], policy: Policy, forecast: Forecast, arm: Arm
) -> Plan:
    index = choose_promising_rung(indices, policy, forecast)
    p, tokens = forecast.p_solved[index], forecast.tokens[index]
    reason = f"promises most: p(solved) {p:.2f} for about {format_cost(tokens, policy.unit)}"
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _choose_requested_rung(full_ladder: Ladder, ladder: Ladder, options: Options) -> Plan | None:
    """Choose the rung of a budget or effort in the options, whatever the difficulty; None without one."""
    top = max((i for i, r in enumerate(ladder) if r.thinks), default=None)
    if top is None:
        return None
    if options.budget is not None:
        index, reason = top, f"a budget of {options.budget} tokens was asked for"
    elif options.effort is not None:
        least = rank_effort(options.effort)
        enough = (i for i, r in enumerate(full_ladder) if r.thinks and rank_effort(r.effort) >= least)
        index, reason = min(next(enough, top), top), f"the effort {options.effort} was asked for"
    else:
        return None
    return Plan(index, replace(ladder[index], waits=0), "first", reason)


def choose_thinking_rung(
    ladder: Ladder, policy: Policy, forecast: Forecast, arm: Arm, general: float | None = None
) -> Plan:
    """Choose the thinking rung that promises most.

    Its waits are left out: a Wait follows a rejected answer.

    Args:
        ladder: The ladder within the options.
        policy: What a right answer is worth, and what may follow an attempt.
        forecast: For each rung of `ladder`; empty if nothing is known.
        arm: The arm of the plan.
        general: The probability that an average model solves it; the less likely, the higher the rung.
    """
    indices = [i for i, r in enumerate(ladder) if r.thinks]
    if not indices:
        return Plan(0, ladder[0], arm, "no rung of this ladder thinks")
    if forecast:
        return _choose_promising(ladder, indices, policy, forecast, arm)
    index, reason = _choose_unmeasured_rung(indices, general)
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _choose_unmeasured_rung(indices: Sequence[int], general: float | None) -> tuple[int, str]:
    """Choose the first thinking rung of a model that was not measured, and say why."""
    if general is None:
        return indices[0], UNTRAINED_REASON
    place = min(len(indices) - 1, int((1 - general) * len(indices)))
    return indices[place], f"an average model solves it with probability {general:.2f}"
