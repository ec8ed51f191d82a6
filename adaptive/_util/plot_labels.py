"""Labels beside the points of a plot that overlap no other label, no point and, if possible, no line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, pi, sin
from typing import Any

SIDES = 12
RADII = (9, 16, 26, 38, 54, 72)
NEAR = 16
"""In points: a label within this distance needs no line to its point."""
DOT, THIN = 6, 2
"""In pixels: the free space around a point and a line."""

Spot = tuple[float, float, int]
Segment = tuple[float, float, float, float]


def place_labels(
    axes: Any,
    points: Sequence[tuple[float, float, str]],
    ink: str,
    lines: Sequence[Segment] = (),
    size: float = 8.5,
) -> None:
    """Write a text beside each point, at the nearest free place. The axes' limits must be final.

    Args:
        axes: The axes of matplotlib.
        points: Each point (x, y) with its text.
        ink: The colour of text, and of the line from a distant text to its point.
        lines: Horizontal or vertical lines (x0, y0, x1, y1) to avoid.
        size: The font size in points.
    """
    axes.figure.draw_without_rendering()  # computes where the axes are
    thin = [_compute_box(axes, line, THIN) for line in lines]
    occupied = [_compute_box(axes, (x, y, x, y), DOT) for x, y, _ in points]
    for x, y, text in points:
        label = axes.annotate(text, (x, y), (0, 0), textcoords="offset points", fontsize=size, color=ink)
        label.set_in_layout(False)
        spot = (
            _find_free_spot(axes, label, [*occupied, *thin])
            or _find_free_spot(axes, label, occupied)
            or next(_iterate_spots())
        )
        occupied.append(_move_text(label, spot))
        if spot[2] > NEAR:
            line = {"arrowstyle": "-", "color": ink, "alpha": 0.45, "lw": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", (x, y), spot[:2], textcoords="offset points", arrowprops=line).set_in_layout(False)


def _find_free_spot(axes: Any, text: Any, occupied: Sequence[Any]) -> Spot | None:
    """The nearest spot inside the axes where the text overlaps nothing occupied; None if there is none."""
    frame = axes.get_window_extent()
    for spot in _iterate_spots():
        box = _move_text(text, spot)
        inside = box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
        if inside and not any(box.overlaps(other) for other in occupied):
            return spot
    return None


def _iterate_spots() -> Iterator[Spot]:
    """Offsets in points with their distance: rings, the right side first."""
    for radius in RADII:
        for step in sorted(range(SIDES), key=lambda s: min(s, SIDES - s)):
            angle = 2 * pi * step / SIDES
            yield radius * cos(angle), radius * sin(angle), radius


def _move_text(text: Any, spot: Spot) -> Any:
    """Move the text to a spot, on the side away from the point; return its box."""
    x, y, radius = spot
    middle = abs(x) < radius / 2
    text.set_position((x, y))
    text.set_ha("center" if middle else "left" if x > 0 else "right")
    text.set_va("center" if not middle else "bottom" if y > 0 else "top")
    return text.get_window_extent(text.figure.canvas.get_renderer()).padded(1)


def _compute_box(axes: Any, line: Segment, margin: float) -> Any:
    from matplotlib.transforms import Bbox

    (x0, y0), (x1, y1) = axes.transData.transform([line[:2], line[2:]])
    return Bbox.from_extents(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)).padded(margin)
