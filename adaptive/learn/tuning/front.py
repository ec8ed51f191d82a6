"""The hull of constants in the plane of mean cost and accuracy, and what a policy gains over it.

Who tosses a coin at every question and uses one constant or another reaches any point between the two. So a policy
is worth having only if it lies above the upper concave hull of all constants. numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def find_hull(costs: ArrayLike, accuracies: ArrayLike) -> list[int]:
    """Return the places of the hull's corners, by rising cost.

    The first is the cheapest point, the last the most accurate one (of equals the better in the other measure).
    Between corners accuracy rises, and ever less steeply. Points on an edge are no corners.

    Args:
        costs: The mean cost of each point, shape (n,), n at least 1.
        accuracies: The accuracy of each, shape (n,).
    """
    cost, accuracy = np.asarray(costs, np.float64), np.asarray(accuracies, np.float64)
    corners: list[int] = []
    for place in np.lexsort((-accuracy, cost)).tolist():
        if corners and accuracy[place] <= accuracy[corners[-1]]:
            continue  # dearer and no better
        while len(corners) > 1 and _is_below(corners[-2], corners[-1], place, cost, accuracy):
            corners.pop()
        corners.append(place)
    return corners


def _is_below(first: int, middle: int, last: int, cost: Floats, accuracy: Floats) -> bool:
    """Return whether a point is on or below the line from a cheaper to a dearer one."""
    rise = (accuracy[middle] - accuracy[first]) * (cost[last] - cost[first])
    return bool(rise <= (accuracy[last] - accuracy[first]) * (cost[middle] - cost[first]))


@dataclass(frozen=True)
class MixCurve:
    """Mixes of neighbouring constants, in each of several draws of questions.

    costs, accuracies: of the constants, shape (draws, constants), by rising cost in each draw. They may be the
    corners of a hull that other questions had, so the curve need not be concave here.
    """

    costs: Floats
    accuracies: Floats

    @classmethod
    def from_points(cls, costs: ArrayLike, accuracies: ArrayLike) -> MixCurve:
        """Sort the points, shape (draws, constants), or (constants,) for a single draw."""
        cost, accuracy = (np.atleast_2d(np.asarray(one, np.float64)) for one in (costs, accuracies))
        order = np.argsort(cost, axis=1, kind="stable")
        return cls(np.take_along_axis(cost, order, 1), np.take_along_axis(accuracy, order, 1))

    @classmethod
    def from_hull(cls, costs: ArrayLike, accuracies: ArrayLike) -> MixCurve:
        """Return the best mixes of these points: those of the corners of their hull, in a single draw.

        Args:
            costs: The mean cost of each point, shape (n,), n at least 1.
            accuracies: The accuracy of each, shape (n,).
        """
        corners = find_hull(costs, accuracies)
        return cls.from_points(np.asarray(costs)[corners], np.asarray(accuracies)[corners])

    def find_mix(self, costs: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
        """Return the mix that costs this much in each draw: the place of its dearer constant, and its share.

        Below the cheapest constant it is the cheapest, above the dearest the dearest.

        Args:
            costs: One for each draw, shape (draws,).
        """
        wanted = np.atleast_1d(np.asarray(costs, np.float64))
        last = self.costs.shape[1] - 1
        dearer = np.clip((self.costs < wanted[:, None]).sum(axis=1), min(1, last), last)
        high, low = self._pick(self.costs, dearer), self._pick(self.costs, np.maximum(dearer - 1, 0))
        span = high - low
        share = np.where(span > 0, (wanted - low) / np.where(span > 0, span, 1.0), 1.0)
        return dearer, np.clip(share, 0.0, 1.0)

    def compute_accuracies(self, costs: ArrayLike) -> Floats:
        """Return the accuracy of the mix that costs this much in each draw, shape (draws,)."""
        dearer, share = self.find_mix(costs)
        cheap = self._pick(self.accuracies, np.maximum(dearer - 1, 0))
        return np.asarray(cheap + share * (self._pick(self.accuracies, dearer) - cheap), np.float64)

    def compute_costs(self, accuracies: ArrayLike) -> Floats:
        """Return the cost of the cheapest mix that is this accurate in each draw; infinite if none is.

        Args:
            accuracies: One for each draw, shape (draws,).
        """
        wanted = np.atleast_1d(np.asarray(accuracies, np.float64))[:, None]
        at_corner = np.where(self.accuracies >= wanted, self.costs, np.inf)
        low, high = self.accuracies[:, :-1], self.accuracies[:, 1:]
        crosses = (low < wanted) & (wanted <= high)
        share = np.where(crosses, (wanted - low) / np.where(crosses, high - low, 1.0), 0.0)
        on_edge = np.where(crosses, self.costs[:, :-1] + share * np.diff(self.costs, axis=1), np.inf)
        return np.asarray(np.concatenate([at_corner, on_edge], axis=1).min(axis=1), np.float64)

    def _pick(self, values: Floats, places: NDArray[np.int64]) -> Floats:
        return np.asarray(np.take_along_axis(values, places[:, None], 1)[:, 0], np.float64)
