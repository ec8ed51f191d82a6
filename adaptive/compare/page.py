"""A comparison as one HTML page: the plots, the table, and the answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from adaptive._util.html_page import PageTemplates
from adaptive.compare.cell import ComparisonRow
from adaptive.compare.findings import describe_cheapest, format_dollars
from adaptive.compare.plot import PlotAxis, render_comparison_plot
from adaptive.compare.summary import find_cheapest_setting, summarise_settings
from adaptive.compare.table import LEFT_COLUMNS, list_columns, list_lines, list_remarks, to_sentence

TEMPLATE = "compare/page.html.jinja"


def render_comparison_page(prompt: str, rows: Sequence[ComparisonRow], checked: bool) -> str:
    """Return the page, which needs no other file and no network. All text of prompt and answers is escaped.

    Args:
        prompt: The prompt.
        rows: The rows of the comparison, at least one.
        checked: Whether the answers are graded.

    Raises:
        InputError: If matplotlib is not installed.
    """
    summaries = summarise_settings(rows, checked)
    cheapest = find_cheapest_setting(summaries)
    headline = to_sentence(describe_cheapest(cheapest)) if cheapest else "No setting answers."
    has_cost = any(one.cost is not None for one in summaries)
    axes: tuple[PlotAxis, ...] = ("tokens", "cost") if has_cost else ("tokens",)
    return PageTemplates(dollars=format_dollars).render(
        TEMPLATE,
        prompt=prompt,
        rows=rows,
        checked=checked,
        headline=headline,
        columns=list_columns(checked),
        left=LEFT_COLUMNS,
        lines=list_lines(summaries),
        remarks=[line for line in list_remarks(summaries) if line != headline],
        plots={axis: Markup(render_comparison_plot(summaries, axis)) for axis in axes},  # matplotlib escaped them
    )
