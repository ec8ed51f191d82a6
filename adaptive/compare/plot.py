"""The plot of a comparison: the tokens of each setting by kind, or its cost; hatched if it has no answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from adaptive._util.plotting import BLUE, GRID, INK, ORANGE, SCALE, SKY, open_figure, render_inline_svg
from adaptive.compare.findings import format_dollars, format_token_count
from adaptive.compare.summary import SettingSummary, find_cheapest_setting

PlotAxis = Literal["tokens", "cost"]
"""What the bars measure."""
BAR_PARTS = {
    "tokens": (("prompt", GRID), ("injected", SKY), ("reasoning", BLUE), ("visible", ORANGE)),
    "cost": (("cost", BLUE),),
}
"""The figures of a bar, with their colours."""
AXIS_LABELS = {"tokens": "tokens", "cost": "dollars"}
HATCH = "////"
WIDTH = 8.6
BAR_INCHES = 0.42
"""The height of each setting."""


def write_comparison_plot(summaries: Sequence[SettingSummary], file: Path, axis: PlotAxis = "tokens") -> None:
    """Write a PNG with a bar for each setting, in the order of the table.

    Args:
        summaries: The settings.
        file: The file to write.
        axis: What the bars measure; both figures stand at their ends.

    Raises:
        InputError: If matplotlib is not installed.
    """
    with open_figure(_compute_size(summaries)) as (figure, axes):
        draw_bars(summaries, axes, axis)
        figure.savefig(file, format="png", dpi=100 * SCALE, metadata={"Software": None})


def render_comparison_plot(summaries: Sequence[SettingSummary], axis: PlotAxis) -> str:
    """Return the same plot as an SVG for a page; raise `InputError` if matplotlib is not installed."""
    with open_figure(_compute_size(summaries)) as (figure, axes):
        draw_bars(summaries, axes, axis)
        return render_inline_svg(figure, axis)


def draw_bars(summaries: Sequence[SettingSummary], axes: Any, axis: PlotAxis) -> None:
    """Draw the bars, the figures at their ends, and a legend of colours and hatches."""
    from matplotlib.patches import Patch

    places, left = list(range(len(summaries))), [0.0] * len(summaries)
    kinds = [(kind, colour) for kind, colour in BAR_PARTS[axis] if any(getattr(one, kind) for one in summaries)]
    for kind, colour in kinds:
        counts = [getattr(one, kind) or 0.0 for one in summaries]
        bars = axes.barh(places, counts, 0.62, left, color=colour, edgecolor="white", linewidth=0.6)
        for bar, one in zip(bars, summaries, strict=True):
            bar.set_hatch(None if one.good_rows else HATCH)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    for place, (end, one) in enumerate(zip(left, summaries, strict=True)):
        axes.annotate(
            _format_end(one, axis), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(places, [f"{one.setting.model}\n{one.setting.effort}, {one.setting.cap}" for one in summaries])
    _mark_cheapest(summaries, axes)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.3)
    axes.set_xlim(left=0)
    axes.set_xlabel(AXIS_LABELS[axis])
    patches = [Patch(facecolor=colour, label=kind) for kind, colour in kinds]
    patches.append(Patch(facecolor="white", edgecolor=INK, hatch=HATCH, label=_name_hatch(summaries)))
    axes.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, fontsize=8.5)


def _name_hatch(summaries: Sequence[SettingSummary]) -> str:
    return "no right answer" if any(one.checked for one in summaries) else "no answer"


def _compute_size(summaries: Sequence[SettingSummary]) -> tuple[float, float]:
    """Return width and height in inches."""
    return WIDTH, 1.4 + BAR_INCHES * len(summaries)


def _mark_cheapest(summaries: Sequence[SettingSummary], axes: Any) -> None:
    cheapest = find_cheapest_setting(summaries)
    for one, label in zip(summaries, axes.get_yticklabels(), strict=True):
        if cheapest and cheapest.summary.setting == one.setting:
            label.set_fontweight("bold")


def _format_end(one: SettingSummary, axis: PlotAxis) -> str:
    """Return tokens and cost, that of the axis first, and how the setting ended if it has no good answer."""
    if not one.completed_rows:
        return one.outcome
    figures = [f"{format_token_count(one.total)} tokens"]
    figures += ["cost unknown"] if one.cost is None else [format_dollars(one.cost)]
    if axis == "cost":
        figures.reverse()
    return ", ".join(figures if one.good_rows else [*figures, one.outcome])
