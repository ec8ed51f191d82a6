"""The plot of a comparison: the tokens of each setting by kind, hatched if it has no answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptive._util.plotting import BLUE, GRID, INK, LOOK, ORANGE, SCALE, SKY, require_matplotlib
from adaptive.compare.findings import format_token_count
from adaptive.compare.summary import SettingSummary, find_cheapest_setting

KIND_COLOURS = (("prompt", GRID), ("injected", SKY), ("reasoning", BLUE), ("visible", ORANGE))
HATCH = "////"
BAR_INCHES = 0.42
"""The height of each setting."""


def write_comparison_plot(summaries: Sequence[SettingSummary], file: Path) -> None:
    """Write a PNG with a bar for each setting, in the order of the table, with its tokens by kind.

    Raises:
        InputError: If matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(8.6, 1.4 + BAR_INCHES * len(summaries)), layout="constrained", dpi=100)
        FigureCanvasAgg(figure)
        draw_bars(summaries, figure.subplots())
        figure.savefig(file, format="png", dpi=100 * SCALE, metadata={"Software": None})


def draw_bars(summaries: Sequence[SettingSummary], axes: Any) -> None:
    """Draw the bars, the totals at their ends, and a legend of colours and hatches."""
    from matplotlib.patches import Patch

    places, left = list(range(len(summaries))), [0.0] * len(summaries)
    kinds = [(kind, colour) for kind, colour in KIND_COLOURS if any(getattr(one, kind) for one in summaries)]
    for kind, colour in kinds:
        counts = [getattr(one, kind) for one in summaries]
        bars = axes.barh(places, counts, 0.62, left, color=colour, edgecolor="white", linewidth=0.6)
        for bar, one in zip(bars, summaries, strict=True):
            bar.set_hatch(None if one.good_rows else HATCH)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    for place, (end, one) in enumerate(zip(left, summaries, strict=True)):
        axes.annotate(
            _format_total(one), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(places, [f"{one.setting.model}\n{one.setting.effort}, {one.setting.cap}" for one in summaries])
    _mark_cheapest(summaries, axes)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.16)
    axes.set_xlabel("tokens")
    patches = [Patch(facecolor=colour, label=kind) for kind, colour in kinds]
    patches.append(Patch(facecolor="white", edgecolor=INK, hatch=HATCH, label="no answer"))
    axes.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, fontsize=8.5)


def _mark_cheapest(summaries: Sequence[SettingSummary], axes: Any) -> None:
    cheapest = find_cheapest_setting(summaries)
    for one, label in zip(summaries, axes.get_yticklabels(), strict=True):
        if cheapest and cheapest.summary.setting == one.setting:
            label.set_fontweight("bold")


def _format_total(one: SettingSummary) -> str:
    """Return the total, and how the setting ended if it has no good answer."""
    total = format_token_count(one.total)
    if one.good_rows:
        return total
    return f"{total}, {'not accepted' if one.status == 'answered' else one.status}"
