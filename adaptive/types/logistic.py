"""Logistic models as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

MAX_LOGIT = 30.0
LEAST_CHANCE = 4.54e-5
"""The least probability that log-odds are taken of, and the distance of the most from 1."""


@dataclass(frozen=True)
class Logistic:
    """A logistic regression, as a profile keeps it; a feature without a weight does not count."""

    weights: dict[str, float]
    bias: float
    threshold: float

    def p_right(self, features: Mapping[str, float]) -> float:
        """Return the probability that the answer is right, in 0..1."""
        logit = self.bias + sum(w * features.get(name, 0.0) for name, w in self.weights.items())
        return to_probability(logit)


def to_probability(logit: float) -> float:
    """Return the probability of log-odds, which are taken within -30..30."""
    return 1 / (1 + math.exp(-max(-MAX_LOGIT, min(MAX_LOGIT, logit))))


def log_odds(p: float) -> float:
    """Return the log-odds of a probability, within -10..10."""
    p = min(1 - LEAST_CHANCE, max(LEAST_CHANCE, p))
    return math.log(p / (1 - p))


@dataclass(frozen=True)
class LogitModel:
    """Log-odds as a weighted sum of features; a feature without a weight does not count."""

    weights: dict[str, float]
    bias: float

    def predict(self, features: dict[str, float]) -> float:
        """Return the probability, in 0..1."""
        logit = self.bias + sum(w * features.get(name, 0.0) for name, w in self.weights.items())
        return to_probability(logit)
