"""Ways whose choice is known beforehand."""

from __future__ import annotations

from adaptive.learn.data.outcome import OutcomeKey
from adaptive.learn.tuning.ways import Chooser, WayResult


def make_fixed_chooser(key: OutcomeKey) -> Chooser:
    """Return a way that always makes this attempt, which raises `KeyError` if it was not recorded."""
    return lambda recorded: WayResult.from_outcome(recorded.outcomes[key])
