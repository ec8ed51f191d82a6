"""A comparison as a table for people, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptive.compare.cell import CellStatus, ComparisonRow
from adaptive.compare.findings import format_dollars, format_token_count, list_findings
from adaptive.compare.summary import SettingSummary, find_cheapest_setting, summarise_settings

PLAIN_WIDTH = 200
"""The width of a table that is not printed on a terminal."""
TABLE_COLUMNS = (
    "", "model", "effort", "cap", "prompt", "visible", "reasoning", "total", "seconds", "cost", "finish", "ended",
)  # fmt: skip
VERDICT_COLUMN = {True: "accepted", False: "in form"}
"""The last column: by the check, or without one only whether the answer is in the right form."""
LEFT_COLUMNS = ("", "model", "effort", "finish", "ended", *VERDICT_COLUMN.values())
CSV_COLUMNS = (
    "model", "effort", "cap", "repeat", "ended", "finish", "accepted", "prompt", "cached", "visible", "reasoning",
    "total", "seconds", "cost", "estimated", "answer", "error",
)  # fmt: skip
STATUS_COLOURS: Mapping[CellStatus, str] = {
    "starved": "yellow",
    "cut off": "yellow",
    "refused": "yellow",
    "failed": "red",
}


def print_comparison(rows: Sequence[ComparisonRow], checked: bool, *, stderr: bool = False) -> None:
    """Print the table and the remarks on it.

    Args:
        rows: The rows of the comparison.
        checked: Whether a check judged the answers.
        stderr: Whether to print to standard error.
    """
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    summaries = summarise_settings(rows, checked)
    console.print(_build_table(summaries))
    for line in list_remarks(summaries):
        console.print(Text(line), soft_wrap=True)


def list_remarks(summaries: Sequence[SettingSummary]) -> list[str]:
    """Return the lines below the table: findings, errors and notes."""
    rows = [row for one in summaries for row in one.rows]
    repeated = any(len(one.rows) > 1 for one in summaries)
    return [
        *(["Figures are medians of the calls at a setting."] if repeated else []),
        *(f"{finding[0].upper()}{finding[1:]}." for finding in list_findings(summaries)),
        *dict.fromkeys(_describe_failure(row) for row in rows if row.error),
        *(f"Note: {note}." for note in collect_notes(rows)),
    ]


def collect_notes(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return each note once: what was mapped to the nearest value that a model supports."""
    return list(dict.fromkeys(note for row in rows if row.result for note in row.result.notes))


def to_json(rows: Sequence[ComparisonRow], checked: bool, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return one object with the request, the cells, the cheapest setting that answers, findings and notes.

    Args:
        rows: The rows of the comparison.
        checked: Whether a check judged the answers.
        request: What the cells have in common, as plain JSON.
    """
    summaries = summarise_settings(rows, checked)
    cheapest = find_cheapest_setting(summaries)
    return {
        **request,
        "cells": [row.to_json() for row in rows],
        "cheapest": cheapest.to_json() if cheapest else None,
        "findings": list_findings(summaries),
        "notes": collect_notes(rows),
    }


def to_csv(rows: Sequence[ComparisonRow]) -> str:
    """Return a header and a line for each cell. Unknown values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_make_csv_row, rows))
    return text.getvalue()


def _make_csv_row(row: ComparisonRow) -> dict[str, Any]:
    model, effort, cap = row.cell.setting
    columns: dict[str, Any] = {
        "model": model, "effort": effort, "cap": cap, "repeat": row.cell.repeat, "ended": row.status,
        "accepted": row.accepted, "error": row.error,
    }  # fmt: skip
    if row.result:
        usage = row.usage
        columns |= {
            "finish": row.result.finish, "prompt": usage.prompt, "cached": usage.cached, "visible": usage.answer,
            "reasoning": usage.thinking, "total": usage.total, "seconds": round(usage.seconds, 3),
            "cost": usage.cost, "estimated": " ".join(usage.estimated), "answer": row.answer,
        }  # fmt: skip
    return columns


def _build_table(summaries: Sequence[SettingSummary]) -> Table:
    cheapest = find_cheapest_setting(summaries)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in (*TABLE_COLUMNS, VERDICT_COLUMN[summaries[0].checked]):
        table.add_column(name, justify="left" if name in LEFT_COLUMNS else "right", overflow="fold")
    for one in summaries:
        best = cheapest is not None and cheapest.summary.setting == one.setting
        cells = ("*" if best else "", *map(str, one.setting), *_format_figures(one), *_format_endings(one))
        table.add_row(*map(Text, cells), style="bold" if best else STATUS_COLOURS.get(one.status))
    return table


def _format_figures(one: SettingSummary) -> list[str]:
    """Return the numbers of a setting; `~` marks an estimate, a dash what is unknown."""
    if not one.completed_rows:
        return ["-"] * 6
    counts = {"prompt": one.prompt, "answer": one.visible, "thinking": one.reasoning, "total": one.total}
    inexact = {*one.estimated, *(["total"] if one.estimated - {"cost"} else [])}
    tokens = [f"{'~' if name in inexact else ''}{format_token_count(count)}" for name, count in counts.items()]
    cost = f"{'~' if 'cost' in inexact and one.cost else ''}{format_dollars(one.cost)}"
    return [*tokens, f"{one.seconds:.2f}", cost]


def _format_endings(one: SettingSummary) -> list[str]:
    """Return how a setting's calls ended: the finish, the outcome, and whether it was accepted."""
    finishes = "/".join(dict.fromkeys(row.result.finish for row in one.completed_rows if row.result)) or "-"
    good, calls = sum(row.accepted for row in one.rows), len(one.rows)
    if calls == 1:
        return [finishes, one.status, ("yes" if good else "no") if one.status == "answered" else "-"]
    answered = sum(row.status == "answered" for row in one.rows)
    most = "" if answered == calls or one.status == "answered" else f", {one.status}"
    return [finishes, f"{answered} of {calls} answered{most}", f"{good} of {calls}"]


def _describe_failure(row: ComparisonRow) -> str:
    model, effort, cap = row.cell.setting
    return f"{model} at {effort} effort and a cap of {cap} failed: {row.error}"
