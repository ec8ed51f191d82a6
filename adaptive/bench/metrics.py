"""Shares, paired differences and ratios, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import Floats, WayResult
from adaptive.types.usage import TOKEN_FIELDS, CostUnit, Usage

BOOTSTRAP_SAMPLES = 2000
PERCENTILES = (50, 90, 99)


@dataclass(frozen=True)
class PairedComparison:
    """One way compared with another on the same questions.

    Args:
        accuracy: The difference in accuracy, ours minus theirs.
        p: The exact two-sided McNemar test.
        mended: Questions that are right in ours and wrong in theirs.
        broken: Questions that are wrong in ours and right in theirs.
        ratio: Our mean cost over theirs; None if theirs is 0 or not known.
    """

    accuracy: Interval
    p: float
    mended: int
    broken: int
    ratio: Interval | None


def measure_accuracy(right: Floats) -> Interval:
    """Return the share of right answers with its Wilson interval."""
    return Interval(*estimate_share(int(right.sum()), len(right)))


def compare_paired(
    ours: Sequence[WayResult], theirs: Sequence[WayResult], unit: CostUnit = "tokens", seed: int = 0
) -> PairedComparison:
    """Compare ours with theirs, question by question.

    Args:
        ours: One way's results.
        theirs: Another's, on the same questions.
        unit: What costs are counted in.
        seed: The bootstrap's.
    """
    mine, other = (np.array([t.right for t in way], dtype=np.bool_) for way in (ours, theirs))
    mended, broken = int((mine & ~other).sum()), int((~mine & other).sum())
    both, neither = int((mine & other).sum()), int((~mine & ~other).sum())
    known = unit == "tokens" or all(t.usage.cost is not None for t in (*ours, *theirs))
    return PairedComparison(
        compare_shares(both, mended, broken, neither),
        compute_mcnemar_p(mended, broken),
        mended,
        broken,
        _compute_cost_ratio(ours, theirs, unit, seed) if known else None,
    )


def _compute_cost_ratio(
    ours: Sequence[WayResult], theirs: Sequence[WayResult], unit: CostUnit, seed: int
) -> Interval | None:
    spent, paid = (np.array([t.usage.measure(unit) for t in way], dtype=np.float64) for way in (ours, theirs))
    return compute_cost_ratio(spent, paid, seed)


def compute_mcnemar_p(mended: int, broken: int) -> float:
    """Return the p of the exact two-sided McNemar test; 1 if nothing changed."""
    return float(binomtest(mended, mended + broken).pvalue) if mended + broken else 1.0


def compare_shares(both: int, mended: int, broken: int, neither: int) -> Interval:
    """Return the difference of two paired shares with its 95 % interval.

    It is Newcombe's (1998, Statistics in Medicine 17, method 10), which scipy lacks. Unlike a bootstrap, it
    has a width if the two hardly ever differ.

    Args:
        both: Questions that are right in both.
        mended: Right in ours alone.
        broken: Right in theirs alone.
        neither: Right in none.
    """
    count = both + mended + broken + neither
    ours, low, high = estimate_share(both + mended, count)
    theirs, least, most = estimate_share(both + broken, count)
    phi = _compute_phi(both, mended, broken, neither)
    down = _combine_errors(ours - low, most - theirs, phi)
    up = _combine_errors(high - ours, theirs - least, phi)
    return Interval(ours - theirs, max(-1.0, ours - theirs - down), min(1.0, ours - theirs + up))


def compute_cost_ratio(ours: Floats, theirs: Floats, seed: int = 0) -> Interval | None:
    """Return the ratio of mean tokens with a bootstrap interval over questions; None if theirs are all 0."""
    if not theirs.sum():
        return None
    rows = np.random.default_rng(seed).integers(0, len(ours), (BOOTSTRAP_SAMPLES, len(ours)))
    below = theirs[rows].sum(axis=1)
    ratios = ours[rows].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Interval(float(ours.sum() / theirs.sum()), float(low), float(high))


def average_tokens_by_kind(results: Sequence[WayResult]) -> dict[str, float | None]:
    """Return the mean tokens per question of each kind; of thinking None, if one does not count it apart."""
    total = sum((t.usage for t in results), Usage())
    counts = {kind: getattr(total, kind) for kind in TOKEN_FIELDS}
    return {kind: None if count is None else count / len(results) for kind, count in counts.items()}


def average_cost(results: Sequence[WayResult]) -> float | None:
    """Return the mean price per question; None if one has no price."""
    prices = [t.usage.cost for t in results]
    priced = [p for p in prices if p is not None]
    return float(np.mean(priced)) if priced and len(priced) == len(prices) else None


def compute_latency(results: Sequence[WayResult]) -> dict[str, float] | None:
    """Return the seconds per question at percentiles 50, 90 and 99; None if not measured."""
    seconds = [t.usage.seconds for t in results]
    if not any(seconds):
        return None
    values = np.percentile(seconds, PERCENTILES)
    return {f"p{at}": float(value) for at, value in zip(PERCENTILES, values, strict=True)}


def _combine_errors(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _compute_phi(both: int, mended: int, broken: int, neither: int) -> float:
    sides = (both + mended) * (broken + neither) * (both + broken) * (mended + neither)
    return (both * neither - mended * broken) / math.sqrt(sides) if sides else 0.0
