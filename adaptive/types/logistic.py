"""Logistic models as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

MAX_LOGIT = 30.0


@dataclass(frozen=True)
class Logistic:
    """A logistic regression over `features`, as a profile keeps it; a feature without a weight has none."""

    weights: dict[str, float]
    bias: float
    threshold: float

    def p_right(self, features: Mapping[str, float]) -> float:
        """The probability that the answer is right, in 0..1."""
        logit = self.bias + sum(w * features.get(name, 0.0) for name, w in self.weights.items())
        return 1 / (1 + math.exp(-max(-MAX_LOGIT, min(MAX_LOGIT, logit))))


def log_odds(p: float) -> float:
    """The log-odds of a probability, within -10..10."""
    p = min(1 - 4.54e-5, max(4.54e-5, p))
    return math.log(p / (1 - p))


@dataclass(frozen=True)
class LogitModel:
    """Log-odds as a weighted sum of what is seen; what has no weight does not count."""

    weights: dict[str, float]
    bias: float

    def predict(self, features: dict[str, float]) -> float:
        """The probability, in 0..1."""
        logit = self.bias + sum(w * features.get(name, 0.0) for name, w in self.weights.items())
        return 1 / (1 + exp(-max(-MAX_LOGIT, min(MAX_LOGIT, logit))))
