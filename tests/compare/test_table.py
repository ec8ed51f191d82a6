"""The table, CSV, JSON and plot of a comparison."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.compare.cell import ComparisonRow
from adaptive.compare.plot import HATCH, PlotAxis, draw_bars, write_comparison_plot
from adaptive.compare.summary import summarise_settings
from adaptive.compare.table import CSV_COLUMNS, print_comparison, to_csv, to_json
from tests.compare.rows import row, rows


@given(rows(), st.booleans())
def test_a_csv_parses_back(made: list[ComparisonRow], checked: bool) -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(made, checked), newline="")))
    assert len(read) == len(made)
    for line, one in zip(read, made, strict=True):
        assert list(line) == list(CSV_COLUMNS)
        assert (line["model"], line["effort"], line["cap"]) == tuple(map(str, one.cell.setting))
        assert (line["ended"], line["accepted"], line["error"]) == (one.status, str(one.accepted), one.error)
        assert line["grade"] == ((one.grade or "") if checked else "")
        assert line["answer"] == (one.answer or "")
        assert line["total"] == (str(one.usage.total) if one.result else "")
        assert line["cost"] == ("" if one.usage.cost is None else str(one.usage.cost))


@given(rows())
def test_the_object_is_json_and_holds_every_cell(made: list[ComparisonRow]) -> None:
    found = json.loads(json.dumps(to_json(made, False, {"prompt": "What?"})))
    assert [cell["ended"] for cell in found["cells"]] == [one.status for one in made]
    assert (found["cheapest"] is None) == (not any(one.status == "answered" for one in made))


def test_the_table_marks_the_cheapest_and_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    made = [
        row(),
        row(effort="high", answer=None),
        row("n", error="it broke."),
        row("o", estimated=("thinking",), cached=20),
    ]
    print_comparison(made, checked=False)
    head, *lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[-1] == "form"
    assert lines[0] == [
        "*",
        "m",
        "low",
        "4000",
        "30",
        "0",
        "10",
        "100",
        "140",
        "1.50",
        "-",
        "stop",
        "answered",
        "yes",
    ]
    assert lines[1] == ["m", "high", "4000", "30", "0", "10", "100", "140", "1.50", "-", "length", "starved", "-"]
    assert lines[2] == ["n", "low", "4000", "-", "-", "-", "-", "-", "-", "-", "-", "failed", "-"]
    assert lines[3] == [
        "o",
        "low",
        "4000",
        "30",
        "20",
        "10",
        "~100",
        "~140",
        "1.50",
        "-",
        "stop",
        "answered",
        "yes",
    ]
    assert ["n", "at", "low", "effort", "and", "a", "cap", "of", "4000", "failed:", "it", "broke."] in lines


@pytest.mark.parametrize(
    ("accepted", "shown", "in_form"), [(True, "right", "yes"), (False, "wrong", "no"), (None, "unknown", "no")]
)
def test_a_graded_answer_is_right_or_wrong_or_unknown(
    capsys: pytest.CaptureFixture[str], accepted: bool | None, shown: str, in_form: str
) -> None:
    made = [row(accepted=accepted)]
    for checked, last in ((True, shown), (False, in_form)):
        print_comparison(made, checked=checked)
        assert capsys.readouterr().out.splitlines()[1].split()[-1] == last
    (cell,) = to_json(made, True, {})["cells"]
    assert (cell["grade"], summarise_settings(made, True)[0].outcome) == (shown, shown)


def test_repeats_are_one_line_with_counts(capsys: pytest.CaptureFixture[str]) -> None:
    made = [row(repeat=0), row(repeat=1, accepted=None), row(repeat=2, answer=None)]
    print_comparison(made, checked=True)
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split()[-1] == "graded"
    assert "stop/length  2 of 3 answered  1 of 3 right, 1 unknown" in shown
    assert "Figures are medians" in shown


@pytest.mark.parametrize(
    ("axis", "label", "lengths", "ends"),
    [
        (
            "tokens",
            "tokens",
            [140.0, 140.0],
            ["140 tokens, $0.024", "140 tokens, cost unknown, starved", "failed"],
        ),
        ("cost", "dollars", [0.024, 0.0], ["$0.024, 140 tokens", "cost unknown, 140 tokens, starved", "failed"]),
    ],
)
def test_bars_measure_their_axis_and_are_hatched_without_an_answer(
    axis: PlotAxis, label: str, lengths: list[float], ends: list[str]
) -> None:
    from matplotlib.figure import Figure

    axes: Any = Figure().subplots()
    made = [row(cost=0.024), row(effort="high", answer=None), row("n", error="it broke.")]
    draw_bars(summarise_settings(made), axes, axis)
    by_place = {round(bar.get_y() + bar.get_height() / 2): bar.get_hatch() for bar in axes.patches}
    assert by_place == {0: None, 1: HATCH, 2: HATCH}
    assert [text.get_text() for text in axes.texts] == ends
    assert axes.get_xlabel() == label
    reached = [max(b.get_x() + b.get_width() for b in axes.patches if round(b.get_y() + 0.3) == n) for n in (0, 1)]
    assert reached == lengths


def test_a_plot_is_a_png_whatever_it_is_called(tmp_path: Path) -> None:
    write_comparison_plot(summarise_settings([row(), row("n", error="it broke.")]), tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_bytes().startswith(b"\x89PNG")
