"""Which rung promises most at each of many questions: the numbers of `adaptive.policy.utility`, in arrays.

A search replays many policies that differ in what a right answer is worth. All else that a promise consists of is
computed once, and a worth is a product over arrays. Where two rungs promise all but the same, rounding could
decide otherwise than in a solve, so `choose_promising_rung` decides there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptive.policy.utility import choose_promising_rung, get_worth
from adaptive.types.forecast import Forecast
from adaptive.types.logistic import LEAST_CHANCE, MAX_LOGIT
from adaptive.types.policy import Policy

Floats = NDArray[np.float64]
NEARLY = 1e-9
"""Promises that differ by a smaller share of their size are all but the same."""


class FirstRungs:
    """The first rungs of policies that differ in their worth, and in whether other attempts follow."""

    def __init__(self, policy: Policy, forecasts: Sequence[Forecast]) -> None:
        """Compute what does not depend on the worth.

        Args:
            policy: Its `follow_ups` and `evidence` count.
            forecasts: Of the questions, each of the same rungs.
        """
        self.policy, self.forecasts = policy, forecasts
        self.p = np.array([one.p_solved for one in forecasts], np.float64)
        self.tokens = np.array([one.tokens for one in forecasts], np.float64)
        self.options = [_Option.measure(index, policy, self.p, self.tokens) for index in range(self.p.shape[1])]

    def choose(self, policy: Policy) -> list[int]:
        """Return the rung of each question.

        Args:
            policy: Its `worth`, `escalates` and `max_attempts` count; the rest is that of the policy before.
        """
        worth = get_worth(policy)
        promised = worth * self.p - self.tokens
        if policy.escalates and policy.max_attempts > 1:
            later = [None if option is None else option.estimate(worth) for option in self.options]
            promised += np.column_stack([np.zeros(len(self.p)) if one is None else one for one in later])
        chosen: list[int] = np.argmax(promised, axis=1).tolist()
        if promised.shape[1] < 2:
            return chosen
        second, first = np.sort(promised, axis=1)[:, -2:].T
        close = first - second <= NEARLY * (np.abs(first) + worth + self.tokens.max(axis=1))
        exact = replace(self.policy, worth=policy.worth, escalates=policy.escalates)
        rungs = range(promised.shape[1])
        for place in np.flatnonzero(close).tolist():
            chosen[place] = choose_promising_rung(rungs, exact, self.forecasts[place])
        return chosen


@dataclass(frozen=True)
class _Option:
    """What may follow an attempt at one rung.

    shares: of the verdicts that it may get, shape (n, verdicts). gained: the right answers that each follow-up
    adds after each verdict, shape (n, follow-ups, verdicts). costs: what each takes, shape (n, follow-ups, 1).
    """

    shares: Floats
    gained: Floats
    costs: Floats

    @classmethod
    def measure(cls, index: int, policy: Policy, p: Floats, tokens: Floats) -> _Option | None:
        """Return it for a rung; None if nothing that was measured follows it."""
        evidence = next((e for e in policy.evidence if e.rung == index), None)
        follow_ups = [f for f in policy.follow_ups if f.source == index and f.rung < p.shape[1]]
        if evidence is None or not follow_ups:
            return None
        own = p[:, index, None]
        shifts = np.array([*evidence.right, *evidence.wrong])
        right, wrong = len(evidence.right), len(evidence.wrong)
        share_right, share_wrong = own / max(1, right), (1 - own) / max(1, wrong)
        shares = np.hstack([np.repeat(share_right, right, 1), np.repeat(share_wrong, wrong, 1)])
        scores = _to_probabilities(_to_log_odds(own) + shifts)[:, None, :]
        rungs = [f.rung for f in follow_ups]
        bias, slope, breaks, cost = (
            np.array([getattr(f, name) for f in follow_ups]) for name in ("bias", "slope", "breaks", "cost")
        )
        mends = _to_probabilities(bias + slope * _to_log_odds(p[:, rungs]))[:, :, None]
        gained = (1 - scores) * mends - scores * breaks[:, None]
        return cls(shares, gained, (cost * tokens[:, rungs])[:, :, None])

    def estimate(self, worth: float) -> Floats:
        """Return what it promises at each question, shape (n,)."""
        best = np.maximum(0.0, (worth * self.gained - self.costs).max(axis=1))
        return np.asarray((self.shares * best).sum(axis=1))


def _to_log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _to_probabilities(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -MAX_LOGIT, MAX_LOGIT))))
