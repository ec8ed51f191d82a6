"""The front of cost and accuracy: constants, their hull, policies and the oracle, as plain points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.tuning.constants import (
    BEST,
    Constant,
    DirectJudge,
    choose_as_oracle,
    choose_constant,
    list_constants,
)
from adaptive.learn.tuning.front import find_hull
from adaptive.learn.tuning.hull_gain import HullGain, measure_hull_gain, measure_over_hull
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.ways import Chooser, Way, WayResult, find_common_unit
from adaptive.types.ladder import Ladder
from adaptive.types.usage import CostUnit

PointKind = Literal["constant", "policy", "chosen", "oracle"]


@dataclass(frozen=True)
class FrontPoint:
    """A way in the plane.

    cost: what a question takes in the mean, in the unit of the front. accuracy: in 0..1. over_hull: how much more
    accurate it is than the mix of the hull's corners that costs as much, on the questions that both are measured
    on. hull: whether it is a corner.
    """

    name: str
    kind: PointKind
    cost: float
    accuracy: float
    over_hull: Interval
    hull: bool = False


@dataclass(frozen=True)
class CostFront:
    """All points on the same questions.

    gain: of the chosen policy over the hull of the constants. unit: of all costs; dollars are in millionths.
    """

    points: tuple[FrontPoint, ...]
    gain: HullGain
    unit: CostUnit = "tokens"

    @property
    def hull(self) -> list[FrontPoint]:
        """The corners, by rising cost."""
        return sorted((one for one in self.points if one.hull), key=lambda one: one.cost)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class MeasuredConstants:
    """Constants with their results on the questions to choose by, and on those to measure on.

    ladder: of the profile. recorded: the questions to measure on. judge: judges their direct answers.
    """

    ladder: Ladder
    constants: tuple[Constant, ...]
    on_search: tuple[Way, ...]
    on_test: tuple[Way, ...]
    recorded: Sequence[RecordedQuestion]
    judge: DirectJudge | None = None

    @classmethod
    def replay(
        cls,
        ladder: Ladder,
        search: Sequence[RecordedQuestion],
        test: Sequence[RecordedQuestion],
        judges: tuple[DirectJudge, DirectJudge] | None = None,
    ) -> MeasuredConstants:
        """Replay all constants of which every question has the attempts.

        Args:
            ladder: Of the profile.
            search: The questions to choose by.
            test: The questions to measure on.
            judges: Judge the direct answers of the first and of the second; None: no constant begins with one.
        """
        listed = list_constants(ladder, [*search, *test], direct_first=judges is not None)
        before, after = judges or (None, None)
        ways = [(one.replay(search, before), one.replay(test, after)) for one in listed]
        unit = find_common_unit(way for pair in ways for way in pair)
        on_search, on_test = (tuple(replace(pair[i], counts=unit) for pair in ways) for i in (0, 1))
        return cls(ladder, tuple(listed), on_search, on_test, test, after)

    @cached_property
    def unit(self) -> CostUnit:
        """What all costs are counted in: dollars if they are known of every constant at every question."""
        return find_common_unit((*self.on_search, *self.on_test))

    @cached_property
    def corners(self) -> list[int]:
        """The places of the hull's corners, chosen on the questions to choose by."""
        costs = [float(way.spent.mean()) for way in self.on_search]
        return find_hull(costs, [float(way.right.mean()) for way in self.on_search])

    @cached_property
    def oracle(self) -> Way:
        """The oracle's results on the questions to measure on."""
        return Way.replay("oracle", self.choose_as_oracle, self.recorded, self.unit)

    def choose_as_oracle(self, recorded: RecordedQuestion) -> WayResult:
        """Return the oracle's result at a question, among rungs with Waits: of samples it would take the lucky."""
        rungs = [one for one in self.constants if one.kind in ("rung", "waits")]
        return choose_as_oracle(rungs, recorded, self.unit)

    def make_chooser(self, constant: Constant) -> Chooser:
        """Return what answers a question that is measured on by a constant."""
        return lambda recorded: constant.choose(recorded, self.judge)

    @property
    def searched(self) -> list[tuple[Constant, Way]]:
        """All constants with their results on the questions to choose by."""
        return list(zip(self.constants, self.on_search, strict=True))

    def choose(self, against: str = BEST, margin: float = 0.0) -> Constant:
        """Return the constant to compare with: "best", "top", or a name (`choose_constant`)."""
        return choose_constant(self.searched, self.ladder, against, margin)

    def get_way(self, constant: Constant) -> Way:
        """Return the results of a constant on the questions to measure on."""
        return self.on_test[self.constants.index(constant)]

    def measure_gain(self, policy: Way) -> HullGain:
        """Return what a policy gains over mixes of the hull's corners on the questions to measure on."""
        corners = [(self.constants[i].name, self.on_test[i]) for i in self.corners]
        return measure_hull_gain(policy, corners, self.recorded)

    def build_front(self, name: str, chosen: Way, policies: Mapping[str, Way] | None = None) -> CostFront:
        """Return the front.

        Args:
            name: What to call what was chosen.
            chosen: The results of the policy that was chosen, or that is measured.
            policies: The results of others by name.
        """
        named: list[tuple[str, PointKind, Way]] = [
            *((one.name, "constant", way) for one, way in zip(self.constants, self.on_test, strict=True)),
            *((other, "policy", way) for other, way in (policies or {}).items()),
            (name, "chosen", chosen),
            ("oracle", "oracle", self.oracle),
        ]
        over_hull = measure_over_hull([way for _, _, way in named], self.corners, self.recorded)
        points = [
            FrontPoint(one, kind, float(way.spent.mean()), float(way.right.mean()), over, place in self.corners)
            for place, ((one, kind, way), over) in enumerate(zip(named, over_hull, strict=True))
        ]
        return CostFront(tuple(points), self.measure_gain(chosen), self.unit)
