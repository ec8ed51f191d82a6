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
    "", "model", "effort", "cap", "prompt", "cached", "visible", "reasoning", "total", "seconds", "cost", "finish",
    "ended",
)  # fmt: skip
VERDICT_COLUMN = {True: "graded", False: "in form"}
"""The last column: whether the answer is right, or if nothing grades it only whether it is in the right form."""
LEFT_COLUMNS = ("", "model", "effort", "finish", "ended", *VERDICT_COLUMN.values())
CSV_COLUMNS = (
    "model", "effort", "cap", "repeat", "ended", "finish", "accepted", "grade", "prompt", "cached", "visible",
    "reasoning", "total", "seconds", "cost", "estimated", "answer", "error",
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
        checked: Whether the answers are graded.
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
        *map(to_sentence, list_findings(summaries)),
        *dict.fromkeys(_describe_failure(row) for row in rows if row.error),
        *(f"Note: {note}." for note in collect_notes(rows)),
    ]


def to_sentence(finding: str) -> str:
    """Return a finding with a capital letter and a full stop."""
    return f"{finding[0].upper()}{finding[1:]}."


def collect_notes(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return each note once: what was mapped to the nearest value that a model supports."""
    return list(dict.fromkeys(note for row in rows if row.result for note in row.result.notes))


def to_json(rows: Sequence[ComparisonRow], checked: bool, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return one object with the request, the cells, the cheapest setting that answers, findings and notes.

    Args:
        rows: The rows of the comparison.
        checked: Whether the answers are graded.
        request: What the cells have in common, as plain JSON.
    """
    summaries = summarise_settings(rows, checked)
    cheapest = find_cheapest_setting(summaries)
    return {
        **request,
        "cells": [{**row.to_json(), "grade": row.grade if checked else None} for row in rows],
        "cheapest": cheapest.to_json() if cheapest else None,
        "findings": list_findings(summaries),
        "notes": collect_notes(rows),
    }


def to_csv(rows: Sequence[ComparisonRow], checked: bool) -> str:
    """Return a header and a line for each cell. Unknown values are empty.

    Args:
        rows: The rows of the comparison.
        checked: Whether the answers are graded.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**_make_csv_row(row), "grade": row.grade if checked else None} for row in rows)
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


def list_columns(checked: bool) -> tuple[str, ...]:
    """Return the names of the table's columns."""
    return (*TABLE_COLUMNS, VERDICT_COLUMN[checked])


def list_lines(summaries: Sequence[SettingSummary]) -> list[tuple[SettingSummary, list[str]]]:
    """Return each setting with the cells of its line; `*` in the first marks the cheapest."""
    cheapest = find_cheapest_setting(summaries)
    best = cheapest.summary.setting if cheapest else None
    return [
        (
            one,
            [
                "*" if one.setting == best else "",
                *map(str, one.setting),
                *_format_figures(one),
                *_format_endings(one),
            ],
        )
        for one in summaries
    ]


def _build_table(summaries: Sequence[SettingSummary]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in list_columns(summaries[0].checked):
        table.add_column(name, justify="left" if name in LEFT_COLUMNS else "right", overflow="fold")
    for one, cells in list_lines(summaries):
        table.add_row(*map(Text, cells), style="bold" if cells[0] else STATUS_COLOURS.get(one.status))
    return table


def _format_figures(one: SettingSummary) -> list[str]:
    """Return the numbers of a setting; `~` marks an estimate, a dash what is unknown."""
    if not one.completed_rows:
        return ["-"] * 7
    counts = {
        "prompt": one.prompt,
        "cached": one.cached,
        "answer": one.visible,
        "thinking": one.reasoning,
        "total": one.total,
    }
    inexact = {*one.estimated, *(["total"] if one.estimated - {"cost"} else [])}
    tokens = [
        "-" if count is None else f"{'~' if name in inexact else ''}{format_token_count(count)}"
        for name, count in counts.items()
    ]
    cost = f"{'~' if 'cost' in inexact and one.cost else ''}{format_dollars(one.cost)}"
    return [*tokens, f"{one.seconds:.2f}", cost]


def _format_endings(one: SettingSummary) -> list[str]:
    """Return how a setting's calls ended: the finish, the outcome, and whether it is right or in form."""
    finishes = "/".join(dict.fromkeys(row.result.finish for row in one.completed_rows if row.result)) or "-"
    calls = len(one.rows)
    if calls == 1:
        return [finishes, one.status, _format_verdict(one.rows[0], one.checked)]
    good, unknown = (sum(row.grade == grade for row in one.rows) for grade in ("right", "unknown"))
    answered = sum(row.status == "answered" for row in one.rows)
    most = "" if answered == calls or one.status == "answered" else f", {one.status}"
    verdicts = f" right{f', {unknown} unknown' if unknown else ''}" if one.checked else ""
    return [finishes, f"{answered} of {calls} answered{most}", f"{good} of {calls}{verdicts}"]


def _format_verdict(row: ComparisonRow, checked: bool) -> str:
    """Return whether an answer is right, or only in form; a dash without one."""
    if row.grade is None or checked:
        return row.grade or "-"
    return "yes" if row.accepted else "no"


def _describe_failure(row: ComparisonRow) -> str:
    model, effort, cap = row.cell.setting
    return f"{model} at {effort} effort and a cap of {cap} failed: {row.error}"
