"""Charts: places lie inside the drawing, the hull is a line of its corners, and names do not cover each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adaptive.view.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    SIDE_BOTTOM,
    SIDE_TOP,
    TOP,
    draw_front_chart,
    draw_reliability_chart,
)
from tests.view.logged import FRONT


def point(cost: float, accuracy: float) -> dict[str, Any]:
    return {"name": "p", "kind": "constant", "cost": cost, "accuracy": accuracy, "hull": False}


def test_a_front_has_its_hull_by_rising_cost_and_names_what_matters() -> None:
    chart = draw_front_chart(FRONT)
    assert [mark.name for mark in chart.marks if mark.name] == ["high", "none", "oracle", "chosen policy"]
    assert chart.marks[-1].kind == "chosen"
    (x0, y0), (x1, y1) = (map(float, corner.split(",")) for corner in chart.hull.split())
    assert (x0 < x1, y0 > y1) == (True, True)
    assert [tick.text for tick in chart.across] == ["0", "50", "100", "150", "200", "250", "300"]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=1))
def test_every_point_of_a_front_lies_in_the_drawing(values: list[tuple[float, float]]) -> None:
    chart = draw_front_chart({"unit": "dollars", "points": [point(*one) for one in values]})
    assert len(chart.marks) == len(values)
    assert all(LEFT <= mark.x <= RIGHT and TOP <= mark.y <= BOTTOM for mark in chart.marks)
    assert all(LEFT - 0.1 <= tick.at <= RIGHT + 0.1 for tick in chart.across)
    assert len(chart.up) < 12


def test_reliability_is_drawn_by_side_and_nothing_without_answers() -> None:
    row = {"from": 0.5, "count": 4, "predicted": 0.5, "solved": 1.0}
    chart = draw_reliability_chart({"inside": [row], "outside": [{**row, "count": 1, "solved": 0.0}]})
    assert chart is not None
    assert [(mark.kind, mark.y) for mark in chart.marks] == [("inside", SIDE_TOP), ("outside", SIDE_BOTTOM)]
    assert chart.marks[0].radius > chart.marks[1].radius
    assert draw_reliability_chart({"inside": [], "outside": [{**row, "count": 0}]}) is None
