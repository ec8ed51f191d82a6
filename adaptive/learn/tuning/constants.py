"""Constants: the same attempt at every question, whatever the question. A policy that is worth having beats
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import InputError
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.tuning.ways import Way, make_fixed_chooser
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy

Floats = NDArray[np.float64]

BEST, TOP = "best", "top"
"""Constants to compare with: the most accurate one, and the top rung with the Waits that it grants."""


def format_rung(rung: Rung) -> str:
    """Return a rung in words."""
    if not rung.thinks:
        return "no thinking"
    waits = f", {rung.waits} Wait{'' if rung.waits == 1 else 's'}" if rung.waits else ""
    return f"{rung.effort} {rung.budget}{waits}"


@dataclass(frozen=True)
class FixedRung:
    """A rung of a ladder, the one with the index `index`, for every question. rung: with its Waits, or without."""

    index: int
    rung: Rung

    @property
    def name(self) -> str:
        """Its name in words."""
        return format_rung(self.rung)

    @property
    def key(self) -> OutcomeKey:
        """The key of its attempt."""
        return rung_to_key(self.rung)

    def replay(self, recorded: Sequence[RecordedQuestion]) -> Way:
        """Return its results; raise `KeyError` if it was not recorded."""
        return Way.replay(f"always {self.name}", make_fixed_chooser(self.key), recorded)

    def to_policy(self, base: Policy) -> Policy:
        """Return the policy that makes this one attempt, judged as the base policy judges."""
        return replace(base, always=self.index, always_waits=self.rung.waits)


def list_fixed_rungs(ladder: Ladder) -> list[FixedRung]:
    """Return every rung without Waits, and those that grant Waits with them, cheapest first."""
    rungs: list[FixedRung] = []
    for index, rung in enumerate(ladder):
        rungs.append(FixedRung(index, replace(rung, waits=0)))
        if rung.waits:
            rungs.append(FixedRung(index, rung))
    return rungs


def choose_reference(rungs: Sequence[FixedRung], recorded: Sequence[RecordedQuestion], against: str) -> FixedRung:
    """Return the constant to compare with.

    Args:
        rungs: At least one, cheapest first.
        recorded: The questions to choose by.
        against: "best", the most accurate one, of several the one with fewest tokens; "top"; or a name.

    Raises:
        InputError: No constant has this name.
    """
    if against == TOP:
        return rungs[-1]
    if against != BEST:
        named = next((one for one in rungs if one.name == against), None)
        if named is None:
            names = ", ".join(repr(one.name) for one in rungs)
            raise InputError(
                f"there is no constant {against!r} to compare with: name {BEST}, {TOP} or one of {names}."
            )
        return named
    ways = [(one, one.replay(recorded)) for one in rungs]
    return max(ways, key=lambda pair: (float(pair[1].right.mean()), -float(pair[1].tokens.mean())))[0]


def find_oracle_tokens(ways: Sequence[Way]) -> Floats:
    """Return the tokens of an oracle at each question: of the cheapest constant that is right, else of the
    cheapest."""
    right, tokens = (np.array([getattr(way, name) for way in ways]) for name in ("right", "tokens"))
    cheapest_right = np.where(right > 0, tokens, np.inf).min(axis=0)
    return np.asarray(np.where(np.isfinite(cheapest_right), cheapest_right, tokens.min(axis=0)), np.float64)
