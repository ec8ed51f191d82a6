"""Formats where a profile applies: predictions in and outside its domain, and what flagging more would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adaptive.learn.report.tables import format_markdown_table, format_percentage


def format_domain(figures: dict[str, Any]) -> str:
    """Return the figures of a domain (`adaptive.learn.fit.domain_figures`) as text with Markdown tables."""
    questions, outside = figures["questions"], figures["outside"]
    intro = (
        f"Of {questions} recorded questions, each compared with those of other groups, {outside} "
        f"({format_percentage(outside / questions)}) are unlike the others at the set share of "
        f"{format_percentage(figures['alpha'])}. A solve believes no prediction on such a question and accepts "
        "its answer by a check or a judge alone."
    )
    parts = [intro, _format_reliability(figures)]
    if figures["accepted"]:
        parts.append(_format_accepted(figures["accepted"]))
    return "\n\n".join(parts)


def _format_reliability(figures: dict[str, Any]) -> str:
    rows = [
        (where, f"from {one['from']:.1f}", one["count"], one["predicted"], one["solved"])
        for where in ("inside", "outside")
        for one in figures[f"{where}_reliability"]
    ]
    title = "Reliability of difficulty, from the text, in and outside the domain:\n\n"
    return title + format_markdown_table(("", "predicted", "count", "mean", "came true"), rows)


def _format_accepted(rows: Sequence[dict[str, Any]]) -> str:
    shown = [
        (format_percentage(one["flagged"]), format_percentage(one["accepted"]),
         "-" if one["right"] is None else format_percentage(one["right"]))
        for one in rows
    ]  # fmt: skip
    title = "What the verifier model accepts if so many of the questions, the most unlike, are left out:\n\n"
    return title + format_markdown_table(("left out", "accepted", "of these right"), shown)
