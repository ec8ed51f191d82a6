"""Labels beside the points of a plot, each where it covers no other and no point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, pi, sin
from typing import Any

SIDES = 12
RADII = (9, 16, 26, 38, 54, 72)
NEAR = 12
"""Points of a leader line: a label that is nearer needs none."""


def place(axes: Any, points: Sequence[tuple[float, float, str]], ink: str, size: float = 8.5) -> None:
    """Write a text beside each (x, y, text), the nearest place first that is free; else the first place.

    Texts that are away from their points get a line to them. The axes' limits must be final.
    """
    axes.figure.draw_without_rendering()  # only now is it known where the axes are
    renderer = axes.figure.canvas.get_renderer()
    taken = [_dot(axes, x, y) for x, y, _ in points]
    for x, y, text in points:
        made = axes.annotate(text, (x, y), (0, 0), textcoords="offset points", fontsize=size, color=ink)
        made.set_in_layout(False)
        spots = list(_spots())
        for spot in [*spots, spots[0]]:
            _move(made, spot)
            box = made.get_window_extent(renderer).padded(1)
            if _inside(axes, box) and not any(box.overlaps(other) for other in taken):
                break
        taken.append(made.get_window_extent(renderer).padded(1))
        if spot[2] > NEAR:
            line = {"arrowstyle": "-", "color": ink, "alpha": 0.45, "lw": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", (x, y), spot[:2], textcoords="offset points", arrowprops=line)


def _spots() -> Iterator[tuple[float, float, int]]:
    """Offsets in points, and how far away they are: rings, the right side first."""
    for radius in RADII:
        for step in sorted(range(SIDES), key=lambda s: min(s, SIDES - s)):
            angle = 2 * pi * step / SIDES
            yield radius * cos(angle), radius * sin(angle), radius


def _move(text: Any, spot: tuple[float, float, int]) -> None:
    x, y, radius = spot
    level = abs(x) < radius / 2
    text.set_position((x, y))
    text.set_ha("center" if level else "left" if x > 0 else "right")
    text.set_va("center" if not level else "bottom" if y > 0 else "top")


def _dot(axes: Any, x: float, y: float) -> Any:
    from matplotlib.transforms import Bbox

    across, up = axes.transData.transform((x, y))
    return Bbox.from_extents(across - 6, up - 6, across + 6, up + 6)


def _inside(axes: Any, box: Any) -> bool:
    frame = axes.get_window_extent()
    return bool(box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1)
