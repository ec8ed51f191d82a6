"""Constants, which a policy must beat: a plain call and every fixed rung; and the profiles that do just that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptive.bench.tuning import average_columns, find_cheapest_way
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, make_plain_key, rung_to_key
from adaptive.learn.tuning.constants import format_rung
from adaptive.learn.tuning.ways import Way, make_fixed_chooser
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy

PLAIN_NAME = "a plain call"


@dataclass(frozen=True)
class Constant:
    """The same attempt at every question. rung: None for the plain call."""

    key: OutcomeKey
    rung: Rung | None = None

    @property
    def name(self) -> str:
        """Its name in words."""
        return PLAIN_NAME if self.rung is None else format_rung(self.rung)

    def replay(self, recorded: Sequence[RecordedQuestion]) -> Way:
        """Return its results on recorded questions."""
        return Way.replay(self.name, make_fixed_chooser(self.key), recorded)


def list_constants(ladder: Ladder, window: int) -> list[Constant]:
    """Return the plain call of a model with this context window, and each rung without its Waits, in order."""
    rungs = dict.fromkeys(replace(rung, waits=0) for rung in ladder)
    return [Constant(make_plain_key(window)), *(Constant(rung_to_key(rung), rung) for rung in rungs)]


def find_best_constant(
    constants: Sequence[Constant], recorded: Sequence[RecordedQuestion], margin: float
) -> Constant:
    """Return the cheapest constant whose accuracy is within the margin of the most accurate one's.

    Args:
        constants: At least one.
        recorded: The questions to choose by.
        margin: The accuracy (0 to 1) that it may be behind.
    """
    ways = [one.replay(recorded) for one in constants]
    right = average_columns([way.right.tolist() for way in ways])
    tokens = average_columns([way.tokens.tolist() for way in ways])
    return constants[find_cheapest_way(right, tokens, float(right.max()) - margin)]


def make_constant_profile(base: Profile, constant: Constant, figures: dict[str, Any]) -> Profile:
    """Return the profile that does the same at every question. It predicts nothing, and verifies nothing.

    A fixed rung is one attempt. A plain call is what a model without any profile does, with the same safety net.

    Args:
        base: The profile before learning. Its ladder stays for callers who set an effort or a budget.
        constant: What it does.
        figures: Of the new profile.
    """
    policy, own_ladder = Policy(measured=False), None
    if constant.rung is not None:
        policy, own_ladder = replace(policy, max_attempts=1), Ladder((constant.rung,))
    return Profile(
        base.name, base.model, base.ladder, base.style, policy, base.stops, figures=figures, own_ladder=own_ladder
    )
