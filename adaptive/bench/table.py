"""The table of a bench on a terminal, or as plain text."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adaptive.bench import words
from adaptive.bench.figures import Figures

PLAIN_WIDTH = 160
"""Columns of a table that is not printed on a terminal."""
CAPTION = (
    "* on the Pareto front. policy's tokens: its mean tokens over this way's. policy's accuracy: its share right "
    "less this way's, in points, paired. p: McNemar's exact test."
)


def print_table(found: Figures, console: Console | None = None) -> None:
    """Print the answer in one sentence, the table, and what there is to say about it."""
    console = console or _console()
    console.print(Text(words.headline(found), style="bold"), soft_wrap=True)
    console.print(_table(found))
    for line in (CAPTION, *found.notes, *map(words.left_out, found.absent)):
        console.print(Text(line), soft_wrap=True)


def _table(found: Figures) -> Table:
    extra = words.extra(found)
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate((*words.HEAD, *(name for name, _ in extra))):
        shown.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for line in found.lines:
        cells = (*words.row(line), *(cell(line) for _, cell in extra))
        shown.add_row(*map(Text, cells), style="bold" if line.kind == "policy" else None)
    return shown


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
