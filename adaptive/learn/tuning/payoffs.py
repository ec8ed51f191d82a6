"""The payoff of each arm of escalation, measured on recorded outcomes after the same rejected attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.replay import ArmTrial, Replay
from adaptive.types.attempt import Arm
from adaptive.types.policy import After, Payoff

MIN_TRIALS = 10
"""An arm has a payoff only if it was tried after at least so many rejected attempts."""


def measure_payoffs(replay: Replay, recorded: Sequence[RecordedQuestion]) -> tuple[Payoff, ...]:
    """Return the payoffs of recorded arms, after every rung whose answer the profile's verifier rejects.

    Shares are smoothed by one against the arm, so that rare successes count little.
    """
    trials = sorted(t for one in recorded for t in replay.try_arms(one))
    payoffs = (
        _measure_payoff(after, arm, list(some))
        for (after, arm), some in groupby(trials, lambda t: (t.after, t.arm))
    )
    return tuple(p for p in payoffs if p is not None)


def _measure_payoff(after: After, arm: Arm, trials: list[ArmTrial]) -> Payoff | None:
    wrong, right = ([t for t in trials if t.right_before is one] for one in (False, True))
    tokens = float(np.mean([t.tokens for t in trials]))
    if len(trials) < MIN_TRIALS or tokens <= 0:
        return None
    return Payoff(
        arm=arm,
        after=after,
        right=round(len(right) / len(trials), 4),
        mends=round(_count_true(t.right_after for t in wrong) / (len(wrong) + 1), 4),
        breaks=round((_count_true(not t.right_after for t in right) + 1) / (len(right) + 2), 4),
        tokens=round(tokens, 1),
        count=len(trials),
    )


def _count_true(these: Iterable[bool]) -> int:
    return sum(these)
