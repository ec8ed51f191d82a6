"""What a policy gains over random mixes of constants, on questions that the constants were not chosen by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.front import MixCurve
from adaptive.learn.tuning.resampling import Interval, resample_means
from adaptive.learn.tuning.ways import Way
from adaptive.types.usage import CostUnit


@dataclass(frozen=True)
class HullGain:
    """A policy against the best mix of constants on the same questions.

    accuracy: how much more accurate (0 to 1) the policy is than the mix that costs as much. cost: the policy's
    cost over that of the mix that is as accurate; 0 if no mix is. cheap, dear: the constants of the mix that costs
    as much. share: of the questions that get the dear one, in 0..1. unit: what costs are counted in.
    """

    accuracy: Interval
    cost: Interval
    cheap: str
    dear: str
    share: float
    unit: CostUnit = "tokens"


def measure_hull_gain(
    policy: Way, corners: Sequence[tuple[str, Way]], recorded: Sequence[RecordedQuestion]
) -> HullGain:
    """Compare a policy with mixes of the hull's corners.

    Questions are resampled, and with them the policy and all corners. Which constants are corners was chosen on
    other questions and stays, so that nothing is chosen by what it is measured on.

    Args:
        policy: The policy's results.
        corners: The names and results of the hull's corners, on the same questions.
        recorded: The questions.
    """
    ways = [way for _, way in corners]
    rows = np.array([[way.spent, way.right] for way in (policy, *ways)]).reshape(-1, len(recorded))
    points, drawn = rows.mean(axis=1)[None, :], resample_means(rows, recorded)
    accuracy, cost = (
        [compare(MixCurve.from_points(means[:, 2::2], means[:, 3::2]), means) for means in (points, drawn)]
        for compare in (_compare_accuracy, _compare_cost)
    )
    order = sorted(corners, key=lambda one: float(one[1].spent.mean()))
    place, share = MixCurve.from_points(points[:, 2::2], points[:, 3::2]).find_mix(points[:, 0])
    dear = int(place[0])
    return HullGain(
        Interval.from_draws(float(accuracy[0][0]), accuracy[1]),
        Interval.from_draws(float(cost[0][0]), cost[1]),
        order[max(0, dear - 1)][0],
        order[dear][0],
        float(share[0]),
        policy.unit,
    )


def measure_over_hull(
    ways: Sequence[Way], corners: Sequence[int], recorded: Sequence[RecordedQuestion]
) -> list[Interval]:
    """Return how much more accurate each way is than the mix of the corners that costs as much.

    Args:
        ways: The results of all ways on the same questions.
        corners: The places of the corners among them.
        recorded: The questions, which are resampled as in `measure_hull_gain`.
    """
    rows = np.array([*(way.spent for way in ways), *(way.right for way in ways)])
    means = np.concatenate([rows.mean(axis=1)[None, :], resample_means(rows, recorded)])  # the first is measured
    costs, accuracies = means[:, : len(ways)], means[:, len(ways) :]
    curve = MixCurve.from_points(costs[:, list(corners)], accuracies[:, list(corners)])
    over = [accuracies[:, i] - curve.compute_accuracies(costs[:, i]) for i in range(len(ways))]
    return [Interval.from_draws(float(one[0]), one[1:]) for one in over]


def measure_drop(constants: Sequence[Way], reference: Way) -> Callable[[Way], float]:
    """Return what tells how much less accurate than a reference the best mix of constants is that costs as much.

    Args:
        constants: The results of all constants, on the same questions.
        reference: The results of the one that the mix is compared with.

    Returns:
        A function of other results on these questions; what it returns is negative if the mix is more accurate.
    """
    mixes = MixCurve.from_hull([way.spent.mean() for way in constants], [way.right.mean() for way in constants])
    return lambda way: float(reference.right.mean() - mixes.compute_accuracies(way.spent.mean())[0])


def _compare_accuracy(curve: MixCurve, means: np.ndarray) -> np.ndarray:
    return np.asarray(means[:, 1] - curve.compute_accuracies(means[:, 0]))


def _compare_cost(curve: MixCurve, means: np.ndarray) -> np.ndarray:
    """Return the ratio of costs at equal accuracy, 0 if that of the mix is infinite."""
    return np.asarray(means[:, 0] / curve.compute_costs(means[:, 1]))
