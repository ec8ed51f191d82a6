"""The hull of constants: concave, above every constant, and what a coin between two of them reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.tuning.front import MixCurve, find_hull
from adaptive.learn.tuning.hull_gain import measure_hull_gain
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.usage import Usage

POINTS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 40)), min_size=1, max_size=12)
NEAR = 1e-9


def hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The corners, as points."""
    return [points[i] for i in find_hull(*zip(*points, strict=True))]


def curve(points: list[tuple[int, int]]) -> MixCurve:
    return MixCurve.from_points(*zip(*hull(points), strict=True))


@given(POINTS)
def test_the_hull_rises_ever_less_steeply(points: list[tuple[int, int]]) -> None:
    corners = hull(points)
    cost, accuracy = np.array(corners, float).T
    assert np.all(np.diff(cost) > 0)
    assert np.all(np.diff(accuracy) > 0)
    assert np.all(np.diff(np.diff(accuracy) / np.diff(cost)) < 0)
    assert corners[0] == min(points, key=lambda p: (p[0], -p[1]))
    assert corners[-1] == max(points, key=lambda p: (p[1], -p[0]))


@given(POINTS)
def test_no_constant_is_above_the_hull(points: list[tuple[int, int]]) -> None:
    mixes = curve(points)
    for cost, accuracy in points:
        assert mixes.compute_accuracies(cost)[0] >= accuracy - NEAR
        assert mixes.compute_costs(accuracy)[0] <= cost + NEAR


@given(POINTS, st.data())
def test_dominated_constants_change_nothing(points: list[tuple[int, int]], data: st.DataObject) -> None:
    cost, accuracy = data.draw(st.sampled_from(points))
    worse = (cost + data.draw(st.integers(0, 9)), accuracy - data.draw(st.integers(0, 9)))
    place = data.draw(st.integers(0, len(points)))
    assert hull([*points[:place], worse, *points[place:]]) == hull(points)


@given(POINTS, st.floats(0, 80))
def test_a_mix_is_of_two_neighbours_and_costs_what_it_should(points: list[tuple[int, int]], cost: float) -> None:
    corners, mixes = hull(points), curve(points)
    dearer, share = mixes.find_mix(cost)
    place, weight = int(dearer[0]), float(share[0])
    assert 0 <= weight <= 1
    low, high = corners[max(0, place - 1)], corners[place]
    mixed = low[0] + weight * (high[0] - low[0])
    assert mixed == pytest.approx(np.clip(cost, corners[0][0], corners[-1][0]))
    assert mixes.compute_accuracies(cost)[0] == pytest.approx(low[1] + weight * (high[1] - low[1]))


@given(POINTS, st.floats(0, 40))
def test_the_cheapest_mix_of_an_accuracy_has_it(points: list[tuple[int, int]], accuracy: float) -> None:
    mixes, most = curve(points), max(a for _, a in points)
    cost = mixes.compute_costs(accuracy)[0]
    assert np.isinf(cost) == (accuracy > most)
    if np.isfinite(cost):
        assert mixes.compute_accuracies(cost)[0] >= accuracy - 1e-6


def test_each_draw_has_its_own_order() -> None:
    """In the second draw the first constant is the dearer one."""
    mixes = MixCurve.from_points([[1, 3], [4, 2]], [[0.2, 0.6], [0.8, 0.4]])
    assert mixes.compute_accuracies([2, 3]).tolist() == pytest.approx([0.4, 0.6])
    assert mixes.compute_costs([0.5, 0.5]).tolist() == pytest.approx([2.5, 2.5])


def test_where_accuracy_falls_the_cheapest_mix_comes_before() -> None:
    """Corners that other questions had need not be a hull on these."""
    mixes = MixCurve.from_points([1, 2, 3], [0.2, 0.8, 0.4])
    assert mixes.compute_accuracies(3)[0] == 0.4
    assert mixes.compute_costs(0.5)[0] == pytest.approx(1.5)


def way(rows: list[tuple[bool, int]], name: str = "") -> Way:
    return Way(name, tuple(WayResult(right, Usage(answer=tokens)) for right, tokens in rows))


def questions(count: int, groups: int = 0) -> list[RecordedQuestion]:
    return [RecordedQuestion(Question(f"q{i}", f"What is {i}?", "1", f"g{i % groups}" if groups else ""), {})
            for i in range(count)]  # fmt: skip


def test_a_policy_that_tosses_a_coin_gains_nothing() -> None:
    rng = np.random.default_rng(0)
    cheap = [(bool(r < 0.4), 10) for r in rng.random(400)]
    dear = [(bool(r < 0.8), 100) for r in rng.random(400)]
    coin = [d if heads else c for c, d, heads in zip(cheap, dear, rng.random(400) < 0.5, strict=True)]
    gain = measure_hull_gain(way(coin), [("cheap", way(cheap)), ("dear", way(dear))], questions(400))
    assert gain.accuracy.low < 0 < gain.accuracy.high
    assert gain.cost.low < 1 < gain.cost.high
    assert (gain.cheap, gain.dear) == ("cheap", "dear")
    assert gain.share == pytest.approx((sum(t for _, t in coin) / 400 - 10) / 90)


def test_a_policy_that_knows_gains_what_it_knows() -> None:
    """Every second question is easy: the dear constant is needed for the others only."""
    cheap, dear = [(i % 2 == 0, 10) for i in range(200)], [(True, 100)] * 200
    knows = [(True, 10 if i % 2 == 0 else 100) for i in range(200)]
    gain = measure_hull_gain(way(knows), [("dear", way(dear)), ("cheap", way(cheap))], questions(200))
    # At 55 tokens half of the questions get the dear one: 75 % right.
    assert gain.accuracy.value == pytest.approx(0.25)
    assert gain.cost.value == pytest.approx(0.55)
    assert gain.accuracy.low > 0.2
    assert gain.cost.high < 0.62


def test_no_mix_may_be_as_accurate() -> None:
    gain = measure_hull_gain(way([(True, 5)] * 8), [("only", way([(False, 5)] * 8))], questions(8))
    assert (gain.cost.value, gain.cost.low, gain.cost.high) == (0, 0, 0)
    assert gain.accuracy.value == 1


def test_groups_are_drawn_together() -> None:
    """The policy is right where the constant is not in every second group of 50: 4 draws, not 200."""
    constant, policy = [(False, 10)] * 200, [(i % 4 < 2, 10) for i in range(200)]
    by = [measure_hull_gain(way(policy), [("c", way(constant))], questions(200, groups)) for groups in (0, 4)]
    assert [one.accuracy.value for one in by] == [0.5, 0.5]
    assert by[0].accuracy.low > 0.4
    assert by[1].accuracy.low == 0
