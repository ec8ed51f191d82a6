"""The policies that are tested, and in which order: found on the questions to search on, before any test.

A policy that saves little must lose less than the mix of constants that takes as much, not only less than the
target: else up to the target would be lost for next to nothing, which a coin saves too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.hull_gain import measure_drop
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.policy_search import PolicySearch, Search, select_pareto
from adaptive.learn.tuning.ways import Way
from adaptive.profile.profile import Profile
from adaptive.types.policy import Policy

SHOWN_SAVING = 0.1
"""The share of the reference's cost that it is worth losing up to the target for, and whose power is told."""
LINED_UP = 24
"""The most policies that are tested."""


@dataclass(frozen=True)
class LinedUpPolicy:
    """A policy to test. target: the loss that it must be shown to stay below. constant: it is that constant."""

    policy: Policy
    target: float
    constant: Constant | None = None


def line_up_policies(
    profile: Profile,
    search: Search,
    goal: Goal,
    constants: Sequence[tuple[Constant, Way]],
    reference: Constant,
) -> list[LinedUpPolicy]:
    """Return the policies to test, the safest in the search first.

    Args:
        profile: A profile with a verifier model.
        search: The questions to search on, all of which can be replayed.
        goal: The goal.
        constants: All constants with their results on the questions to search on.
        reference: The one that accuracy is compared with.
    """
    on_reference = next(way for one, way in constants if one == reference)
    found = PolicySearch(profile, search, on_reference.unit)
    drop = measure_drop([way for _, way in constants], on_reference)
    # Constants first: of ways that are as accurate and as cheap the simplest is kept.
    tried = [(way, LinedUpPolicy(one.to_policy(profile.policy), goal.target, one)) for one, way in constants]
    for policy, way in found.find_front():
        saves = float(way.spent.mean()) <= (1 - SHOWN_SAVING) * float(on_reference.spent.mean())
        tried.append((way, LinedUpPolicy(policy, goal.target if saves else min(goal.target, drop(way)))))
    # What must be shown more is left out at first: it may fail, and would keep out what it beats.
    front = select_pareto([pair for pair in tried if pair[1].target == goal.target], _get_way)
    front += [pair for pair in select_pareto(tried, _get_way) if pair[1].target != goal.target]
    line = [
        (PairedLosses.from_ways(way, on_reference, search.recorded).compute_p_value(one.target), one)
        for way, one in front
        if goal.is_affordable(way) and one.constant != reference
    ]
    line.sort(key=lambda pair: pair[0])
    if not line:
        return []
    spread = np.unique(np.linspace(0, len(line) - 1, LINED_UP).round().astype(np.int64))
    return [line[i][1] for i in spread]


def _get_way(tried: tuple[Way, LinedUpPolicy]) -> Way:
    return tried[0]
