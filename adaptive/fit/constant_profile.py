"""Which constants a fit compares, and the profile that does the same at every question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import Constant, list_constants
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder
from adaptive.types.policy import Policy


def list_simple_constants(ladder: Ladder, recorded: Sequence[RecordedQuestion]) -> list[Constant]:
    """Return the plain call and all constants that need no verdict: what `make_constant_profile` can do.

    Args:
        ladder: The ladder that was recorded.
        recorded: The questions, each with a plain call.
    """
    return sorted(list_constants(ladder, recorded), key=lambda one: one.kind != "plain")


def make_constant_profile(base: Profile, constant: Constant, figures: dict[str, Any]) -> Profile:
    """Return the profile that does the same at every question. It predicts nothing, and verifies nothing.

    A plain call is what a model without any profile does, with the same safety net; after any other constant
    nothing follows.

    Args:
        base: A profile of the model. Its ladder stays for callers who set an effort or a budget.
        constant: What it does.
        figures: Of the new profile.
    """
    policy, own_ladder = Policy(measured=False, vote_temperature=base.policy.vote_temperature), None
    if constant.kind != "plain":
        policy = replace(policy, max_attempts=1, always=constant.routine)
        own_ladder = Ladder((constant.rung,))
    return Profile(
        base.name, base.model, base.ladder, base.style, policy, base.stops, figures=figures, own_ladder=own_ladder
    )
