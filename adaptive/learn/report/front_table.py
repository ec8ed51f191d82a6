"""The front of cost and accuracy in words and as a Markdown table."""

from __future__ import annotations

from adaptive.learn.report.tables import format_markdown_table
from adaptive.learn.tuning.cost_front import CostFront, FrontPoint
from adaptive.learn.tuning.hull_gain import HullGain
from adaptive.learn.tuning.resampling import Interval
from adaptive.types.usage import CostUnit, format_cost

NAMES: dict[CostUnit, str] = {"tokens": "tokens", "dollars": "cost"}
AS_MUCH: dict[CostUnit, str] = {"tokens": "as many tokens", "dollars": "as many dollars"}
REMARKS = {"policy": "tested", "chosen": "chosen", "oracle": "knows what is right"}


def format_front(front: CostFront) -> str:
    """Return all points as a table, the cheapest first."""
    head = ("", NAMES[front.unit], "right", "points over the hull (95 %)", "")
    points = sorted(front.points, key=lambda one: (one.cost, -one.accuracy))
    return format_markdown_table(head, [_format_point(one, front.unit) for one in points])


def format_hull_gain(gain: HullGain, points_of: str = "accuracy") -> str:
    """Return what a policy gains, in one sentence.

    Args:
        gain: It.
        points_of: What an answer is graded by: accuracy, or agreement with another answer.
    """
    much = AS_MUCH[gain.unit]
    return (
        f"Over a random mix of constants: {format_difference(gain.accuracy)} points of {points_of} at {much}; "
        f"{format_equal_accuracy(gain)}. The mix of {much} is {format_mix(gain)}."
    )


def format_equal_accuracy(gain: HullGain) -> str:
    """Return what the policy takes of the tokens of the mix that is as accurate."""
    if gain.cost.value == 0:
        return "no mix is as accurate"
    value, low, high = (f"{100 * one:.0f}" for one in (gain.cost.value, gain.cost.low, gain.cost.high))
    return f"{value} % ({low} to {high}) of the {NAMES[gain.unit]} of a mix that is as accurate"


def format_mix(gain: HullGain) -> str:
    """Return the mix that takes as many tokens as the policy."""
    if gain.share in (0, 1):
        return f"always {gain.dear if gain.share else gain.cheap}"
    return f"{gain.dear} at {100 * gain.share:.0f} % of the questions, by chance, and {gain.cheap} at the others"


def format_difference(difference: Interval) -> str:
    """Return a difference of accuracies in points with its interval: "+0.7 (-2.0 to +3.4)"."""
    value, low, high = map(_format_points, (difference.value, difference.low, difference.high))
    return f"{value} ({low} to {high})"


def format_cell(cost: float, unit: CostUnit) -> str:
    """Return a cost for a column that names its unit, or that is of dollars."""
    return f"{cost:.0f}" if unit == "tokens" else format_cost(cost, unit)


def _format_point(one: FrontPoint, unit: CostUnit) -> tuple[str, ...]:
    remark = "corner of the hull" if one.hull else REMARKS.get(one.kind, "")
    over = "" if one.hull else format_difference(one.over_hull)
    return one.name, format_cell(one.cost, unit), f"{100 * one.accuracy:.1f} %", over, remark


def _format_points(part: float) -> str:
    """Return a share in points; never -0.0."""
    return f"{round(100 * part, 1) + 0:+.1f}"
