"""P-values and bounds of what a policy loses: never too small, by summing all that can be seen."""

from __future__ import annotations

import math
import time
import timeit
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from adaptive.errors import InputError
from adaptive.learn.tuning.risk import (
    BETA,
    compute_p_value,
    compute_upper_bound,
    count_minimum_questions,
    count_questions_needed,
    count_rejected,
)

TARGETS = st.sampled_from((-0.1, 0.0, 0.01, 0.03, 0.1, 0.3, 0.7))
BETAS = st.sampled_from((0.0, BETA))
FOUND = 1.001
"""The largest probability is looked for, and found to 1 in 1,000."""

Table = dict[tuple[int, int], float]


@cache
def every(n: int, target: float, beta: float) -> Table:
    """The p-value of all losses and gains that `n` questions can have."""
    return {(a, b): compute_p_value(a, b, n, target, beta) for a in range(n + 1) for b in range(n + 1 - a)}


def chances(table: Table, n: int, lost: float, gained: float) -> NDArray[np.float64]:
    """How likely each of the counts is, summed up from what factorials say."""
    losses, gains = np.array(list(table)).T
    rest, neither = n - losses - gains, max(0.0, 1 - lost - gained)
    ways = gammaln(n + 1) - gammaln(losses + 1) - gammaln(gains + 1) - gammaln(rest + 1)
    found: NDArray[np.float64] = np.exp(ways + xlogy(losses, lost) + xlogy(gains, gained) + xlogy(rest, neither))
    return found


@given(st.sampled_from((1, 2, 5, 11, 24, 40)), TARGETS, BETAS, st.floats(0, 1), st.floats(0, 1))
def test_a_policy_that_loses_more_is_seldom_let_through(
    n: int, target: float, beta: float, gained: float, more: float
) -> None:
    """At and above the target, P(p-value <= a) is a at most, for every a that a p-value can be."""
    least_gain, most_gain = max(0.0, -target), (1 - target) / 2
    q = least_gain + gained * (most_gain - least_gain)
    lost = q + target + more**4 * (1 - 2 * q - target)
    table = every(n, target, beta)
    values = np.array(list(table.values()))
    likely = chances(table, n, lost, q)
    order = np.argsort(values)
    up_to, levels = np.cumsum(likely[order]), values[order]
    last = np.append(np.diff(levels) > 0, True)
    assert np.all(up_to[last] <= FOUND * levels[last] + 1e-9)


@pytest.mark.parametrize("beta", [0.0, BETA])
@pytest.mark.parametrize("target", [-0.1, 0.01, 0.1, 0.4])
@pytest.mark.parametrize("n", [7, pytest.param(30, marks=pytest.mark.slow)])
def test_more_losses_speak_less_against_it_and_more_gains_more(n: int, target: float, beta: float) -> None:
    table = every(n, target, beta)
    for (losses, gains), p in table.items():
        assert 0 <= p <= 1
        assert p <= FOUND * table.get((losses + 1, gains), 1.0)
        assert FOUND * p >= table.get((losses, gains + 1), 0.0)


@given(st.integers(50, 100_000), st.floats(0, 0.2), st.floats(0, 0.2), st.sampled_from((0.005, 0.02, 0.1)))
def test_so_it_is_in_large_samples(n: int, lost: float, gained: float, target: float) -> None:
    losses, gains = int(n * lost), int(n * gained)
    p = compute_p_value(losses, gains, n, target)
    assert BETA <= p <= 1
    assert p <= FOUND * compute_p_value(losses + 1, gains, n, target)
    assert FOUND * p >= compute_p_value(losses, gains + 1, n, target)


@given(st.integers(1, 5000), st.sampled_from((0.005, 0.01, 0.1, 0.5, 0.9)))
def test_without_losses_and_gains_it_is_the_binomial(n: int, target: float) -> None:
    assert compute_p_value(0, 0, n, target, beta=0.0) == pytest.approx((1 - target) ** n, rel=1e-9)
    assert compute_p_value(0, 0, n, target) == pytest.approx(min(1.0, (1 - target) ** n + BETA), rel=1e-9)


def test_it_is_sharp() -> None:
    """As likely as what a normal distribution says where that is good: 200 losses and 150 gains of 10,000."""
    deviations = (10_000 * 0.01 - 50) / math.sqrt(350)
    normal = math.erfc(deviations / math.sqrt(2)) / 2
    assert normal < compute_p_value(200, 150, 10_000, 0.01) < 2 * normal + BETA
    assert compute_p_value(200, 150, 10_000, 0.01) <= compute_p_value(200, 150, 10_000, 0.01, beta=0.0) + BETA


@pytest.mark.parametrize(("losses", "gains", "n"), [(0, 0, 0), (3, 0, 300), (30, 27, 300), (300, 0, 300)])
def test_a_loss_that_is_no_smaller_than_the_target_is_no_evidence(losses: int, gains: int, n: int) -> None:
    assert compute_p_value(losses, gains, n, 0.01) == 1.0


def test_where_h0_has_no_room_left_only_beta_is_paid() -> None:
    assert compute_p_value(0, 300, 300, 0.5) == BETA
    assert compute_p_value(0, 0, 5, 1.0) == BETA


def test_it_is_quick() -> None:
    """About 3 ms for 2,000 questions: less than a plain loop of 400,000 additions takes on the same core."""
    ours, control = (
        min(timeit.repeat(work, timer=time.process_time, number=2, repeat=8))
        for work in (lambda: compute_p_value(40, 45, 2000, 0.01), lambda: sum(number for number in range(400_000)))
    )
    assert ours < control


