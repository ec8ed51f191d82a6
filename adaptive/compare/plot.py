"""The plot of a comparison: tokens by kind for each setting, those without an answer hatched."""

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
"""Inches of height for each setting."""


def write_comparison_plot(compared: Sequence[SettingSummary], file: Path) -> None:
    """Write a PNG with a bar for each setting, in the order of the table, its tokens by kind.

    Raises `InputError` where matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(8.6, 1.4 + BAR_INCHES * len(compared)), layout="constrained", dpi=100)
        FigureCanvasAgg(figure)
        draw_bars(compared, figure.subplots())
        figure.savefig(file, format="png", dpi=100 * SCALE, metadata={"Software": None})


def draw_bars(compared: Sequence[SettingSummary], axes: Any) -> None:
    """The bars, the totals at their ends, and what the colours and hatches mean."""
    from matplotlib.patches import Patch

    at, left = list(range(len(compared))), [0.0] * len(compared)
    shown = [(kind, colour) for kind, colour in KIND_COLOURS if any(getattr(one, kind) for one in compared)]
    for kind, colour in shown:
        counts = [getattr(one, kind) for one in compared]
        bars = axes.barh(at, counts, 0.62, left, color=colour, edgecolor="white", linewidth=0.6)
        for bar, one in zip(bars, compared, strict=True):
            bar.set_hatch(None if one.good_rows else HATCH)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    for place, (end, one) in enumerate(zip(left, compared, strict=True)):
        axes.annotate(
            _format_total(one), (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(at, list(map(_format_setting, compared)))
    _mark_cheapest(compared, axes)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.16)
    axes.set_xlabel("tokens")
    kinds = [Patch(facecolor=colour, label=kind) for kind, colour in shown]
    none = Patch(facecolor="white", edgecolor=INK, hatch=HATCH, label="no answer")
    axes.legend(handles=[*kinds, none], loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, fontsize=8.5)


def _mark_cheapest(compared: Sequence[SettingSummary], axes: Any) -> None:
    found = find_cheapest_setting(compared)
    for one, label in zip(compared, axes.get_yticklabels(), strict=True):
        if found and found.summary.setting == one.setting:
            label.set_fontweight("bold")


def _format_total(one: SettingSummary) -> str:
    """The total, and what came of it where that is no answer."""
    return (
        format_token_count(one.total)
        if one.good_rows
        else f"{format_token_count(one.total)}, {_describe_ending(one)}"
    )


def _describe_ending(one: SettingSummary) -> str:
    return "not accepted" if one.status == "answered" else one.status


def _format_setting(one: SettingSummary) -> str:
    return f"{one.setting.model}\n{one.setting.effort}, {one.setting.cap}"
