"""Where `adaptive compare` prints and writes the cells: stdout, a CSV file, a plot, an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.report import to_printable
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.compare.cell import ComparisonRow
    from adaptive.compare.plot import PlotAxis
    from adaptive.compare.run import Comparison


@dataclass(frozen=True)
class ComparisonOutput:
    """Where a comparison is printed: stdout and files.

    Attributes:
        json: Whether stdout gets one JSON object in place of the table.
        csv: The CSV file; "-" for stdout in place of the table.
        plot: The file of the plot.
        plot_axis: What the plot's bars measure.
        html: The file of the page.
        show_answers: Whether the answers are printed below the table.
        checked: Whether the answers are graded.
    """

    json: bool
    csv: str | None
    plot: Path | None
    plot_axis: PlotAxis
    html: Path | None
    show_answers: bool
    checked: bool

    def check_ready(self) -> None:
        """Raise if an output cannot be made, before anything is paid for.

        Raises:
            click.UsageError: Two outputs want stdout.
            InputError: The folder of a file does not exist, or matplotlib is not installed.
        """
        if self.json and self.csv == "-":
            raise click.UsageError("--json and --csv - both want stdout: leave out one, or name a file for --csv")
        table = Path(self.csv) if self.csv and self.csv != "-" else None
        for file in filter(None, (table, self.plot, self.html)):
            if not file.absolute().parent.is_dir():
                raise InputError(f"{file} cannot be written: there is no folder {file.parent}: make it first.")
        if self.plot is not None or self.html is not None:
            from adaptive._util.plotting import require_matplotlib

            require_matplotlib()

    def write(self, comparison: Comparison) -> None:
        """Print and write the cells so far."""
        rows = comparison.rows
        self._write_csv(rows)
        if rows and self.plot is not None:
            self._write_plot(self.plot, rows)
        if rows and self.html is not None:
            self._write_page(self.html, comparison)
        if self.json:
            self._print_json(comparison)
        elif rows:
            self._print_table(rows)

    def _write_csv(self, rows: Sequence[ComparisonRow]) -> None:
        from adaptive.compare.table import to_csv

        if self.csv == "-":
            click.echo(to_csv(rows, self.checked), nl=False)
        elif self.csv is not None:
            Path(self.csv).write_text(to_csv(rows, self.checked), encoding="utf-8", newline="")
            click.echo(f"Wrote the cells to {self.csv}.", err=True)

    def _write_plot(self, file: Path, rows: Sequence[ComparisonRow]) -> None:
        from adaptive.compare.plot import write_comparison_plot
        from adaptive.compare.summary import summarise_settings

        write_comparison_plot(summarise_settings(rows, self.checked), file, self.plot_axis)
        click.echo(f"Wrote the plot {file}.", err=True)

    def _write_page(self, file: Path, comparison: Comparison) -> None:
        from adaptive.compare.page import render_comparison_page

        page = render_comparison_page(comparison.request.prompt, comparison.rows, self.checked)
        file.write_text(page, encoding="utf-8")
        click.echo(f"Wrote the page {file}.", err=True)

    def _print_json(self, comparison: Comparison) -> None:
        from adaptive.compare.table import to_json

        asking = comparison.request
        asked = {"prompt": asking.prompt, "images": len(asking.images), "temperature": asking.temperature,
                 "checked": self.checked}  # fmt: skip
        click.echo(dumps(to_json(comparison.rows, self.checked, asked), ensure_ascii=False))

    def _print_table(self, rows: Sequence[ComparisonRow]) -> None:
        from adaptive.compare.table import print_comparison

        print_comparison(rows, self.checked, stderr=self.csv == "-")
        if self.show_answers:
            for row in rows:
                click.echo(self._format_answer(row), err=self.csv == "-")

    def _format_answer(self, row: ComparisonRow) -> str:
        """Return a line that names the cell and how it ended, and the text of its answer below it."""
        model, effort, cap = row.cell.setting
        repeat = f", repeat {row.cell.repeat + 1}" if row.cell.repeat else ""
        ending = row.grade if self.checked and row.grade else row.status
        text = row.result.attempt.text.strip() if row.result else ""
        lines = indent(to_printable(text), "  ") if text else "  (no text)"
        return f"\n{model} at {effort} effort and a cap of {cap}{repeat}, {ending}:\n{lines}"
