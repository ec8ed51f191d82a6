"""Figures, table and report: what they say, that no data can break them, and that they need no network."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from adaptive.bench import report
from adaptive.bench.figures import Figures, compute_figures
from adaptive.bench.plots import PLOTS, write_plots
from adaptive.bench.report import print_bench_table, render_report
from adaptive.learn.data.outcome import DIRECT, OutcomeKey, RecordedQuestion
from adaptive.learn.data.readings import HeldOutReading
from adaptive.learn.tuning.ways import WayResult
from adaptive.types.forecast import NO_FORECAST, Forecast
from tests.bench.planted import HIGH16, LOW16, outcome, rungs, trial_of
from tests.support.choosing import make_fixed_chooser

HOSTILE = '</pre><script src="http://evil.example/x.js">alert(1)</script>{{ 7 * 7 }} & "quoted" \u202e'
ABOUT = {"profile": HOSTILE, "command": HOSTILE, "target loss": "1 points", "questions": HOSTILE}


def policy(recorded: RecordedQuestion) -> WayResult:
    """The direct answer where its confidence is high, else the low chain; sure of what it is sure of."""
    key = DIRECT if (recorded.outcomes[DIRECT].attempt.confidence or 0) > 0.8 else LOW16
    return replace(make_fixed_chooser(key)(recorded), accepted=key == DIRECT)


def asked() -> list[RecordedQuestion]:
    """Easy, medium and hard questions, in turn."""
    right = [(True, True, True, True), (False, False, True, True), (False, False, False, False)]
    return [rungs(right[i % 3], (0.9 if i % 3 == 0 else 0.4, 0.5, 0.6, 0.7), i) for i in range(30)]


@pytest.fixture(scope="module")
def found() -> Figures:
    forecasts = [Forecast((0.9 if i % 3 == 0 else 0.0, 0.9, 0.9, 0.9), (13, 30, 30, 30)) for i in range(30)]
    trial = trial_of(asked(), policy=policy)
    return compute_figures(trial, 1.0, (f"Note: {HOSTILE}.",), ABOUT, live=False, forecasts=forecasts)


@pytest.fixture(scope="module")
def page(found: Figures, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("plots")
    return render_report(found, write_plots(found, folder)), folder


class Reader(HTMLParser):
    """What a browser would load or run, and the text that it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attrs)
        self.ids += [str(known["id"])] if "id" in known else []
        links = [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "srcset", "data", "action")]
        self.loaded += [link for link in links if not link.startswith("#")]
        self.loaded += [v or "" for _, v in attrs if v and "url(" in v and "url(#" not in v]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_answer_comes_first_in_one_sentence(found: Figures, page: tuple[str, Path]) -> None:
    # 10 times 13 and 20 times 27 tokens. The corners are no thinking, a third right at 13, and direct answers
    # first, of which the sure third is accepted: 2/3 right at (13 + 30 + 30) / 3.
    gain, mine, corner = found.front.gain, (13 + 27 + 27) / 3, (13 + 30 + 30) / 3
    share = (mine - 13) / (corner - 13)
    assert (gain.cheap, gain.dear, gain.share) == ("no thinking", "no thinking, then low 16", pytest.approx(share))
    assert gain.accuracy.value == pytest.approx(2 / 3 - (1 + share) / 3)
    assert gain.cost.value == pytest.approx(mine / corner)
    said = report.format_headline(found)
    assert said.startswith(f"+5.9 ({100 * gain.accuracy.low:+.1f} to {100 * gain.accuracy.high:+.1f}) points of")
    assert f"; 92 % ({100 * gain.cost.low:.0f} to {100 * gain.cost.high:.0f}) of the tokens of a mix" in said
    assert " Against the best constant (no thinking, then low 16): 8 % fewer tokens at +0.0 (" in said
    assert report.format_headline(found) in " ".join(Reader(page[0]).text.split())


def test_the_report_loads_nothing_and_runs_nothing(page: tuple[str, Path]) -> None:
    read = Reader(page[0])
    assert read.loaded == []
    assert not {"script", "link", "iframe", "img", "object"} & set(read.tags)
    assert "@import" not in page[0]
    assert "matplotlib.org" not in page[0]
    assert len(read.ids) == len(set(read.ids))


def test_hostile_text_stays_text(page: tuple[str, Path]) -> None:
    assert HOSTILE in Reader(page[0]).text
    assert "<script" not in page[0]


def test_the_report_reads_in_the_dark_and_its_plots_with_it(page: tuple[str, Path]) -> None:
    assert "prefers-color-scheme: dark" in page[0]
    assert page[0].count("<svg") == 4
    assert "currentColor" in page[0]


def test_plots_are_whole_images_for_sharp_screens(page: tuple[str, Path]) -> None:
    for name in ("accuracy", "reliability", "rungs", "difficulty"):
        with Image.open(page[1] / f"{name}.png") as image:
            image.load()
            assert image.format == "PNG"
            assert image.width >= 900


def test_figures_are_plain_json(found: Figures) -> None:
    kept = json.loads(json.dumps(found.to_json()))
    assert [line["kind"] for line in kept["lines"]][:2] == ["policy", "fixed"]
    assert kept["about"]["profile"] == HOSTILE


def test_levels_are_by_what_solves_a_question(found: Figures) -> None:
    assert [(level.name, level.questions) for level in found.levels] == [
        ("easy", 10),
        ("medium", 10),
        ("hard", 10),
    ]
    assert [level.tokens["policy"] for level in found.levels] == [13, 27, 27]
    assert found.levels[1].right == {"top": 1.0, "best": 1.0, "policy": 1.0}


