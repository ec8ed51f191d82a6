"""Drift: shares outside by day and kind, new words, what came true on both sides, and an exact test."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from adaptive.learn.report.drift import RECENT, compute_drifts
from adaptive.learn.report.drift_test import LEAST_QUESTIONS, DriftTest, OutsideShare, compute_drift_p_value
from adaptive.learn.report.log_calibration import Proportion
from adaptive.learn.report.question_kinds import LONG, count_new_words, name_beginning, name_kind
from adaptive.profile.domain import Domain
from adaptive.solve_log import LoggedSolve
from tests.cli.stub import result
from tests.learn.report.test_log_calibration import seen

NUMBERS = count(1)


def solve(question: str, outside: bool | None, *, day: int = 1, **changed: Any) -> LoggedSolve:
    difficulty: dict[str, Any] = {"level": "unknown", "p_solved": []}
    if outside is not None:
        difficulty |= {"typical": 0.01 if outside else 0.5, "outside": outside}
    made = result(question=question, difficulty=difficulty, **changed)
    return LoggedSolve(next(NUMBERS), f"2026-01-{day:02}T00:00:00.000+00:00", made)


def find_nothing(model: str, profile: str) -> None:
    return None


def test_each_model_and_profile_by_itself_and_only_with_a_domain() -> None:
    solves = [
        solve("a", True),
        solve("b", False, profile="mine"),
        solve("c", None, profile="old"),
        solve("d", True, model="hf:other"),
        solve("e", False),
    ]
    drifts = compute_drifts(solves, [], find_nothing)
    assert [(one.model, one.profile, one.total) for one in drifts] == [
        ("embedded", "abacus", OutsideShare(2, 1)),
        ("embedded", "mine", OutsideShare(1, 0)),
        ("hf:other", "abacus", OutsideShare(1, 1)),
    ]
    assert compute_drifts([solve("c", None)], [], find_nothing) == []


def test_shares_by_day_kind_and_first_words() -> None:
    solves = [
        solve("What is 2 + 3?", False),
        solve("What is 4 + 3?", False, day=2),
        solve("Name a river", True, day=2),
        solve("Name a river", True, day=2),
        solve("name a town " + "far away " * LONG, True, day=2),
    ]
    (drift,) = compute_drifts(solves, [], find_nothing)
    assert drift.days == {"2026-01-01": OutsideShare(1, 0), "2026-01-02": OutsideShare(4, 3)}
    assert drift.kinds == {
        "long, without numbers": OutsideShare(1, 1),
        "short, with numbers": OutsideShare(2, 0),
        "short, without numbers": OutsideShare(2, 2),
    }
    assert drift.beginnings == {"name a": OutsideShare(3, 3), "what is": OutsideShare(2, 0)}


def test_first_words_with_the_most_questions_outside_are_listed() -> None:
    inside = [solve(f"{word} now", False) for word in ("go", "run", "run", "sit", "see", "7")]
    outside = [solve(f"{word} now", True) for word in ("name", "tell", "tell")]
    (drift,) = compute_drifts([*inside, *outside], [], find_nothing)
    assert list(drift.beginnings.items()) == [
        ("tell now", OutsideShare(2, 2)),
        ("name now", OutsideShare(1, 1)),
        ("run now", OutsideShare(2, 0)),
        ("go now", OutsideShare(1, 0)),
        ("see now", OutsideShare(1, 0)),
        ("anything else", OutsideShare(2, 0)),
    ]


@pytest.mark.parametrize(
    ("question", "kind", "beginning"),
    [
        ("2+2", "short, with numbers", "anything else"),
        ("How many?", "short, without numbers", "how many"),
        ("Hm", "short, without numbers", "hm"),
        ("7 red balls", "short, with numbers", "anything else"),
        ("", "short, without numbers", "anything else"),
        ("a " * LONG, "long, without numbers", "a a"),
        ("a " * (LONG - 1) + "7", "short, with numbers", "a a"),
    ],
)
def test_kinds(question: str, kind: str, beginning: str) -> None:
    assert (name_kind(question), name_beginning(question)) == (kind, beginning)


def test_new_words_are_counted_once_for_each_question() -> None:
    found = count_new_words(["the river and the river", "A river, a bank", "the 7 banks"], ["and THE sum 7"])
    assert found == {"river": 2, "a": 1, "bank": 1, "banks": 1}
    assert next(iter(found)) == "river"
    assert len(count_new_words([" ".join(f"x{chr(97 + i)}" for i in range(26))], [])) == 10


def test_a_question_that_was_asked_again_counts_once_for_new_words_and_the_test() -> None:
    solves = [
        solve("Name a river.", True),
        solve("name a  river", True),
        *(solve("2 + 3", False) for _ in range(9)),
    ]
    (drift,) = compute_drifts(solves, [], find_nothing)
    assert drift.new_words == {"a": 1, "name": 1, "river": 1}
    assert drift.test.recent == OutsideShare(2, 1)


def test_only_the_last_questions_are_tested() -> None:
    old = [solve(f"old {i}", True) for i in range(40)]
    new = [solve(f"new {i}", False) for i in range(RECENT)]
    (drift,) = compute_drifts([*old, *new], [], find_nothing)
    assert (drift.total.outside, drift.test.recent) == (40, OutsideShare(RECENT, 0))
    assert not drift.test.is_shown


def test_what_came_true_on_both_sides() -> None:
    inside, outside, other = solve("a", False), solve("b", True), solve("c", None)
    observations = [
        seen(id=inside.id, predicted=0.95),
        seen(id=inside.id, predicted=0.95, right=False),
        seen(id=outside.id, predicted=None, right=False),
        seen(id=outside.id, predicted=None, model="stronger"),
        seen(id=other.id),
    ]
    (drift,) = compute_drifts([inside, outside, other], observations, find_nothing)
    assert drift.inside.observed == Proportion(2, 1)
    assert [(b.low, b.proportion) for b in drift.inside.p_solved] == [(0.9, Proportion(2, 1))]
    assert (drift.outside.observed, drift.outside.p_solved) == (Proportion(1, 0), [])


@given(st.integers(1, 100).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.floats(0.001, 0.5))
def test_the_binomial_test_is_exact(counts: tuple[int, int], alpha: float) -> None:
    n, k = counts
    assert compute_drift_p_value(OutsideShare(n, k), alpha) == pytest.approx(
        binom.sf(k - 1, n, alpha), rel=1e-6, abs=1e-12
    )


@given(
    st.integers(1, 100).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.floats(0.001, 0.5),
    st.integers(1, 3000),
)
def test_with_few_recorded_questions_the_count_is_beta_binomial(
    counts: tuple[int, int], alpha: float, recorded: int
) -> None:
    (n, k), rank = counts, Domain.find_rank(alpha, recorded)
    expected = betabinom.sf(k - 1, n, recorded + 1 - rank, rank)
    assert compute_drift_p_value(OutsideShare(n, k), alpha, recorded) == pytest.approx(
        expected, rel=1e-6, abs=1e-9
    )


def test_scores_of_the_same_kind_seldom_show_drift() -> None:
    """By simulation: recorded and new scores from the same distribution, with few recorded ones."""
    rng, recorded, n = np.random.default_rng(0), 40, 50
    rank, shown = Domain.find_rank(0.05, recorded), 0
    for _ in range(2000):
        threshold = np.sort(rng.random(recorded))[rank - 1]
        share = OutsideShare(n, int((rng.random(n) > threshold).sum()))
        shown += compute_drift_p_value(share, 0.05, recorded) < 0.05
    assert shown / 2000 < 0.065


def test_advice() -> None:
    few = DriftTest.of(OutsideShare(LEAST_QUESTIONS - 1, LEAST_QUESTIONS - 1), None)
    assert few.advise("m") == (
        "Too few questions to tell: 9 of the last 9 different questions are outside, and at least 10 are needed."
    )
    usual = DriftTest.of(OutsideShare(60, 3), None)
    assert usual.advise("m") == (
        "No need to record anew: 3 of the last 60 different questions are outside, and 5.0 % would be by chance "
        "(p = 0.58)."
    )
    many = DriftTest.of(OutsideShare(60, 14), None)
    assert many.advise("hf:a b").startswith(
        "Record anew (`adaptive record --from-log -m 'hf:a b' --out outcomes.db`) and train again: 14 of the last "
    )
    assert [one.is_shown for one in (few, usual, many)] == [False, False, True]


def test_as_json() -> None:
    (drift,) = compute_drifts([solve("Name a river", True), solve("2 + 3", False)], [], find_nothing)
    told = drift.to_json()
    assert (told["model"], told["count"], told["outside"], told["share"]) == ("embedded", 2, 1, 0.5)
    assert told["kinds"]["short, with numbers"]["outside"] == 0
    assert told["observed"]["outside"]["count"] == 0
    assert (told["recent"]["drift"], told["recent"]["expected"]) == (False, 0.05)
    assert told["advice"].startswith("Too few questions to tell")
