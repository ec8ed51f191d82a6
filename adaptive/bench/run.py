"""A policy replayed on recorded outcomes and measured; what is measured live comes in through `Policy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.bench.baselines import Trial
from adaptive.bench.figures import POLICY, Figures, figures
from adaptive.bench.split import Chosen
from adaptive.errors import InputError
from adaptive.learn.data.outcome import Key, Recorded
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import Taken, Way
from adaptive.profile.profile import Profile

REPLAYED = (
    "Replayed from recorded attempts: there are no seconds and no prices, for the attempts were bought once for "
    "all ways together."
)


@dataclass(frozen=True)
class Took:
    """What a policy took on each test question, and the share of its attempts that kept within their budgets."""

    taken: tuple[Taken, ...]
    within: float
    live: bool
    note: str


def replayed(profile: Profile, test: Sequence[Recorded]) -> Took:
    """The profile's policy on recorded questions, without a call.

    Raises `InputError` where it buys what was not recorded.
    """
    try:
        way = Way.of(POLICY, Replay.of(profile, test).taken, test)
    except KeyError as error:
        raise _not_recorded(error) from error
    within = [_within(one, recorded) for one, recorded in zip(way, test, strict=True)]
    return Took(way.taken, float(np.mean(within)), False, REPLAYED)


def bench(
    profile: Profile, chosen: Chosen, took: Took, window: int, loss: float, about: Mapping[str, str]
) -> Figures:
    """All figures. loss: in 0..1, what tuning a baseline may lose against the top rung; window: the model's."""
    policy = Way(POLICY, took.taken)
    trial = Trial(chosen.test, chosen.tuning, policy, profile.ladder, window, loss, profile.policy.vote_sure)
    said = {
        **about,
        "test questions": str(len(chosen.test)),
        "tuning questions": str(len(chosen.tuning)),
        "target loss": f"{100 * loss:g} point{'' if loss == 0.01 else 's'}",
    }
    return figures(trial, took.within, (*chosen.notes, took.note), said, took.live)


def _within(taken: Taken, recorded: Recorded) -> bool:
    """Whether the attempt whose answer was kept stayed within its budget."""
    return taken.key is None or recorded.outcomes[taken.key].attempt.charged <= taken.key.budget


def _not_recorded(error: KeyError) -> Exception:
    """What the policy wanted to buy and could not, in a sentence; any other missing key as it is."""
    key = error.args[0]
    if not isinstance(key, Key):
        return error
    waits = f" with {key.waits} Wait{'' if key.waits == 1 else 's'}" if key.waits else ""
    more = f", --waits {key.waits}" if waits else ""
    return InputError(
        f"the policy buys {key.effort} {key.budget}{waits}, which was not recorded of every question: record them "
        f"again with `adaptive record --profile` and this profile{more}."
    )
