"""The order of rungs of several models: by what they cost, since budgets of two models do not compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey, rung_to_key
from adaptive.types.ladder import Ladder
from adaptive.types.routine import format_rung

Costs = Mapping[OutcomeKey, float | None]
"""Dollars of the greedy attempts at one question; None if they are not known."""


def order_by_cost(ladder: Ladder, costs: Sequence[Costs]) -> Ladder:
    """Return the ladder ordered by the mean cost of its rungs; each model's own rungs keep their order.

    Args:
        ladder: The rungs of several models.
        costs: What was recorded, question by question. Those with every rung count; without any, the order stays.

    Raises:
        InputError: The cost of an attempt is not known.
    """
    keys = [rung_to_key(rung).chain for rung in ladder]
    complete = [one for one in costs if all(key in one for key in keys)]
    if not complete:
        return ladder
    means = [_average(complete, key, format_rung(rung)) for key, rung in zip(keys, ladder, strict=True)]
    places = {
        i: max(means[j] for j in ladder.list_rungs_of(rung.model) if j <= i) for i, rung in enumerate(ladder)
    }
    return Ladder(tuple(ladder[i] for i in sorted(places, key=lambda i: (places[i], i))))


def _average(costs: Sequence[Costs], key: OutcomeKey, name: str) -> float:
    known = [cost for one in costs if (cost := one[key]) is not None]
    if len(known) < len(costs):
        raise InputError(
            f"what {name} costs is not known, and tokens of several models do not compare: record them again with "
            "a price (--price)."
        )
    return sum(known) / len(known)
