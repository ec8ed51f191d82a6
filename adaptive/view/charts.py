"""Geometry of the pages' charts: values become places in a drawing, whose template writes them as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640.0, 400.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 622.0, 16.0, 350.0
SIDE, SIDE_LEFT, SIDE_RIGHT, SIDE_TOP, SIDE_BOTTOM = 340.0, 46.0, 326.0, 12.0, 292.0
NAMED = ("chosen", "oracle")


@dataclass(frozen=True)
class Tick:
    """A value on an axis, and its place."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point of a chart. anchor: on which side of it the name stands, in SVG's words."""

    x: float
    y: float
    kind: str
    name: str = ""
    radius: float = 5.0
    anchor: str = "start"


@dataclass(frozen=True)
class FrontChart:
    """The front of cost and accuracy. hull: the corners' line, as SVG's points."""

    marks: Sequence[Mark]
    hull: str
    across: Sequence[Tick]
    up: Sequence[Tick]
    unit: str


@dataclass(frozen=True)
class ReliabilityChart:
    """Predicted against observed shares, a mark for each tenth; kind: "inside" or "outside"."""

    marks: Sequence[Mark]


def draw_front_chart(front: Mapping[str, Any]) -> FrontChart:
    """Return the chart of a front (`CostFront.to_json`); dollars are in millionths."""
    points = front["points"]
    low, high = _widen([one["cost"] for one in points], 0.12)
    least, most = _widen([one["accuracy"] for one in points], 0.1)

    def place_x(cost: float) -> float:
        return LEFT + (RIGHT - LEFT) * (cost - low) / (high - low)

    def place_y(accuracy: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (accuracy - least) / (most - least)

    marks = [
        Mark(
            round(x := place_x(one["cost"]), 1),
            round(place_y(one["accuracy"]), 1),
            "corner" if one["hull"] else one["kind"],
            one["name"] if one["hull"] or one["kind"] in NAMED else "",
            7.0 if one["kind"] == "chosen" else 5.0,
            "start" if x < (LEFT + RIGHT) / 2 else "end",
        )
        for one in sorted(points, key=lambda one: one["kind"] == "chosen")  # the chosen one on top
    ]
    corners = sorted((mark.x, mark.y) for mark in marks if mark.kind == "corner")
    return FrontChart(
        _part_names(marks),
        " ".join(f"{x},{y}" for x, y in corners),
        [Tick(round(place_x(value), 1), f"{value:,.0f}") for value in _choose_ticks(low, high)],
        [Tick(round(place_y(value), 1), f"{100 * value:.0f} %") for value in _choose_ticks(least, most)],
        front["unit"],
    )


def draw_reliability_chart(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> ReliabilityChart | None:
    """Return the chart of reliability rows (predicted, solved, count) by kind; None if there are none."""
    most = max((row["count"] for rows in groups.values() for row in rows), default=0)
    if not most:
        return None
    marks = [
        Mark(
            round(SIDE_LEFT + (SIDE_RIGHT - SIDE_LEFT) * row["predicted"], 1),
            round(SIDE_BOTTOM - (SIDE_BOTTOM - SIDE_TOP) * row["solved"], 1),
            kind,
            radius=round(3 + 7 * (row["count"] / most) ** 0.5, 1),
        )
        for kind, rows in groups.items()
        for row in rows
    ]
    return ReliabilityChart(marks)


def _widen(values: Sequence[float], part: float) -> tuple[float, float]:
    """Return the range of values with some room on both sides."""
    low, high = min(values), max(values)
    room = part * (high - low) or max(abs(high), 1.0) * part
    return low - room, high + room


def _choose_ticks(low: float, high: float) -> list[float]:
    """Return four to nine round values in a range."""
    step = 10.0 ** _floor_log10((high - low) / 4)
    step = next(step * by for by in (5, 2, 1) if (high - low) / (step * by) >= 4 or by == 1)
    first = int(-(-low // step))
    return [step * number for number in range(first, int(high // step) + 1)]


def _floor_log10(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _part_names(marks: Sequence[Mark]) -> list[Mark]:
    """Leave out names that would stand on one another; those of the policy and the oracle stay."""
    kept = list[Mark]()
    ranked = sorted((one for one in marks if one.name), key=lambda one: one.kind not in NAMED)
    for mark in ranked:
        if all(abs(mark.y - one.y) > 14 or mark.anchor != one.anchor or abs(mark.x - one.x) > 110 for one in kept):
            kept.append(mark)
    return [one if one in kept or not one.name else Mark(one.x, one.y, one.kind, "", one.radius) for one in marks]
