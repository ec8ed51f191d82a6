"""What each arm of escalation brings, measured on recorded outcomes from the same rejected attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from adaptive.learn.data.outcome import Recorded
from adaptive.learn.tuning.replay import Replay, Trial
from adaptive.types.attempt import Arm
from adaptive.types.policy import After, Payoff

LEAST = 10
"""Rejected attempts that an arm must have been tried on before its payoff is believed."""


def payoffs(replay: Replay, recorded: Sequence[Recorded]) -> tuple[Payoff, ...]:
    """Payoffs of the arms that were recorded, from every rung of the ladder that the profile's verifier rejects.

    One is added to each count that a share is taken of, against an arm: what was seen seldom is not believed yet.
    """
    trials = sorted(t for one in recorded for t in replay.trials(one))
    found = (_payoff(after, arm, list(some)) for (after, arm), some in groupby(trials, lambda t: (t.after, t.arm)))
    return tuple(p for p in found if p is not None)


def _payoff(after: After, arm: Arm, trials: list[Trial]) -> Payoff | None:
    wrong, right = ([t for t in trials if t.before is one] for one in (False, True))
    tokens = float(np.mean([t.tokens for t in trials]))
    if len(trials) < LEAST or tokens <= 0:
        return None
    return Payoff(
        arm=arm,
        after=after,
        right=round(len(right) / len(trials), 4),
        mends=round(_count(t.kept for t in wrong) / (len(wrong) + 1), 4),
        breaks=round((_count(not t.kept for t in right) + 1) / (len(right) + 2), 4),
        tokens=round(tokens, 1),
        count=len(trials),
    )


def _count(these: Iterable[bool]) -> int:
    return sum(these)
