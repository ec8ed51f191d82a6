"""Intervals cover what they say, tests are those that scipy knows, s1's measures are as its paper defines them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from adaptive.bench import metrics, s1_metrics
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import WayResult
from adaptive.types.usage import Usage

CELLS = st.integers(0, 40)


def taken(right: bool, tokens: int = 10, **more: object) -> WayResult:
    return WayResult(right, Usage(thinking=tokens, **more))  # type: ignore[arg-type]


@given(CELLS, CELLS)
def test_mcnemar_is_the_exact_binomial_test(mended: int, broken: int) -> None:
    count, least = mended + broken, min(mended, broken)
    by_hand = min(1.0, 2 * binom.cdf(least, count, 0.5)) if mended != broken else 1.0
    assert metrics.compute_mcnemar_p(mended, broken) == pytest.approx(by_hand)


def test_newcombes_own_example() -> None:
    """Newcombe 1998, Stat Med 17:2635, table II: 36, 12, 2, 0 of 50; method 10 gives 0.0569 to 0.3404."""
    found = metrics.compare_shares(36, 12, 2, 0)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0569, abs=1e-4), pytest.approx(0.3404, abs=1e-4))


@given(CELLS, CELLS, CELLS, st.integers(1, 40))
def test_a_difference_is_inside_its_interval_and_turns_over_with_the_ways(a: int, b: int, c: int, d: int) -> None:
    found, turned = metrics.compare_shares(a, b, c, d), metrics.compare_shares(a, c, b, d)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_the_interval_of_a_difference_covers_nineteen_times_in_twenty() -> None:
    shares = (0.6, 0.12, 0.08, 0.2)
    drawn = np.random.default_rng(0).multinomial(150, shares, 1500)
    inside = [(f := metrics.compare_shares(*row)).low <= 0.04 <= f.high for row in drawn.tolist()]
    assert 0.93 < np.mean(inside) < 0.98


def test_the_interval_of_a_ratio_covers_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rng.gamma(2, 50, 120), rng.gamma(2, 100, 120)) for _ in range(150)]
    intervals = [metrics.compute_cost_ratio(a, b, seed) for seed, (a, b) in enumerate(pairs)]
    assert 0.9 < np.mean([i is not None and i.low <= 0.5 <= i.high for i in intervals]) <= 1


def test_against_counts_pairs() -> None:
    ours, theirs = [taken(r, 5) for r in (1, 1, 0, 0)], [taken(r, 20) for r in (1, 0, 1, 0)]
    found = metrics.compare_paired(ours, theirs)
    assert (found.mended, found.broken, found.p) == (1, 1, 1.0)
    assert found.ratio == Interval(0.25, 0.25, 0.25)
    assert metrics.compare_paired(ours, [taken(True, 0)] * 4).ratio is None


def test_a_price_is_known_only_where_all_are() -> None:
    assert metrics.average_cost([taken(True, cost=0.5), taken(True, cost=1.5)]) == 1.0
    assert metrics.average_cost([taken(True, cost=0.5), taken(True)]) is None


def test_seconds_are_told_where_they_were_measured() -> None:
    assert metrics.compute_latency([taken(True)] * 3) is None
    found = metrics.compute_latency([taken(True, seconds=float(s)) for s in range(101)])
    assert found == {"p50": 50.0, "p90": 90.0, "p99": 99.0}


def test_s1s_measures_by_hand() -> None:
    runs = [s1_metrics.S1Run(100, 0.2, 1.0), s1_metrics.S1Run(300, 0.6, 0.5), s1_metrics.S1Run(200, 0.5, 1.0)]
    found = s1_metrics.compute_s1_measures(runs)
    # Slopes in points for 1,000 tokens: 30/100, 40/200 and 10/100 points a token.
    assert found.scaling == pytest.approx((300 + 200 + 100) / 3)
    assert (found.control, found.performance, found.runs) == (pytest.approx(2.5 / 3), 0.6, 3)


def test_one_run_has_no_slope() -> None:
    assert (
        s1_metrics.compute_s1_measures([s1_metrics.S1Run(0, 0.1, 1), s1_metrics.S1Run(0, 0.2, 1)]).scaling is None
    )
    with pytest.raises(ValueError, match="no runs"):
        s1_metrics.compute_s1_measures([])


def test_thinking_that_a_provider_does_not_count_apart_has_no_mean() -> None:
    """Its tokens are among those of the answers, so that the kinds add up all the same."""
    known, unknown = Usage(prompt=10, thinking=30, answer=10), Usage(prompt=10, thinking=None, answer=40)
    counted = metrics.average_tokens_by_kind([WayResult(True, known), WayResult(True, known)])
    mixed = metrics.average_tokens_by_kind([WayResult(True, known), WayResult(True, unknown)])
    assert (counted["thinking"], counted["answer"]) == (30, 10)
    assert (mixed["thinking"], mixed["answer"], mixed["prompt"]) == (None, 40, 10)