def test_the_front_holds_every_constant_the_policy_and_the_oracle(found: Figures) -> None:
    points = {one.name: one for one in found.front.points}
    assert [one.name for one in found.front.hull] == ["no thinking", "no thinking, then low 16"]
    assert {"low 8", "high 16", "no thinking, then low 16", "the policy", "oracle"} <= points.keys()
    assert vars(points["the policy"].over_hull) == pytest.approx(vars(found.front.gain.accuracy))
    assert vars(points["high 16"].over_hull) == pytest.approx({"value": 0, "low": 0, "high": 0})
    assert points["oracle"].over_hull.low > 0
    assert found.get_line("oracle").tokens == points["oracle"].cost


def test_p_solved_is_held_against_each_rungs_own_answers(found: Figures, page: tuple[str, Path]) -> None:
    direct, low8, low16, high16 = found.rungs
    assert (direct.name, direct.predicted, direct.solved.value) == ("no thinking", pytest.approx(0.3), 1 / 3)
    assert (direct.error, direct.auroc) == (pytest.approx(0.1 / 3), 1.0)
    assert [one.count for one in direct.bins] == [20, 10]
    assert (low16.predicted, low16.solved.value) == (pytest.approx(0.9), 2 / 3)
    assert low16.error == pytest.approx(0.9 - 2 / 3)
    assert low8.solved.value == 1 / 3
    cells = report.format_rung_cells(high16)
    assert cells[:3] == ("high 16", "90.0 %", "66.7 %")
    assert cells[-2:] == ("30", "29")
    assert all(cell in Reader(page[0]).text for cell in cells)


def test_a_profile_without_predictions_has_no_calibration() -> None:
    found = compute_figures(trial_of(asked()), 1.0, (), ABOUT, live=False)
    assert found.rungs == ()
    known = Forecast((0.5,) * 4, (9.0,) * 4)
    partly = compute_figures(trial_of(asked()), 1.0, (), ABOUT, live=False, forecasts=[NO_FORECAST, *[known] * 29])
    assert sum(one.count for one in partly.rungs[0].bins) == 29


def test_how_often_the_set_was_read_is_in_the_table_and_in_the_report(found: Figures) -> None:
    read = replace(found, reading=HeldOutReading(3, 2, "2 lines are damaged."))
    out = io.StringIO()
    print_bench_table(read, Console(file=out, width=160))
    page = render_report(read, dict.fromkeys(PLOTS, ""))
    for shown in (out.getvalue(), Reader(page).text):
        assert "This set was read 3 times, with 2 different profiles" in shown
        assert "2 lines are damaged." in shown


def test_what_is_accepted_and_how_often_it_is_right(found: Figures) -> None:
    assert found.judged.accepted == pytest.approx(1 / 3)
    assert found.judged.precision is not None
    assert found.judged.precision.value == 1.0


def test_s1s_control_counts_a_chain_over_its_budget() -> None:
    over = rungs((True,) * 4, (0.5,) * 4, 1, outcome(LOW16, True, [(17, 0)]))
    found = compute_figures(trial_of([rungs((True,) * 4), over]), 1.0, (), ABOUT, live=False)
    assert found.measures["fixed budgets"].control == 1 - 1 / 8


def test_what_was_recorded_of_some_questions_only_is_said_to_be() -> None:
    some = rungs((True,) * 4, (0.5,) * 4, 1, outcome(OutcomeKey("high", 99), True, [(40, 0)]))
    found = compute_figures(trial_of([rungs((True,) * 4), some]), 1.0, (), ABOUT, live=False)
    line = found.get_line("unlimited")
    assert (line.questions, line.tokens, line.corner) == (1, 10 + 40 + 2 + 3, False)
    assert found.notes == (
        "unlimited thinking is measured on the 1 of 2 questions that it was recorded of, and compared with the "
        "policy on these.",
    )


@pytest.mark.parametrize("live", [False, True])
def test_price_and_seconds_are_shown_where_there_are_any(live: bool) -> None:
    def priced(recorded: RecordedQuestion) -> WayResult:
        taken = make_fixed_chooser(HIGH16)(recorded)
        return replace(taken, usage=replace(taken.usage, seconds=2.0, cost=0.25))

    found = compute_figures(trial_of(asked(), policy=priced), 1.0, (), ABOUT, live=live)
    assert [name for name, _ in report.extra_columns(found)] == ["cost", *(["seconds p50, p90, p99"] * live)]


def test_the_table_has_a_row_for_each_way_and_a_sentence_for_each_that_is_missing(found: Figures) -> None:
    out = io.StringIO()
    print_bench_table(found, Console(file=out, width=160))
    printed = out.getvalue()
    for line in found.lines:
        assert line.name in printed
    assert "Not measured, self-consistency: no samples were recorded" in printed
    assert HOSTILE in printed


def test_a_narrow_terminal_loses_nothing(found: Figures) -> None:
    out = io.StringIO()
    print_bench_table(found, Console(file=out, width=60))
    assert "…" not in out.getvalue()


def test_plots_of_one_question_and_no_score(tmp_path: Path) -> None:
    one = rungs((False,) * 4, (None,) * 4)
    found = compute_figures(trial_of([one]), 1.0, (), ABOUT, live=False)
    assert set(write_plots(found, tmp_path)) == {"accuracy", "reliability", "rungs", "difficulty"}
