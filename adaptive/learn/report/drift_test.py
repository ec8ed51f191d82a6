"""An exact test of drift: are more questions outside a profile's domain than chance makes them?"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.report.tables import format_percentage
from adaptive.profile.domain import ALPHA, Domain

LEAST_QUESTIONS = 10
"""With fewer questions nothing is advised: a recording of so few would not help either."""
SIGNIFICANCE = 0.01
"""It is 1 %, not 5 %, since the report is looked at again and again."""


@dataclass(frozen=True)
class OutsideShare:
    """How many of `count` are outside."""

    count: int
    outside: int

    def estimate(self) -> tuple[float, float, float]:
        """Return the share that is outside, and its 95 % Wilson interval."""
        return estimate_share(self.outside, self.count)

    def to_json(self) -> dict[str, Any]:
        """Return the counts, and the share that is outside with its interval."""
        share, low, high = self.estimate()
        return {"count": self.count, "outside": self.outside, "share": share, "interval": [low, high]}


@dataclass(frozen=True)
class DriftTest:
    """Whether more of the last questions are outside than chance makes them.

    recent: of the last questions, each once. alpha: the share that chance makes outside. p_value: the probability
    of so many or more, if the questions are of the recorded kind.
    """

    recent: OutsideShare
    alpha: float
    p_value: float

    @classmethod
    def of(cls, recent: OutsideShare, domain: Domain | None) -> DriftTest:
        """Test the last questions; without the domain its `alpha` is taken to be the default."""
        if domain is None:
            return cls(recent, ALPHA, compute_drift_p_value(recent, ALPHA))
        return cls(recent, domain.alpha, compute_drift_p_value(recent, domain.alpha, len(domain.scores)))

    @property
    def is_shown(self) -> bool:
        """Whether drift is shown."""
        return self.recent.count >= LEAST_QUESTIONS and self.p_value < SIGNIFICANCE

    def advise(self, model: str) -> str:
        """Return one sentence: whether to record anew, and how."""
        counts = f"{self.recent.outside} of the last {self.recent.count} different questions are outside"
        if self.recent.count < LEAST_QUESTIONS:
            return f"Too few questions to tell: {counts}, and at least {LEAST_QUESTIONS} are needed."
        found = f"{counts}, and {format_percentage(self.alpha)} would be by chance (p = {self.p_value:.2g})"
        if not self.is_shown:
            return f"No need to record anew: {found}."
        command = f"adaptive record --from-log -m {shlex.quote(model)} --out outcomes.db"
        return f"Record anew (`{command}`) and train again: {found}."

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**self.recent.to_json(), "expected": self.alpha, "p_value": self.p_value, "drift": self.is_shown}


def compute_drift_p_value(share: OutsideShare, alpha: float, recorded: int | None = None) -> float:
    """Return the exact probability that so many or more questions are outside, if they are like the recorded ones.

    Args:
        share: The new questions.
        alpha: The share of them that is outside by chance.
        recorded: How many recorded questions the domain's threshold was taken from. The true share is not known
            any better than these tell, so the count is beta-binomial. None: `alpha` is taken to be exact, and the
            count is binomial.
    """
    if not share.outside:
        return 1.0
    if recorded is None:
        from scipy.special import betainc

        return float(betainc(share.outside, share.count - share.outside + 1, alpha))
    return _sum_beta_binomial(share, above=recorded + 1 - Domain.find_rank(alpha, recorded), recorded=recorded)


def _sum_beta_binomial(share: OutsideShare, above: int, recorded: int) -> float:
    """Return P(count >= share.outside). The share outside is Beta(above, recorded + 1 - above)."""
    from scipy.special import betaln, gammaln

    n, k = share.count, np.arange(share.outside, share.count + 1)
    below = recorded + 1 - above
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    chances = np.exp(ways + betaln(k + above, n - k + below) - betaln(above, below))
    return min(1.0, float(chances.sum()))
