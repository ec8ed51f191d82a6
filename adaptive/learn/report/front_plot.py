"""The plane of cost and accuracy: constants, their hull, policies and the oracle, as a PNG file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from adaptive._util.plot_labels import Segment, place_labels
from adaptive._util.plotting import BLUE, GRID, INK, ORANGE, SCALE, open_figure
from adaptive.learn.tuning.cost_front import CostFront
from adaptive.types.usage import CostUnit

FRONT_FILE = "front.png"
PIECES = 24
"""A sloped line is kept free of labels piece by piece."""
MARKS: dict[str, dict[str, Any]] = {
    "constant": {"color": BLUE, "marker": "o", "s": 30, "alpha": 0.45},
    "policy": {"color": ORANGE, "marker": "o", "s": 16, "alpha": 0.6},
    "chosen": {"color": ORANGE, "marker": "*", "s": 260, "edgecolors": "white", "linewidths": 1.2},
    "oracle": {"color": GRID, "marker": "X", "s": 60},
}

COST_LABELS: dict[CostUnit, str] = {
    "tokens": "mean tokens of a question, everything counted",
    "dollars": "mean cost of a question, in millionths of a dollar",
}


def write_front_plot(front: CostFront, folder: Path) -> str:
    """Write `FRONT_FILE` into a folder; return its name.

    Raises:
        InputError: matplotlib is not installed.
    """
    with open_figure((7.2, 4.6)) as (figure, axes):
        draw_front(front, axes)
        figure.savefig(folder / FRONT_FILE, dpi=100 * SCALE, metadata={"Software": None})
    return FRONT_FILE


def draw_front(front: CostFront, axes: Any) -> None:
    """Draw all points and the hull; its corners, the chosen policy and the oracle have labels."""
    for one in front.points:
        axes.scatter([one.cost], [100 * one.accuracy], zorder=3 if one.kind == "chosen" else 2, **MARKS[one.kind])
    axes.set(xlabel=COST_LABELS[front.unit], ylabel="right, in percent")
    axes.margins(0.12)
    lines = draw_hull(front, axes) + [(x, y, x, y) for x, y in ((p.cost, 100 * p.accuracy) for p in front.points)]
    labelled = [one for one in front.points if one.hull or one.kind in ("chosen", "oracle")]
    place_labels(axes, [(one.cost, 100 * one.accuracy, one.name) for one in labelled], INK, lines)


def draw_hull(front: CostFront, axes: Any) -> list[Segment]:
    """Draw the hull of the constants; return it as segments that labels should not cover."""
    corners = [(one.cost, 100 * one.accuracy) for one in front.hull]
    axes.plot(*zip(*corners, strict=True), color=BLUE, lw=1.2, alpha=0.7, zorder=1)
    axes.scatter(*zip(*corners, strict=True), 46, color=BLUE, zorder=2)
    return [segment for one, other in pairwise(corners) for segment in _cut_line(one, other)]


def _cut_line(one: tuple[float, float], other: tuple[float, float]) -> list[Segment]:
    places = np.linspace(one, other, PIECES + 1).tolist()
    return [(x0, y0, x1, y1) for (x0, y0), (x1, y1) in pairwise(places)]
