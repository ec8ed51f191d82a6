"""Whether the promise holds, counted on policies whose losses were planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from adaptive.learn.tuning.risk import compute_p_value
from benchmarks.guarantee import Counted, Line, Sets, clopper_pearson, halves, rows, with_replacement

N, TARGET = 400, 0.05


def line(*policies: tuple[int, int, float]) -> Line:
    """Policies with losses, gains and tokens, on N questions; the top rung takes 100."""
    lost = np.zeros((len(policies), N), dtype=np.int64)
    for row, (losses, gains, _) in zip(lost, policies, strict=True):
        row[:losses], row[losses : losses + gains] = 1, -1
    return Line(lost, np.array([np.full(N, tokens) for *_, tokens in policies]), 100.0, np.ones(len(lost)))


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def seen(line: Line, calibration: NDArray[np.int64]) -> Counted:
    """The line on one calibration set, judged by all."""
    return Counted.of(line, Sets("", calibration[None], np.ones((1, N), dtype=np.int64)))


@pytest.mark.parametrize("confidence", [0.9, 0.95])
@pytest.mark.parametrize(("losses", "gains"), [(21, 0), (31, 10), (61, 40)])
def test_what_loses_just_more_than_the_target_is_seldom_chosen(losses: int, gains: int, confidence: float) -> None:
    splits = 4000
    planted = line((losses, gains, 10.0))
    assert planted.losing_more(TARGET) == 1
    found = Counted.of(planted, with_replacement(N, splits, rng())).found(TARGET, confidence)
    assert found.broken == found.chosen
    assert binom.sf(found.broken - 1, splits, 1 - confidence) > 1e-3
    assert found.broken > 0.1 * (1 - confidence) * splits  # the test is not so careful that this says nothing


def test_what_loses_the_target_breaks_nothing() -> None:
    planted = line((20, 0, 10.0))
    assert planted.losing_more(TARGET) == 0
    found = Counted.of(planted, with_replacement(N, 500, rng())).found(TARGET, 0.9)
    assert found.chosen > found.broken == 0


def test_many_that_lose_more_in_a_row_do_no_more_harm() -> None:
    splits = 2000
    planted = line((0, 0, 90.0), *((losses, 0, 80.0 - losses) for losses in range(21, 45)))
    found = Counted.of(planted, with_replacement(N, splits, rng())).found(TARGET, 0.9)
    assert found.chosen == splits
    assert binom.sf(found.broken - 1, splits, 0.1) > 1e-3


def test_the_cheapest_before_the_first_that_fails_is_chosen() -> None:
    planted = line((0, 0, 60.0), (1, 0, 40.0), (2, 0, 50.0), (200, 0, 20.0), (0, 0, 10.0))
    found = Counted.of(planted, halves(N, 50, rng()))
    assert found.chosen(TARGET, 0.95).tolist() == [1] * 50
    assert found.found(TARGET, 0.95).saved == pytest.approx(0.6)


def test_nothing_is_chosen_where_the_first_fails() -> None:
    found = Counted.of(line((200, 0, 20.0), (0, 0, 10.0)), halves(N, 50, rng())).found(TARGET, 0.95)
    assert (found.chosen, found.broken, found.saved) == (0, 0, None)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_losses_and_gains_are_counted_as_often_as_they_were_drawn(losses: int, gains: int, seed: int) -> None:
    planted = line((losses, gains, 10.0))
    drawn = with_replacement(N, 1, np.random.default_rng(seed)).calibration[0]
    found = seen(planted, drawn)
    counts = int(drawn[:losses].sum()), int(drawn[losses : losses + gains].sum())
    assert (int(found.losses[0, 0]), int(found.gains[0, 0])) == counts
    passes = compute_p_value(*counts, N // 2, TARGET) <= 0.1
    assert (found.chosen(TARGET, 0.9)[0] == 0) == passes


def test_the_other_half_judges_with_its_noise() -> None:
    """It keeps the promise; but a half that lets it through leaves too many losses to the other."""
    planted = line((18, 0, 10.0))
    found = Counted.of(planted, halves(N, 2000, rng())).found(TARGET, 0.9)
    assert found.broken == found.chosen > 0
    assert Counted.of(planted, with_replacement(N, 2000, rng())).found(TARGET, 0.9).broken == 0


@pytest.mark.parametrize("n", [2, 7, 400])
def test_halves_are_disjoint_and_all_there_is(n: int) -> None:
    sets = halves(n, 20, rng())
    assert np.all(sets.calibration + sets.judging == 1)
    assert np.all(sets.calibration.sum(axis=1) == n // 2)
    assert n < 7 or len(np.unique(sets.calibration, axis=0)) > 10


def test_with_replacement_all_questions_judge_and_some_are_drawn_twice() -> None:
    sets = with_replacement(N, 200, rng())
    assert np.all(sets.calibration.sum(axis=1) == N // 2)
    assert np.all(sets.judging == 1)
    assert sets.calibration.max() > 1
    assert sets.calibration.mean(axis=0) == pytest.approx(np.full(N, 0.5), abs=0.25)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129)]
)
def test_intervals_are_the_exact_ones(count: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(count, of) == pytest.approx((low, high), abs=1e-4)


def test_the_rows_say_what_was_found() -> None:
    found = list(rows(TARGET, line((0, 0, 40.0), (100, 0, 20.0)), 40, rng()))
    assert [(row[1], row[3]) for row in found] == [
        ("0.9", "other half"), ("0.95", "other half"), ("0.9", "population"), ("0.95", "population"),
    ]  # fmt: skip
    assert {row[2] for row in found} == {"1 of 2"}
    assert all(row[4:] == ("0.0 %", "0.0 %", "0.0 to 8.8", allowed, "60.0 %")
               for row, allowed in zip(found, ("10 %", "5 %") * 2, strict=True))  # fmt: skip
