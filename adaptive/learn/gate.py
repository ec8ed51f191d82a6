"""Gates: from which confidence on an answer is right often enough to be accepted without another look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_ACCEPTED = 20
"""Answers that a threshold must let through before its precision is believed."""


@dataclass(frozen=True)
class Gate:
    """A threshold on confidence, None where none reaches the target precision on enough answers.

    answers: how many were judged, `right` of them right. accepted, accepted_right: of these, when each half
    is judged by the threshold of the other half; so these two are held out, and the threshold is of all.
    """

    target: float
    threshold: float | None
    answers: int
    right: int
    accepted: int
    accepted_right: int

    @classmethod
    def fit(cls, confidence: Sequence[float | None], correct: Sequence[bool], target: float, seed: int) -> Gate:
        """The lowest threshold that lets answers through of which the share `target` is right.

        An answer without a confidence is never let through.
        """
        sure = np.array([-1.0 if c is None else c for c in confidence], dtype=np.float64)
        right = np.asarray(correct, dtype=np.bool_)
        half = np.random.default_rng(seed).permutation(len(sure)) % 2
        passed = np.zeros(len(sure), dtype=np.bool_)
        for one in (0, 1):
            threshold = _threshold(sure[half != one], right[half != one], target)
            passed |= (half == one) & (sure >= (math.inf if threshold is None else threshold))
        return cls(
            target=target,
            threshold=_threshold(sure, right, target),
            answers=len(sure),
            right=int(right.sum()),
            accepted=int(passed.sum()),
            accepted_right=int((passed & right).sum()),
        )

    @property
    def coverage(self) -> float:
        """Share of the answers that is accepted."""
        return self.accepted / self.answers if self.answers else 0.0

    @property
    def recall(self) -> float:
        """Share of the right answers that is accepted."""
        return self.accepted_right / self.right if self.right else 0.0

    def precision(self) -> tuple[float, float, float]:
        """Share of the accepted answers that is right, and its 95 % interval."""
        return share(self.accepted_right, self.accepted)

    def passes(self, confidence: float | None) -> bool:
        """Whether an answer of this confidence is accepted."""
        return confidence is not None and self.threshold is not None and confidence >= self.threshold


def share(part: int, whole: int) -> tuple[float, float, float]:
    """part / whole and its 95 % Wilson interval (Wilson 1927); 0 and 0..1 where `whole` is 0."""
    if not whole:
        return 0.0, 0.0, 1.0
    z, p = 1.959964, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    width = z / (1 + z * z / whole) * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    return p, max(0.0, middle - width), min(1.0, middle + width)


def _threshold(sure: NDArray[np.float64], right: NDArray[np.bool_], target: float) -> float | None:
    """The lowest confidence at and above which answers are right with the target's share, in this sample."""
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    precision = np.cumsum(right[order]) / np.arange(1, len(ranked) + 1)
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True) if len(ranked) else np.empty(0, dtype=np.bool_)
    enough = np.arange(1, len(ranked) + 1) >= LEAST_ACCEPTED
    good = np.flatnonzero(last_of_ties & enough & (precision >= target) & (ranked >= 0))
    return float(ranked[good[-1]]) if len(good) else None
