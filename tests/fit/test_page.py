"""The page of a fit, and its sentence."""

from __future__ import annotations

import pytest

from adaptive.fit.decision import Decision, HeldOutEvidence, PairedEvidence
from adaptive.fit.page import FitLine, format_page, format_saving, format_sentence, list_fit_columns
from adaptive.learn.report.front_table import format_difference
from adaptive.learn.report.tables import round_up
from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.resampling import Interval
from adaptive.types.ladder import Rung

PLAIN = Constant("plain", Rung("default", 99))
MEDIUM = Constant("rung", Rung("medium", 128))
NONE = Constant("rung", Rung("none", 0))
VOTE = Constant("vote", Rung("low", 64), 4)
SAVES = PairedEvidence(150, 6, 5, Interval(0.0067, -0.0201, 0.034), Interval(0.69, 0.63, 0.76))
COSTS = PairedEvidence(150, 20, 5, Interval(0.1, 0.04, 0.16), Interval(1.5, 1.4, 1.62))
ALL = HeldOutEvidence(SAVES, SAVES, COSTS)


@pytest.mark.parametrize(
    ("decision", "best", "evidence", "sentence"),
    [
        (
            Decision("profile"), MEDIUM, ALL,
            "Use this profile: 31 % fewer tokens (24 to 37) than the best fixed setting (medium 128), at +0.7 "
            "(-2.0 to +3.4) points of accuracy, on 150 held-out questions.",
        ),
        (
            Decision("profile"), PLAIN, HeldOutEvidence(COSTS, COSTS, None),
            "Use this profile: 50 % more tokens (40 to 62) than a plain call, at +10.0 (+4.0 to +16.0) points of "
            "accuracy, on 150 held-out questions.",
        ),
        (
            Decision("fixed", 211), MEDIUM, ALL,
            "Use a fixed budget of 128 (medium), which this profile does: 50 % more tokens (40 to 62) than a "
            "plain call, at +10.0 (+4.0 to +16.0) points of accuracy, on 150 held-out questions; about 430 "
            "questions might show that its policy is better.",
        ),
        (
            Decision("fixed"), NONE, HeldOutEvidence(COSTS, SAVES, SAVES),
            "Use a fixed budget of 0 (no thinking), which this profile does: 31 % fewer tokens (24 to 37) than a "
            "plain call, at +0.7 (-2.0 to +3.4) points of accuracy, on 150 held-out questions; its policy is no "
            "better.",
        ),
        (
            Decision("fixed"), VOTE, ALL,
            "Use always vote of 4 of low 64, which this profile does: 50 % more tokens (40 to 62) than a plain "
            "call, at +10.0 (+4.0 to +16.0) points of accuracy, on 150 held-out questions; its policy is no "
            "better.",
        ),
        (
            Decision("plain", 300), MEDIUM, ALL,
            "Leave the model as it is, which this profile does: on 150 held-out questions nothing is shown to be "
            "better than a plain call; about 600 questions might show more.",
        ),
        (
            Decision("plain"), PLAIN, HeldOutEvidence(COSTS, COSTS, None),
            "Leave the model as it is, which this profile does: on 150 held-out questions nothing is shown to be "
            "better than a plain call; more questions like these would hardly change that.",
        ),
    ],
)  # fmt: skip
def test_sentences(decision: Decision, best: Constant, evidence: HeldOutEvidence, sentence: str) -> None:
    assert format_sentence(decision, best, evidence, 0.5) == sentence


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (Interval(0.69, 0.63, 0.76), "31 % fewer tokens (24 to 37)"),
        (Interval(0.98, 0.94, 1.03), "2 % fewer tokens (-3 to 6)"),
        (Interval(1.02, 0.99, 1.04), "2 % more tokens (-1 to 4)"),
        (Interval(1.0, 1.0, 1.0), "0 % fewer tokens (0 to 0)"),
        (Interval(3.0, 2.5, 3.5), "200 % more tokens (150 to 250)"),
    ],
)
def test_savings(tokens: Interval, text: str) -> None:
    assert format_saving(tokens) == text


def test_points_have_signs_and_no_minus_nought() -> None:
    assert format_difference(Interval(-0.0001, -0.03, 0.03)) == "+0.0 (-3.0 to +3.0)"


@pytest.mark.parametrize(
    ("count", "rounded"), [(1, 1), (99, 99), (100, 100), (101, 110), (422, 430), (1201, 1300)]
)
def test_an_estimated_number_has_two_digits(count: float, rounded: int) -> None:
    assert round_up(count) == rounded


def test_a_page() -> None:
    lines = [
        FitLine("this profile's policy", Interval(0.8, 0.7, 0.9), 81.4, 0.00123, SAVES),
        FitLine("a plain call", Interval(0.75, 0.65, 0.85), 118.0, 0.00178, None),
    ]
    page = format_page("adaptive fit: toy", ["Fact one.", "Fact two."], lines, ["Note."], "Use it.", "tokens")
    head, facts, table, *end = page.split("\n\n")
    assert (head, facts, end) == ("# adaptive fit: toy", "Fact one.\nFact two.", ["Note.", "Use it.\n"])
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert cells[0] == list(list_fit_columns("tokens"))
    assert cells[2] == ["this profile's policy", "80.0 % (70.0 to 90.0)", "81", "69 % (63 to 76)",
                        "+0.7 (-2.0 to +3.4)", "1.000"]  # fmt: skip
    assert cells[3] == ["a plain call", "75.0 % (65.0 to 85.0)", "118", "", "", ""]
    assert lines[0].format_cells("dollars")[2] == "0.00123"
    assert list_fit_columns("dollars")[2:4] == ("dollars", "dollars of a plain call")
