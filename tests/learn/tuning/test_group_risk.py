"""Promises by groups: never too many of them, and the exact test wherever there are no groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.tuning import risk
from adaptive.learn.tuning.group_risk import GroupedLosses
from adaptive.learn.tuning.paired_losses import PairedLosses
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.usage import Usage

DRAWS = 400
SUMS = st.lists(st.tuples(st.integers(1, 12), st.integers(-12, 12)), min_size=1, max_size=60)


def grouped(rows: list[tuple[int, int]]) -> GroupedLosses:
    sums = (max(-size, min(size, total)) for size, total in rows)
    return GroupedLosses(tuple(map(float, sums)), tuple(size for size, _ in rows))


def whole_groups_lost(rng: np.random.Generator, size: int, share: float, questions: int = 2000) -> GroupedLosses:
    count = questions // size
    lost = (rng.random(count) < share).tolist()
    return GroupedLosses(tuple(float(size * one) for one in lost), (size,) * count)


@pytest.mark.parametrize("size", [1, 5, 10, 20, 40])
@pytest.mark.parametrize("true", [0.01, 0.02])
def test_a_promise_that_is_broken_is_seldom_given(size: int, true: float) -> None:
    rng = np.random.default_rng(size)
    given = [whole_groups_lost(rng, size, true).compute_p_value(0.01) <= 0.05 for _ in range(DRAWS)]
    assert np.mean(given) <= 0.05


def test_the_exact_test_would_give_it_far_too_often() -> None:
    rng = np.random.default_rng(0)
    lost = [sum(whole_groups_lost(rng, 40, 0.02).sums) for _ in range(DRAWS)]
    assert np.mean([risk.compute_p_value(int(n), 0, 2000, 0.01) <= 0.05 for n in lost]) > 0.2


def test_groups_of_different_sizes_and_gains_keep_it_too() -> None:
    rng, given = np.random.default_rng(1), []
    for _ in range(DRAWS):
        sizes = rng.choice([1, 3, 30], 150, p=[0.5, 0.3, 0.2])
        lost, gained = (
            rng.random(150) < 0.05,
            rng.random(150) < 0.02,
        )  # 3 % of the questions in the mean
        sums = tuple((sizes * (1.0 * lost - gained)).tolist())
        given.append(GroupedLosses(sums, tuple(sizes.tolist())).compute_p_value(0.03) <= 0.1)
    assert np.mean(given) <= 0.1


def test_a_promise_that_is_kept_is_given_with_enough_groups() -> None:
    rng = np.random.default_rng(2)
    given = [whole_groups_lost(rng, 5, 0.002, 10_000).compute_p_value(0.01) <= 0.05 for _ in range(50)]
    assert np.mean(given) > 0.8


@given(SUMS, st.floats(-0.5, 0.9), st.floats(0.01, 0.3))
def test_a_larger_target_is_never_harder_to_show(rows: list[tuple[int, int]], target: float, more: float) -> None:
    losses = grouped(rows)
    assert losses.compute_p_value(min(0.99, target + more)) <= losses.compute_p_value(target) + 1e-12


@given(SUMS, st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(rows: list[tuple[int, int]], rng: object) -> None:
    mixed = [*rows]
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    assert grouped(mixed).compute_p_value(0.01) == pytest.approx(grouped(rows).compute_p_value(0.01))


@given(SUMS)
def test_the_bound_is_where_targets_begin_to_be_rejected(rows: list[tuple[int, int]]) -> None:
    losses = grouped(rows)
    bound = losses.compute_upper_bound(0.9)
    assert sum(losses.sums) / sum(losses.sizes) <= bound <= 1
    if -0.99 < bound < 0.99:
        assert losses.compute_p_value(bound + 1e-4) <= 0.1 < losses.compute_p_value(bound - 1e-4)


def test_as_many_questions_as_are_said_to_be_needed_are_enough() -> None:
    few = grouped([(5, 0)] * 20)
    assert few.compute_p_value(0.02) > 0.05
    needed = few.count_questions_needed(0.02, 0.95)
    assert needed is not None
    assert grouped([(5, 0)] * (needed // 5 + 1)).compute_p_value(0.02) <= 0.05
    assert grouped([(5, 0)] * (needed // 5 - 2)).compute_p_value(0.02) > 0.05


def test_a_policy_that_loses_too_much_needs_more_than_there_are() -> None:
    assert grouped([(5, 1)] * 20).count_questions_needed(0.02, 0.95) is None


def test_a_target_that_is_none_is_one_sentence() -> None:
    with pytest.raises(InputError, match="the target loss must be above -1 and below 1, got 1"):
        grouped([(1, 0)]).compute_p_value(1)


def paired(groups: list[str], right: list[bool], top: list[bool]) -> PairedLosses:
    questions = [RecordedQuestion(Question(str(i), f"q{i}", "1", group), {}) for i, group in enumerate(groups)]
    ways = (Way("", tuple(WayResult(one, Usage()) for one in each)) for each in (right, top))
    return PairedLosses.from_ways(*ways, questions)


def test_without_groups_the_exact_test_decides() -> None:
    losses = paired([""] * 400, [True] * 398 + [False, True], [True] * 399 + [False])
    assert (losses.losses, losses.gains, losses.groups) == (1, 1, None)
    assert losses.compute_p_value(0.02) == risk.compute_p_value(1, 1, 400, 0.02)
    assert losses.compute_upper_bound(0.9) == risk.compute_upper_bound(1, 1, 400, 0.9)


def test_two_questions_of_a_group_are_no_two_draws() -> None:
    names = [f"g{i // 2}" for i in range(400)]
    losses = paired(names, [True] * 400, [True] * 400)
    assert losses.groups == 200
    assert losses.compute_p_value(0.02) > risk.compute_p_value(0, 0, 400, 0.02)
    assert losses.compute_upper_bound(0.9) > risk.compute_upper_bound(0, 0, 400, 0.9)
