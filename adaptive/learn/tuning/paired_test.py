"""Probabilities of paired counts as extreme as those observed, for `adaptive.learn.tuning.risk`.

Losses and gains in n questions are trinomial. If E[D], the probability of a loss minus that of a gain, is the
target, one probability remains free: q, that of a gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, gammaln, xlogy

PER_DEVIATION = 4
ZOOM = 8
PEAKS = 4
ROUNDS = 3
TINY = float(np.finfo(np.float64).tiny)
TIES = 1e-9

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class RejectionRegion:
    """The counts at least as extreme as those observed: at most `most[i]` losses at `first + i` gains."""

    n: int
    target: float
    first: int
    most: Counts

    @classmethod
    def from_counts(
        cls, losses: int, gains: int, n: int, target: float, low: float, high: float
    ) -> RejectionRegion:
        """Return the region of counts at least as extreme as these.

        Args:
            losses: Questions that only the top rung has right.
            gains: Questions that only the policy has right.
            n: All questions.
            target: The mean loss of H0.
            low: The least probability of a gain to search.
            high: The largest one.
        """
        first, last = (int(edge[0]) for edge in _find_window(n, np.array([low]), np.array([high])))
        observed = float(_compute_ratio(np.array([losses]), np.array([gains]), n, target)[0])
        steps = np.arange(first, last + 1)
        return cls(n, target, first, _find_most_losses(steps, n, target, observed - TIES * (1 + observed)))

    def compute_probability(self, q: Floats) -> Floats:
        """Return the probability of the region, shape (k,), for probabilities `q` of a gain; E[D] is the target.

        Gains are Binomial(n, q), and losses among the other questions Binomial(n - gains, (q + target) / (1 - q)).
        """
        start, end = _find_window(self.n, q, q)
        sizes = end - start + 1
        row = np.repeat(np.arange(len(q)), sizes)
        gains = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes - start, sizes)
        losses = self.most[gains - self.first]
        row, gains, losses = (values[losses >= 0] for values in (row, gains, losses))
        both = _compute_binomial(gains, self.n, q[row]) * self._compute_losses_cdf(losses, self.n - gains, q[row])
        return np.bincount(row, both, minlength=len(q)).astype(np.float64)

    def _compute_losses_cdf(self, losses: Counts, among: Counts, q: Floats) -> Floats:
        neither = np.maximum(0.0, 1 - 2 * q - self.target) / np.maximum(1 - q, TINY)
        rest = among - losses
        some = betainc(np.maximum(rest, 1), losses + 1.0, np.minimum(neither, 1.0))
        return np.where(rest > 0, some, 1.0)


def _find_window(n: int, low: Floats, high: Floats) -> tuple[Counts, Counts]:
    """Return the fewest and most gains to consider for probabilities in low..high; 1e-12 of the mass is cut."""
    far = (7 * np.sqrt(n * p * (1 - p)) for p in (low, high))
    start = np.floor(n * low - next(far) - 3)
    end = np.ceil(n * high + next(far) + 25)
    return np.maximum(start, 0).astype(np.int64), np.minimum(end, n).astype(np.int64)


def _compute_binomial(k: Counts, n: int, p: Floats) -> Floats:
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    probability: Floats = np.exp(ways + xlogy(k, p) + xlogy(n - k, 1 - p))
    return probability


def _compute_ratio(losses: Counts, gains: Counts, n: int, target: float) -> Floats:
    """Return the log-likelihood ratio of these counts: unrestricted, against E[D] at the target; 0 or more."""
    q = _find_likeliest(losses, gains, n, target)
    chances = ((losses, q + target), (gains, q), (n - losses - gains, 1 - 2 * q - target))
    return sum((_compute_ratio_term(k, n, p) for k, p in chances), np.zeros(len(q)))


def _compute_ratio_term(k: Counts, n: int, p: Floats) -> Floats:
    """Return k log(k / n p), and 0 if k is 0."""
    return np.asarray(k * np.log(np.where(k > 0, k / (n * np.maximum(p, TINY)), 1.0)), dtype=np.float64)


def _find_likeliest(losses: Counts, gains: Counts, n: int, target: float) -> Floats:
    """Return the most likely probability of a gain for these counts, if E[D] is the target.

    The root of 2n q^2 - b q - c with b = (losses + gains)(1 - target) - 2 target (n - losses), c = gains target
    (1 - target), written so that nothing cancels.
    """
    b = (losses + gains) * (1 - target) - 2 * target * (n - losses)
    c = gains * (target * (1 - target))
    root = np.sqrt(np.maximum(b * b + 8.0 * n * c, 0.0))
    q = np.where(b >= 0, (b + root) / (4 * n), 2 * c / np.where(b < 0, root - b, 1.0))
    return np.clip(q, max(0.0, -target), (1 - target) / 2)


def _find_most_losses(gains: Counts, n: int, target: float, least_ratio: float) -> Counts:
    """Return for each number of gains the most losses with at least this ratio; -1 if there are none."""
    low = np.full(len(gains), -1, dtype=np.int64)
    high = np.clip(np.ceil(gains + n * target).astype(np.int64) - 1, -1, n - gains)
    while np.any(low < high):
        middle = (low + high + 1) // 2
        inside = _compute_ratio(np.maximum(middle, 0), gains, n, target) >= least_ratio
        searched = low < high
        low = np.where(searched & inside, middle, low)
        high = np.where(searched & ~inside, middle - 1, high)
    return low


def bound_gain_chance(gains: int, n: int, target: float, beta: float) -> tuple[float, float]:
    """Return the range of probabilities of a gain to search: those of H0 and, with a beta, of its confidence set.

    The set is the Clopper-Pearson interval of level 1 - beta. It is by hand: `scipy.stats.binomtest` takes longer
    to import than this takes to run, and rounds otherwise, so that p-values would change in their last digits.
    """
    low, high = max(0.0, -target), (1 - target) / 2
    if not beta:
        return low, high
    least_likely = float(betaincinv(gains, n - gains + 1, beta / 2)) if gains else 0.0
    most_likely = float(betaincinv(gains + 1, n - gains, 1 - beta / 2)) if gains < n else 1.0
    return max(low, least_likely), min(high, most_likely)


def maximise_probability(region: RejectionRegion, low: float, high: float) -> float:
    """Return the largest probability of the region for probabilities of a gain in low..high, to 1 in 1,000.

    The first grid is finer near 0, with a few points within each standard deviation of the counts (bottom + width
    sin^2). The next ones are closer and closer around the best points.
    """
    bottom, width = max(0.0, -region.target), (1 - region.target) / 2 - max(0.0, -region.target)
    start, end = np.arcsin(np.sqrt(np.clip((np.array([low, high]) - bottom) / max(width, TINY), 0, 1)))
    count = 3 + math.ceil((end - start) * 2 * math.sqrt(region.n * width) * PER_DEVIATION)
    angles, step, largest = np.linspace(start, end, count), (end - start) / (count - 1), 0.0
    for _ in range(ROUNDS):
        values = region.compute_probability(bottom + width * np.sin(angles) ** 2)
        largest = max(largest, float(values.max()))
        near = np.linspace(-step, step, ZOOM + 1)
        angles = np.unique(np.clip(_find_peaks(angles, values)[:, None] + near, start, end))
        step = 2 * step / ZOOM
    return largest


def _find_peaks(angles: Floats, probabilities: Floats) -> Floats:
    """Return the angles of the highest peaks."""
    padded = np.pad(probabilities, 1, constant_values=-1.0)
    peaks = np.flatnonzero((probabilities >= padded[:-2]) & (probabilities >= padded[2:]))
    highest: Floats = angles[peaks[np.argsort(-probabilities[peaks])[:PEAKS]]]
    return highest