@pytest.mark.parametrize(("losses", "gains", "n"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5)])
def test_counts_that_cannot_be(losses: int, gains: int, n: int) -> None:
    with pytest.raises(ValueError, match="cannot be in 5 questions"):
        compute_p_value(losses, gains, n, 0.1)


@pytest.mark.parametrize("target", [-1.0, 1.1, math.nan])
def test_targets_that_cannot_be(target: float) -> None:
    with pytest.raises(InputError, match=f"above -1 and at most 1, got {target}"):
        compute_p_value(0, 0, 5, target)


@settings(max_examples=max(4, settings.default.max_examples // 10))  # type: ignore[union-attr]  # seconds each
@example(38, 0.03125, 0.125, 0.8)
@given(st.integers(1, 3000), st.floats(0, 0.3), st.floats(0, 0.3), st.sampled_from((0.8, 0.95)))
def test_the_bound_is_where_targets_begin_to_be_rejected(
    n: int, lost: float, gained: float, confidence: float
) -> None:
    losses, gains = int(n * lost), int(n * gained)
    bound = compute_upper_bound(losses, gains, n, confidence)
    assert (losses - gains) / n < bound <= 1
    assert compute_p_value(losses, gains, n, bound) <= 1 - confidence
    # Right under it: farther down a target may be rejected that has one above it that is not.
    assert compute_p_value(losses, gains, n, max(bound - 1e-6, -0.999)) > (1 - confidence) / FOUND
    assert compute_upper_bound(losses, gains, n, 0.98) >= bound - 1e-5


@pytest.mark.parametrize("n", [4, pytest.param(12, marks=pytest.mark.slow)])
@example(0.90234375, 0.69921875)  # of 12, where a target is rejected that has one above it that is not
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_bound_holds_as_often_as_it_says(n: int, a: float, b: float) -> None:
    lost, gained = a * (1 - b), (1 - a) * b
    table = every(n, 0.1, BETA)
    likely = chances(table, n, lost, gained)
    held = np.array([bounds(n)[counts] >= lost - gained - 1e-6 for counts in table])
    assert likely[held].sum() >= 0.9 - 1e-6


@cache
def bounds(n: int) -> Table:
    return {counts: compute_upper_bound(*counts, n, 0.9) for counts in every(n, 0.1, BETA)}


def test_bounds_where_nothing_or_everything_is_lost() -> None:
    assert compute_upper_bound(0, 0, 0, 0.95) == 1.0
    assert compute_upper_bound(5, 0, 5, 0.95) == 1.0
    assert compute_upper_bound(0, 0, 300, 0.95) == pytest.approx(1 - (0.05 - BETA) ** (1 / 300), abs=1e-5)


@pytest.mark.parametrize(
    ("p_values", "count"),
    [([], 0), ([0.06, 0.01], 0), ([0.01, 0.05, 0.06, 0.01], 2), ([0.01, 0.02], 2), ([math.nan, 0.01], 0)],
)
def test_a_sequence_ends_at_the_first_that_is_not_rejected(p_values: list[float], count: int) -> None:
    assert count_rejected(p_values, 0.05) == count


def test_a_sequence_asks_no_further_than_it_must() -> None:
    asked = iter([0.01, 0.9, 0.01])
    assert count_rejected(asked, 0.05) == 1
    assert list(asked) == [0.01]


@given(st.floats(0.002, 1), st.sampled_from((0.8, 0.9, 0.95, 0.99)), BETAS)
def test_the_least_is_the_first_that_can_be_enough(target: float, confidence: float, beta: float) -> None:
    n = count_minimum_questions(target, confidence, beta)
    assert compute_p_value(0, 0, n, target, beta) <= (1 - confidence) * (1 + 1e-9)
    assert n == 1 or compute_p_value(0, 0, n - 1, target, beta) > (1 - confidence) * (1 - 1e-9)


def test_the_least_for_one_in_a_hundred() -> None:
    assert count_minimum_questions(0.01, 0.95, beta=0.0) == 299
    assert count_minimum_questions(0.01, 0.95) == 301 == count_questions_needed(0.0, 0.0, 0.01, 0.95)


def test_enough_is_more_where_more_is_lost() -> None:
    counts = [count_questions_needed(lost, 0.001, 0.01, 0.95) for lost in (0.001, 0.004, 0.007, 0.009)]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(counts))
    found = counts[1]
    assert found is not None
    assert compute_p_value(math.ceil(0.004 * found), math.floor(0.001 * found), found, 0.01) <= 0.05


@pytest.mark.parametrize(("lost", "gained"), [(0.01, 0.0), (0.2, 0.19), (0.3, 0.1), (0.1099, 0.1)])
def test_none_are_enough_where_the_loss_is_not_below_the_target(lost: float, gained: float) -> None:
    assert count_questions_needed(lost, gained, 0.01, 0.95) is None


@pytest.mark.parametrize("confidence", [0.0, 1.0, 0.9995, math.nan])
def test_confidences_that_cannot_be(confidence: float) -> None:
    for call in (
        lambda: compute_upper_bound(0, 0, 5, confidence),
        lambda: count_minimum_questions(0.1, confidence),
    ):
        with pytest.raises(InputError, match=r"confidence must be above 0 and below 0\.999"):
            call()


@pytest.mark.parametrize("target", [0.0, -0.1, 1.5, math.nan])
def test_a_least_for_targets_that_cannot_be(target: float) -> None:
    with pytest.raises(InputError, match="above 0 and at most 1"):
        count_minimum_questions(target, 0.95)
