"""The table, CSV, JSON and plot of a comparison."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from adaptive.compare.cell import ComparisonRow
from adaptive.compare.plot import HATCH, draw_bars, write_comparison_plot
from adaptive.compare.summary import summarise_settings
from adaptive.compare.table import CSV_COLUMNS, print_comparison, to_csv, to_json
from tests.compare.rows import row, rows


@given(rows())
def test_a_csv_parses_back(made: list[ComparisonRow]) -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(made), newline="")))
    assert len(read) == len(made)
    for line, one in zip(read, made, strict=True):
        assert list(line) == list(CSV_COLUMNS)
        assert (line["model"], line["effort"], line["cap"]) == tuple(map(str, one.cell.setting))
        assert (line["ended"], line["accepted"], line["error"]) == (one.status, str(one.accepted), one.error)
        assert line["answer"] == (one.answer or "")
        assert line["total"] == (str(one.usage.total) if one.result else "")
        assert line["cost"] == ("" if one.usage.cost is None else str(one.usage.cost))


@given(rows())
def test_the_object_is_json_and_holds_every_cell(made: list[ComparisonRow]) -> None:
    found = json.loads(json.dumps(to_json(made, False, {"prompt": "What?"})))
    assert [cell["ended"] for cell in found["cells"]] == [one.status for one in made]
    assert (found["cheapest"] is None) == (not any(one.status == "answered" for one in made))


def test_the_table_marks_the_cheapest_and_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    made = [row(), row(effort="high", answer=None), row("n", error="it broke."), row("o", estimated=("thinking",))]
    print_comparison(made, checked=False)
    head, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[-1] == "form"
    assert lines[0] == ["*", "m", "low", "4000", "30", "10", "100", "140", "1.50", "-", "stop", "answered", "yes"]
    assert lines[1] == ["m", "high", "4000", "30", "10", "100", "140", "1.50", "-", "length", "starved", "-"]
    assert lines[2] == ["n", "low", "4000", "-", "-", "-", "-", "-", "-", "-", "failed", "-"]
    assert lines[3] == ["o", "low", "4000", "30", "10", "~100", "~140", "1.50", "-", "stop", "answered", "yes"]
    assert ["n", "at", "low", "effort", "and", "a", "cap", "of", "4000", "failed:", "it", "broke."] in lines


def test_repeats_are_one_line_with_counts(capsys: pytest.CaptureFixture[str]) -> None:
    made = [row(repeat=0), row(repeat=1, accepted=False), row(repeat=2, answer=None)]
    print_comparison(made, checked=True)
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split()[-1] == "accepted"
    assert "stop/length  2 of 3 answered  1 of 3" in shown
    assert "Figures are medians" in shown


def test_bars_of_settings_without_an_answer_are_hatched() -> None:
    from matplotlib.figure import Figure

    axes: Any = Figure().subplots()
    draw_bars(summarise_settings([row(), row(effort="high", answer=None)]), axes)
    by_place = {round(bar.get_y() + bar.get_height() / 2): bar.get_hatch() for bar in axes.patches}
    assert by_place == {0: None, 1: HATCH}
    assert [text.get_text() for text in axes.texts] == ["140", "140, starved"]


def test_a_plot_is_a_png_whatever_it_is_called(tmp_path: Path) -> None:
    write_comparison_plot(summarise_settings([row(), row("n", error="it broke.")]), tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_bytes().startswith(b"\x89PNG")
