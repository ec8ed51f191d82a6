"""Which efforts a model takes, and the nearest of them to what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adaptive.chat.adapters import Adapter
from adaptive.chat.taught import Taught
from adaptive.ladder import EFFORTS, Effort, nearest


def levels(adapter: Adapter, model: str, profile: Mapping[str, Any], learned: Taught) -> tuple[Effort, ...]:
    """The efforts it takes as far as is known: what its refusals said, else its profile, else its provider."""
    if learned.levels is not None:
        return learned.levels
    if profile.get("reasoning_output") is False or "effort" in learned.refused:
        return ()
    named = profile.get("reasoning_effort_levels")
    known = tuple(e for e in EFFORTS if e in named) if named else adapter.levels(model)
    return ("none", *known) if known and adapter.can_stop and "none" not in known else known


def fit(effort: Effort, takes: Sequence[Effort]) -> Effort:
    """The nearest effort that is taken; one that thinks stays one that thinks, if there is any."""
    thinking = [e for e in takes if e != "none"]
    if not takes or effort in takes:
        return effort
    return nearest(effort, thinking or takes)
