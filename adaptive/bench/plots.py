"""The plots of a bench: PNG for anywhere, SVG for the report.

Colours are Okabe and Ito's, which colour-blind readers can tell apart. matplotlib comes with the extra `learn`;
nothing here needs a display.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptive._util.plot_labels import place_labels
from adaptive._util.plotting import (
    BLUE,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    SCALE,
    SKY,
    open_figure,
    render_inline_svg,
)
from adaptive.bench.figures import BenchLine, Figures
from adaptive.learn.report.front_plot import COST_LABELS, draw_hull
from adaptive.learn.tuning.resampling import Interval
from adaptive.types.usage import CostUnit

STYLES: dict[str, tuple[str, str, int]] = {
    "policy": (ORANGE, "*", 260), "fixed": (BLUE, "o", 46), "top": (BLUE, "o", 46), "best": (BLUE, "o", 130),
    "unlimited": (BLUE, "s", 46), "confidence": (GREEN, "D", 46), "votes": (PURPLE, "^", 56),
    "adaptive": (PURPLE, "v", 56), "waits": (SKY, "P", 62), "oracle": (GRID, "X", 60), "plain": (BLUE, "s", 46),
    "vote": (PURPLE, "^", 56), "direct_first": (BLUE, "d", 46),
}  # fmt: skip
"""Colour, marker and its area, by the kind of way."""
SHORT = {
    "top": "top rung", "votes": "self-consistency", "adaptive": "adaptive consistency", 
    "confidence": "raw confidence", "unlimited": "unlimited",
}  # fmt: skip
HOLLOW = ("best", "oracle")


COLOURS, MARKERS = (BLUE, ORANGE, GREEN, PURPLE, SKY, INK), "os^Dv"
"""Of the rungs."""
CROWDED = 0.08
"""Ways within this difference in accuracy crowd a plot."""
INSET = (0.4, 0.07, 0.6, 0.56)
"""Where a crowd is enlarged, in fractions of the axes: at the lower right, where few good ways are."""


Draw = Callable[[Figures, Any], None]


def write_plots(figures: Figures, folder: Path) -> dict[str, str]:
    """Write FOLDER/NAME.png for each plot; return their SVG by name, with text in the colour of its page."""
    return {
        name: _render_plot(figures, draw, size, folder / f"{name}.png") for name, (draw, size) in PLOTS.items()
    }


def draw_accuracy(figures: Figures, axes: Any) -> None:
    """Draw accuracy against mean tokens, with intervals and the hull of constants; a crowd of ways is enlarged."""
    crowd = _find_crowd(figures)
    _draw_ways(axes, figures, [line for line in figures.lines if line not in crowd])
    axes.set(xlabel=COST_LABELS[figures.front.unit], ylabel="right, in percent")
    if crowd:
        inset = axes.inset_axes(INSET)
        _draw_ways(inset, figures, crowd)
        inset.tick_params(labelsize=8)
        axes.grid(visible=False)  # it would show through
        for line in axes.indicate_inset_zoom(inset, edgecolor=GRID, alpha=0.5).connectors:
            line.set_visible(False)


def _draw_ways(axes: Any, figures: Figures, labelled: Sequence[BenchLine]) -> None:
    """All ways and the hull; the axes of an inset fit the labelled ways, else all."""
    lines = sorted(figures.lines, key=lambda line: line.kind == "policy")  # the policy on top
    hull, unit = draw_hull(figures.front, axes), figures.front.unit
    for line in lines:
        _draw_point(axes, line, unit)
    _fit_axes(axes, labelled if _find_crowd(figures) == labelled else lines, unit)
    shown = sorted(labelled, key=lambda line: line.kind != "policy")
    points = [
        (line.measure(unit), 100 * line.accuracy.value, _shorten_name(line))
        for line in shown
        if line.kind != "best"
    ]
    bars = [(a.measure(unit), 100 * a.accuracy.low, a.measure(unit), 100 * a.accuracy.high) for a in lines]
    place_labels(axes, points, INK, [*bars, *hull])


def _fit_axes(axes: Any, lines: Sequence[BenchLine], unit: CostUnit) -> None:
    """Set limits around these ways and their intervals, with room for labels."""
    across = [line.measure(unit) for line in lines]
    up = [100 * end for line in lines for end in (line.accuracy.low, line.accuracy.high)]
    wide, high = max(1.0, max(across) - min(across)), max(1.0, max(up) - min(up))
    axes.set_xlim(max(0.0, min(across) - 0.16 * wide), max(across) + 0.18 * wide)
    axes.set_ylim(min(up) - 0.06 * high, max(up) + 0.08 * high)


def _find_crowd(figures: Figures) -> list[BenchLine]:
    """The ways about as good as the policy, if they are many and the others far below; else none."""
    near = [line for line in figures.lines if abs(line.accuracy.value - figures.policy.accuracy.value) <= CROWDED]
    heights, all_ = ([line.accuracy.value for line in some] for some in (near, figures.lines))
    own = [line for line in near if line.kind not in HOLLOW]  # a ring stands around another way
    crowded = len(own) >= 4 and max(heights) - min(heights) < 0.35 * (max(all_) - min(all_))
    return near if crowded else []


def draw_reliability(figures: Figures, axes: Any) -> None:
    """Draw the share of right answers against the score of the kept answer."""
    axes.plot([0, 1], [0, 1], color=GRID, lw=1, ls=(0, (4, 3)))
    for one in figures.judged.bins:
        axes.errorbar([one.score], [one.right.value], _compute_spread(one.right), color=BLUE, lw=1.1, capsize=2.5)
    bins = figures.judged.bins
    largest = max((one.count for one in bins), default=1)
    area = [30 + 170 * one.count / largest for one in bins]
    axes.scatter([one.score for one in bins], [one.right.value for one in bins], area, color=BLUE, zorder=3)
    axes.set(xlim=(-0.03, 1.06), ylim=(-0.03, 1.06), xlabel="score of the kept answer", ylabel="share right")
    axes.set_aspect("equal")
    place_labels(axes, [(one.score, one.right.value, f"n={one.count}") for one in bins], INK, size=7.5)


def draw_rungs(figures: Figures, axes: Any) -> None:
    """Draw the share of questions that a rung solves against P(solved), a colour and a marker for each rung."""
    axes.plot([0, 1], [0, 1], color=GRID, lw=1, ls=(0, (4, 3)))
    largest = max((one.count for rung in figures.rungs for one in rung.bins), default=1)
    for place, rung in enumerate(figures.rungs):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        across, up = [one.score for one in rung.bins], [one.right.value for one in rung.bins]
        axes.plot(across, up, color=colour, lw=0.9, alpha=0.6)
        area = [14 + 90 * one.count / largest for one in rung.bins]
        axes.scatter(across, up, area, color=colour, marker=marker, zorder=3, label=rung.name)
    axes.set(xlim=(-0.03, 1.06), ylim=(-0.03, 1.06), xlabel="predicted P(solved)", ylabel="share solved")
    axes.set_aspect("equal")
    if figures.rungs:
        axes.legend(loc="upper left", fontsize=8.5)


def draw_difficulty(figures: Figures, axes: Any) -> None:
    """Draw mean tokens by difficulty: the policy, the top rung and the best constant."""
    ways = (("top", "always the top rung", SKY, "//"), ("best", "best constant", BLUE, ""),
            ("policy", "the policy", ORANGE, ""))  # fmt: skip
    levels = [level for level in figures.levels if level.questions]
    for slot, (kind, name, colour, hatch) in enumerate(ways):
        at = [i + (slot - 1) * 0.27 for i in range(len(levels))]
        bars = axes.bar(at, [level.tokens[kind] for level in levels], 0.25, color=colour, label=name, hatch=hatch,
                        edgecolor="white", linewidth=0.6)  # fmt: skip
        axes.bar_label(bars, [f"{level.tokens[kind]:.0f}" for level in levels], fontsize=8, padding=2, color=INK)
    axes.set_xticks(range(len(levels)), [f"{level.name}\n{level.questions} questions" for level in levels])
    axes.grid(axis="x", visible=False)
    axes.set_ylabel("mean tokens of a question")
    axes.margins(y=0.2)
    axes.legend(loc="upper left", ncols=3, fontsize=8.5, columnspacing=1.2, handlelength=1.4)


PLOTS: dict[str, tuple[Draw, tuple[float, float]]] = {
    "accuracy": (draw_accuracy, (8.6, 5.2)),
    "reliability": (draw_reliability, (4.8, 4.6)),
    "rungs": (draw_rungs, (4.8, 4.6)),
    "difficulty": (draw_difficulty, (6.4, 4.2)),
}


def _draw_point(axes: Any, line: BenchLine, unit: CostUnit) -> None:
    colour, marker, area = STYLES[line.kind]
    x, y = line.measure(unit), 100 * line.accuracy.value
    if line.kind != "best":
        spread = _compute_spread(line.accuracy, 100)
        axes.errorbar([x], [y], spread, color=colour, alpha=0.4, lw=1.1, capsize=2.5)
    face = "none" if line.kind in HOLLOW else colour
    edge = colour if line.kind in HOLLOW else "white"
    axes.scatter([x], [y], area, marker=marker, facecolors=face, edgecolors=edge, linewidths=1.2, zorder=3)


def _compute_spread(interval: Interval, scale: float = 1.0) -> list[list[float]]:
    """The lengths of an interval below and above its value; rounding must not make one negative."""
    return [[scale * max(0.0, interval.value - interval.low)], [scale * max(0.0, interval.high - interval.value)]]


def _shorten_name(line: BenchLine) -> str:
    """The short name of a way."""
    return SHORT.get(line.kind, line.name.removeprefix("always "))


def _render_plot(figures: Figures, draw: Draw, size: tuple[float, float], file: Path) -> str:
    with open_figure(size) as (figure, axes):
        draw(figures, axes)
        figure.savefig(file, dpi=100 * SCALE, metadata={"Software": None})
        return render_inline_svg(figure, file.stem)
