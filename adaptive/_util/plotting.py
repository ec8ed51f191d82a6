"""The style that all plots share."""

from __future__ import annotations

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
