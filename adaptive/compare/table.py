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
"""Columns of a table that is not printed on a terminal."""
TABLE_COLUMNS = ("", "model", "effort", "cap", "prompt", "visible", "reasoning", "total", "seconds", "cost", "finish",
        "ended")  # fmt: skip
VERDICT_COLUMN = {True: "accepted", False: "in form"}
"""The last column: what the check says, or else only whether the answer has the form of one."""
LEFT_COLUMNS = ("", "model", "effort", "finish", "ended", *VERDICT_COLUMN.values())
CSV_COLUMNS = ("model", "effort", "cap", "repeat", "ended", "finish", "accepted", "prompt", "cached", "visible",
          "reasoning", "total", "seconds", "cost", "estimated", "answer", "error")  # fmt: skip
"""The columns of a CSV."""
STATUS_COLOURS: Mapping[CellStatus, str] = {
    "starved": "yellow",
    "cut off": "yellow",
    "refused": "yellow",
    "failed": "red",
}


def print_comparison(rows: Sequence[ComparisonRow], checked: bool, *, stderr: bool = False) -> None:
    """Print the table, and below it what there is to say about it."""
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console = Console(highlight=False, stderr=stderr, width=PLAIN_WIDTH)
    compared = summarise_settings(rows, checked)
    console.print(_build_table(compared))
    for line in list_remarks(compared):
        console.print(Text(line), soft_wrap=True)


def list_remarks(compared: Sequence[SettingSummary]) -> list[str]:
    """What stands below the table, a line each: findings, errors and notes."""
    rows = [row for one in compared for row in one.rows]
    failed = dict.fromkeys(f"{_format_setting(row)} failed: {row.error}" for row in rows if row.error)
    notes = dict.fromkeys(f"Note: {note}." for note in collect_notes(rows))
    several = (
        ["Figures are medians of the calls at a setting."] if any(len(one.rows) > 1 for one in compared) else []
    )
    return [*several, *(f"{one[0].upper()}{one[1:]}." for one in list_findings(compared)), *failed, *notes]


def collect_notes(rows: Sequence[ComparisonRow]) -> list[str]:
    """What was mapped to the nearest thing that a model can, each said once."""
    return list(dict.fromkeys(note for row in rows if row.result for note in row.result.notes))


def to_json(rows: Sequence[ComparisonRow], checked: bool, request: Mapping[str, Any]) -> dict[str, Any]:
    """One object: what was `asked`, the cells, the cheapest setting that answers, findings and notes."""
    compared = summarise_settings(rows, checked)
    found = find_cheapest_setting(compared)
    return {
        **request,
        "cells": [row.to_json() for row in rows],
        "cheapest": found.to_json() if found else None,
        "findings": list_findings(compared),
        "notes": collect_notes(rows),
    }


def to_csv(rows: Sequence[ComparisonRow]) -> str:
    """A head, and a line for each cell; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_make_csv_row, rows))
    return text.getvalue()


def _make_csv_row(row: ComparisonRow) -> dict[str, Any]:
    model, effort, cap = row.cell.setting
    known: dict[str, Any] = {}
    if row.result:
        spent = row.usage
        known = {
            "finish": row.result.finish, "prompt": spent.prompt, "cached": spent.cached, "visible": spent.answer,
            "reasoning": spent.thinking, "total": spent.total, "seconds": round(spent.seconds, 3),
            "cost": spent.cost, "estimated": " ".join(spent.estimated), "answer": row.answer,
        }  # fmt: skip
    return {"model": model, "effort": effort, "cap": cap, "repeat": row.cell.repeat, "ended": row.status,
            "accepted": row.accepted, "error": row.error, **known}  # fmt: skip


def _build_table(compared: Sequence[SettingSummary]) -> Table:
    found = find_cheapest_setting(compared)
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in (*TABLE_COLUMNS, VERDICT_COLUMN[compared[0].checked]):
        shown.add_column(name, justify="left" if name in LEFT_COLUMNS else "right", overflow="fold")
    for one in compared:
        best = found is not None and found.summary.setting == one.setting
        cells = (
            "*" if best else "",
            *one.setting[:2],
            str(one.setting.cap),
            *_format_figures(one),
            *_format_endings(one),
        )
        shown.add_row(*map(Text, cells), style="bold" if best else STATUS_COLOURS.get(one.status))
    return shown


def _format_figures(one: SettingSummary) -> list[str]:
    """The numbers of a setting; `~` marks what was not counted exactly, a dash what is not known."""
    if not one.completed_rows:
        return ["-"] * 6
    counts = {"prompt": one.prompt, "answer": one.visible, "thinking": one.reasoning, "total": one.total}
    inexact = {*one.estimated, *(["total"] if one.estimated - {"cost"} else [])}
    shown = [f"{'~' if name in inexact else ''}{format_token_count(count)}" for name, count in counts.items()]
    return [
        *shown,
        f"{one.seconds:.2f}",
        f"{'~' if 'cost' in inexact and one.cost else ''}{format_dollars(one.cost)}",
    ]


def _format_endings(one: SettingSummary) -> list[str]:
    """How a setting's calls ended: the finish, what came of it, and whether that was accepted."""
    finishes = "/".join(dict.fromkeys(row.result.finish for row in one.completed_rows if row.result)) or "-"
    good, calls = sum(row.accepted for row in one.rows), len(one.rows)
    if calls == 1:
        return [finishes, one.status, ("yes" if good else "no") if one.status == "answered" else "-"]
    answered = sum(row.status == "answered" for row in one.rows)
    most = "" if answered == calls or one.status == "answered" else f", {one.status}"
    return [finishes, f"{answered} of {calls} answered{most}", f"{good} of {calls}"]


def _format_setting(row: ComparisonRow) -> str:
    model, effort, cap = row.cell.setting
    return f"{model} at {effort} effort and a cap of {cap}"
