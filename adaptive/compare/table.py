"""A comparison as a table for people, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptive.compare.cell import Ended, Row
from adaptive.compare.findings import dollars, findings, tokens
from adaptive.compare.summary import Summary, cheapest, summaries

PLAIN_WIDTH = 200
"""Columns of a table that is not printed on a terminal."""
HEAD = ("", "model", "effort", "cap", "prompt", "visible", "reasoning", "total", "seconds", "cost", "finish",
        "ended")  # fmt: skip
JUDGED = {True: "accepted", False: "in form"}
"""The last column: what the check says, or else only whether the answer has the form of one."""
LEFT = ("", "model", "effort", "finish", "ended", *JUDGED.values())
FIELDS = ("model", "effort", "cap", "repeat", "ended", "finish", "accepted", "prompt", "cached", "visible",
          "reasoning", "total", "seconds", "cost", "estimated", "answer", "error")  # fmt: skip
"""The columns of a CSV."""
COLOURS: Mapping[Ended, str] = {"starved": "yellow", "cut off": "yellow", "refused": "yellow", "failed": "red"}


def print_table(rows: Sequence[Row], checked: bool, *, stderr: bool = False) -> None:
    """Print the table, and below it what there is to say about it."""
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console = Console(highlight=False, stderr=stderr, width=PLAIN_WIDTH)
    compared = summaries(rows, checked)
    console.print(_table(compared))
    for line in said(compared):
        console.print(Text(line), soft_wrap=True)


def said(compared: Sequence[Summary]) -> list[str]:
    """What stands below the table, a line each: findings, errors and notes."""
    rows = [row for one in compared for row in one.rows]
    failed = dict.fromkeys(f"{_name(row)} failed: {row.error}" for row in rows if row.error)
    notes = dict.fromkeys(f"Note: {note}." for note in notes_of(rows))
    several = (
        ["Figures are medians of the calls at a setting."] if any(len(one.rows) > 1 for one in compared) else []
    )
    return [*several, *(f"{one[0].upper()}{one[1:]}." for one in findings(compared)), *failed, *notes]


def notes_of(rows: Sequence[Row]) -> list[str]:
    """What was mapped to the nearest thing that a model can, each said once."""
    return list(dict.fromkeys(note for row in rows if row.bought for note in row.bought.notes))


def to_json(rows: Sequence[Row], checked: bool, asked: Mapping[str, Any]) -> dict[str, Any]:
    """One object: what was `asked`, the cells, the cheapest setting that answers, findings and notes."""
    compared = summaries(rows, checked)
    found = cheapest(compared)
    return {
        **asked,
        "cells": [row.to_json() for row in rows],
        "cheapest": found.to_json() if found else None,
        "findings": findings(compared),
        "notes": notes_of(rows),
    }


def to_csv(rows: Sequence[Row]) -> str:
    """A head, and a line for each cell; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_line, rows))
    return text.getvalue()


def _line(row: Row) -> dict[str, Any]:
    model, effort, cap = row.cell.setting
    known: dict[str, Any] = {}
    if row.bought:
        spent = row.usage
        known = {
            "finish": row.bought.finish, "prompt": spent.prompt, "cached": spent.cached, "visible": spent.answer,
            "reasoning": spent.thinking, "total": spent.total, "seconds": round(spent.seconds, 3),
            "cost": spent.cost, "estimated": " ".join(spent.estimated), "answer": row.answer,
        }  # fmt: skip
    return {"model": model, "effort": effort, "cap": cap, "repeat": row.cell.repeat, "ended": row.ended,
            "accepted": row.accepted, "error": row.error, **known}  # fmt: skip


def _table(compared: Sequence[Summary]) -> Table:
    found = cheapest(compared)
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in (*HEAD, JUDGED[compared[0].checked]):
        shown.add_column(name, justify="left" if name in LEFT else "right", overflow="fold")
    for one in compared:
        best = found is not None and found.summary.setting == one.setting
        cells = ("*" if best else "", *one.setting[:2], str(one.setting.cap), *_figures(one), *_endings(one))
        shown.add_row(*map(Text, cells), style="bold" if best else COLOURS.get(one.ended))
    return shown


def _figures(one: Summary) -> list[str]:
    """The numbers of a setting; `~` marks what was not counted exactly, a dash what is not known."""
    if not one.bought:
        return ["-"] * 6
    counts = {"prompt": one.prompt, "answer": one.visible, "thinking": one.reasoning, "total": one.total}
    inexact = {*one.estimated, *(["total"] if one.estimated - {"cost"} else [])}
    shown = [f"{'~' if name in inexact else ''}{tokens(count)}" for name, count in counts.items()]
    return [*shown, f"{one.seconds:.2f}", f"{'~' if 'cost' in inexact and one.cost else ''}{dollars(one.cost)}"]


def _endings(one: Summary) -> list[str]:
    """How a setting's calls ended: the finish, what came of it, and whether that was accepted."""
    finishes = "/".join(dict.fromkeys(row.bought.finish for row in one.bought if row.bought)) or "-"
    good, calls = sum(row.accepted for row in one.rows), len(one.rows)
    if calls == 1:
        return [finishes, one.ended, ("yes" if good else "no") if one.ended == "answered" else "-"]
    answered = sum(row.ended == "answered" for row in one.rows)
    most = "" if answered == calls or one.ended == "answered" else f", {one.ended}"
    return [finishes, f"{answered} of {calls} answered{most}", f"{good} of {calls}"]


def _name(row: Row) -> str:
    model, effort, cap = row.cell.setting
    return f"{model} at {effort} effort and a cap of {cap}"
