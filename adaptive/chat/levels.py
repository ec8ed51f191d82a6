"""The levels of effort that a model's profile lists, as efforts of ours."""

from __future__ import annotations

from collections.abc import Sequence

from adaptive.types.ladder import BELIEVED_DEFAULT, EFFORTS, Effort, NamedEffort


def name_levels(levels: Sequence[str]) -> dict[Effort, str]:
    """Return the levels by our names for them, in our order.

    A level that is not one of our efforts gets the first free name between its neighbours in the list, so that it
    can be asked for: after "high" that is "xhigh". "default" is what a model does unasked. No new level is "none",
    and one for which no name is left is not used (`list_unnamed`).

    Args:
        levels: The provider's names, from the least thinking to the most.
    """
    named: dict[Effort, str] = {effort: effort for effort in EFFORTS if effort in levels}
    free: list[NamedEffort] = [effort for effort in EFFORTS if effort not in named and effort != "none"]
    for place, level in enumerate(levels):
        if level in EFFORTS:
            continue
        below = [EFFORTS.index(e) for e in EFFORTS if named.get(e) in levels[:place]]
        above = [EFFORTS.index(e) for e in EFFORTS if e in levels[place:]]
        between = EFFORTS[max(below, default=-1) + 1 : min(above, default=len(EFFORTS))]
        names: list[NamedEffort] = [effort for effort in between if effort in free]
        if level == "default" and BELIEVED_DEFAULT in names:
            names = [BELIEVED_DEFAULT]
        if names:
            named[names[0]] = level
            free.remove(names[0])
    return {effort: named[effort] for effort in EFFORTS if effort in named}


def list_unnamed(levels: Sequence[str]) -> list[str]:
    """Return the levels for which no name is left, such as one above "max"."""
    named = name_levels(levels).values()
    return [level for level in levels if level not in named]
