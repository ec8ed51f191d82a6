"""The style that all plots share."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adaptive._util.optional import import_optional

INK, GRID = "#1b1e23", "#8a8f98"
BLUE, ORANGE, GREEN, SKY, PURPLE = "#0072b2", "#d55e00", "#009e73", "#56b4e9", "#cc79a7"
LOOK: Any = {
    "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True,
    "grid.color": GRID, "grid.alpha": 0.25, "grid.linewidth": 0.7, "axes.axisbelow": True, "legend.frameon": False,
    "svg.hashsalt": "adaptive", "figure.facecolor": "white", "savefig.facecolor": "white",
}  # fmt: skip
SCALE = 2
"""Image pixels for each pixel of an ordinary screen."""


def require_matplotlib() -> None:
    """Raise `InputError` if plots cannot be drawn; called before the work that they would show."""
    import_optional("matplotlib", "learn")


@contextmanager
def open_figure(size: tuple[float, float]) -> Iterator[tuple[Any, Any]]:
    """Open a figure and its axes in our style, without changing matplotlib's global state; it needs no display.

    Args:
        size: Width and height in inches.

    Raises:
        InputError: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(LOOK):
        figure = Figure(figsize=size, layout="constrained", dpi=100)
        FigureCanvasAgg(figure)
        yield figure, figure.subplots()


def render_inline_svg(figure: Any, name: str) -> str:
    """Return a figure as an SVG to embed in a page: no head, ids of its own, ink in the page's colour.

    Args:
        figure: The figure of matplotlib.
        name: A name that no other SVG of the page has.
    """
    vector = io.StringIO()
    figure.savefig(vector, format="svg", transparent=True, metadata={"Date": None})
    svg = vector.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace(INK, "currentColor")
