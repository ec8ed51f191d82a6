"""Follows a routine: what every question gets, within what the caller allows. Pure functions of plain data."""

from __future__ import annotations

from dataclasses import replace

from adaptive.policy.arms import EscalationState, Plan
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.routine import Routine


def start_routine(routine: Routine, ladder: Ladder, options: Options) -> Plan:
    """Return the first attempt of a routine, or its vote.

    Args:
        routine: What every question gets.
        ladder: The ladder within the options. If no rung of it may think, the direct answer is all.
        options: Their Waits and samples are limits.
    """
    reason = f"tuning found nothing better than this at every question: {routine.name}"
    if _is_too_much(routine, ladder) or (routine.after_direct and not ladder[0].thinks):
        return Plan(0, ladder[0], "first", reason)
    return _plan_rung(routine, ladder, options, reason)


def continue_routine(state: EscalationState) -> Plan | None:
    """Return the attempt of a routine that follows a rejected direct answer; None if the routine is over."""
    routine, ladder = state.policy.always, state.ladder
    if routine is None or not routine.after_direct or ladder[0].thinks or len(state.attempts) > 1:
        return None
    if _is_too_much(routine, ladder):
        return None
    plan = _plan_rung(routine, ladder, state.options, "the direct answer is not accepted")
    return replace(plan, arm="budget", model=state.last_attempt.model)


def _plan_rung(routine: Routine, ladder: Ladder, options: Options, reason: str) -> Plan:
    rung = routine.rung
    own = ladder.list_rungs_of(rung.model) or [0]
    index = own[0] if rung.is_plain else ladder.find_rung(rung.effort, rung.budget, rung.model)
    known = rung.is_plain or any(rung.effort == ladder[i].effort for i in own)
    waits = rung.waits if options.waits is None else min(rung.waits, options.waits)
    samples = routine.samples if options.samples is None else min(routine.samples, options.samples)
    nearest = ladder[index]
    if known:
        rung = replace(rung, waits=waits)
    else:
        rung = replace(rung, effort=nearest.effort, waits=waits, model=nearest.model)
    if samples:
        return Plan(index, rung, "vote", reason, samples=samples, every_sample=True)
    return Plan(index, rung, "first", reason, early_stops=routine.early_stops)


def _is_too_much(routine: Routine, ladder: Ladder) -> bool:
    """Return whether the caller allows no thinking, and the routine thinks."""
    return routine.rung.thinks and not any(rung.thinks for rung in ladder)
