"""Limits a ladder to what the caller set and the model can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptive.types.ladder import Effort, Ladder, Rung, find_nearest_effort
from adaptive.types.options import Options


def limit_ladder(ladder: Ladder, options: Options) -> Ladder:
    """Return the ladder within the options: efforts replaced, budgets and waits capped."""
    if options.effort == "none" or options.budget == 0:
        return Ladder((replace(ladder[0], effort="none", budget=0, waits=0),))
    rungs = list(ladder)
    if options.effort is not None:
        rungs = [replace(r, effort=options.effort) if r.thinks else r for r in rungs]
    if options.budget is not None:
        rungs = _cap_budget(rungs, options.budget)
    if options.waits is not None:
        rungs = [replace(r, waits=min(r.waits, options.waits)) for r in rungs]
        rungs[-1] = replace(rungs[-1], waits=options.waits if rungs[-1].thinks else 0)
    return Ladder(tuple(rungs))


def _cap_budget(rungs: list[Rung], budget: int) -> list[Rung]:
    """Return the rungs below the cap, and one at exactly the cap, like the first rung that reached it."""
    below = [r for r in rungs if r.budget < budget]
    at = next((r for r in rungs if r.budget >= budget), rungs[-1])
    effort: Effort = at.effort if at.thinks else next((r.effort for r in rungs if r.thinks), "medium")
    return [*below, replace(at, effort=effort, budget=budget)]


def map_to_ladder(p_solved: Sequence[float], full_ladder: Ladder, limited_ladder: Ladder) -> list[float]:
    """Return `p_solved` for a ladder that `limit_ladder` made; empty if nothing is known.

    Args:
        p_solved: A probability for each rung of `full_ladder`, or nothing.
        full_ladder: The profile's ladder.
        limited_ladder: What `limit_ladder` made of it. Only its top can be a rung of its own, which solves what
            the rung below it is known to solve.
    """

    def stand_in(index: int, rung: Rung) -> int:
        own = index <= full_ladder.top and full_ladder[index].budget <= rung.budget
        return index if own else max(0, index - 1)

    return [p_solved[stand_in(i, r)] for i, r in enumerate(limited_ladder)] if p_solved else []


def map_efforts(ladder: Ladder, efforts: Sequence[Effort]) -> tuple[Ladder, list[str]]:
    """Return the ladder with each effort replaced by the nearest in `efforts`, and notes of what was replaced.

    Without `efforts` the ladder stays as it is.
    """
    notes: dict[str, None] = {}
    rungs = []
    for rung in ladder:
        near = find_nearest_effort(rung.effort, efforts) if rung.thinks and efforts else rung.effort
        if near != rung.effort:
            notes[f"effort {rung.effort} is not known to the model: {near} is used"] = None
        rungs.append(replace(rung, effort=near))
    return Ladder(tuple(rungs)), list(notes)
