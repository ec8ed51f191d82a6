"""Limits a ladder to what the caller set and the model can do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from adaptive.types.ladder import Effort, Ladder, Rung, find_nearest_effort
from adaptive.types.options import Options


def limit_ladder(ladder: Ladder, options: Options) -> Ladder:
    """Return the ladder within the options: efforts replaced, budgets, waits and room for answers capped."""
    cap, room = _split_output(ladder, options)
    rungs = [replace(r, answer_room=min(r.answer_room, room)) for r in ladder]
    several = len(ladder.models) > 1
    if options.effort == "none" or options.budget == 0 or cap == 0:
        return Ladder((replace(rungs[0], effort="none", budget=0, waits=0),))
    if options.effort is not None:
        rungs = [replace(r, effort=options.effort) if r.thinks else r for r in rungs]
    if options.budget is not None or max(r.budget for r in rungs) > cap:
        most = cap if options.budget is None else min(options.budget, cap)
        rungs = _cap_each(rungs, most) if several else _cap_budget(rungs, most)
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


def _cap_each(rungs: list[Rung], budget: int) -> list[Rung]:
    """Return all rungs of several models, none above the cap: which is dearer does not depend on budgets alone."""
    return [replace(r, budget=min(r.budget, budget)) for r in rungs]


def _split_output(ladder: Ladder, options: Options) -> tuple[int, int]:
    """Return the most tokens for thinking and for the answer, which has half of what is allowed at most."""
    most = sys.maxsize if options.max_output_tokens is None else options.max_output_tokens
    room = min(max(r.answer_room for r in ladder), max(1, most // 2))
    return most - room, room


def map_to_ladder(forecast: Sequence[float], full_ladder: Ladder, limited_ladder: Ladder) -> list[float]:
    """Return a row of a forecast for a ladder that `limit_ladder` made; empty if nothing is known.

    Args:
        forecast: A probability, or a number of tokens, for each rung of `full_ladder`, or nothing.
        full_ladder: The profile's ladder.
        limited_ladder: What `limit_ladder` made of it. A rung of it with a budget of its own solves what the rung
            below it of the same model is known to solve.
    """

    def stand_in(index: int, rung: Rung) -> int:
        known = [i for i in full_ladder.list_rungs_of(rung.model) if i <= index]
        return next((i for i in reversed(known) if full_ladder[i].budget <= rung.budget), min(known, default=0))

    return [forecast[stand_in(i, r)] for i, r in enumerate(limited_ladder)] if forecast else []


def map_efforts(ladder: Ladder, efforts: Sequence[Effort], model: str = "") -> tuple[Ladder, list[str]]:
    """Return the ladder with each effort of a model replaced by the nearest that it takes, and notes of that.

    An effort that thinks stays one that thinks, if the model takes any.

    Args:
        ladder: The ladder.
        efforts: The efforts that the model takes; none: nothing is replaced.
        model: The model, as rungs name it. Rungs of others stay as they are.
    """
    notes: dict[str, None] = {}
    rungs = []
    efforts = [effort for effort in efforts if effort != "none"] or efforts
    for rung in ladder:
        is_its = rung.thinks and rung.model == model
        near = find_nearest_effort(rung.effort, efforts) if is_its and efforts else rung.effort
        if near != rung.effort:
            notes[f"effort {rung.effort} is not known to the model: {near} is used"] = None
        rungs.append(replace(rung, effort=near))
    return Ladder(tuple(rungs)), list(notes)
