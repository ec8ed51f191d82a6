"""Answers graded by agreement with the dearest rung: no more right answers are lost than answers disagree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.answers.equality import same_answer
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.reference import (
    MISSING,
    explain_reference,
    grade_by_dearest,
    grade_by_reference,
    read_reference_of,
)
from tests.learn.made import LADDER, many, outcome, write

TOP = rung_to_key(LADDER[LADDER.top])
LOW = OutcomeKey("medium", 32)
SAMPLE = OutcomeKey("medium", 64, 0, 1)
ANSWERS = st.sampled_from(["7", "7.0", "8", "nine", "Nine.", "", " ", None])


def answered(answers: dict[OutcomeKey, str | None], truth: str = "7") -> RecordedQuestion:
    def one(key: OutcomeKey, answer: str | None) -> Outcome:
        made = outcome(key, "", same_answer(answer, truth), 0.9)
        return replace(made, attempt=replace(made.attempt, answer=answer))

    return RecordedQuestion(Question("q", "3 + 4?", truth), {key: one(key, a) for key, a in answers.items()})


def without_labels(recorded: RecordedQuestion) -> RecordedQuestion:
    outcomes = {key: replace(one, right=None, why="no answer") for key, one in recorded.outcomes.items()}
    return replace(recorded, question=replace(recorded.question, reference=""), outcomes=outcomes)


@given(direct=ANSWERS, low=ANSWERS, top=ANSWERS, sample=ANSWERS, truth=st.sampled_from(["7", "8", "nine"]))
def test_what_is_lost_against_the_dearest_rung_is_at_most_a_disagreement(
    direct: str | None, low: str | None, top: str | None, sample: str | None, truth: str
) -> None:
    labelled = answered({DIRECT: direct, LOW: low, TOP: top, SAMPLE: sample}, truth)
    free = grade_by_dearest(labelled, LADDER)
    for key in labelled.outcomes:
        lost = labelled.is_solved(TOP) - labelled.is_solved(key)
        assert lost <= free.is_solved(TOP) - free.is_solved(key)


@given(direct=ANSWERS, low=ANSWERS, top=ANSWERS)
def test_labels_are_not_read(direct: str | None, low: str | None, top: str | None) -> None:
    labelled = answered({DIRECT: direct, LOW: low, TOP: top})
    free, without = grade_by_dearest(labelled, LADDER), grade_by_dearest(without_labels(labelled), LADDER)
    assert free.outcomes == without.outcomes


@given(direct=ANSWERS, low=ANSWERS, top=ANSWERS, known=st.booleans())
def test_mixed_grades_by_labels_where_there_are_any(
    direct: str | None, low: str | None, top: str | None, known: bool
) -> None:
    labelled = answered({DIRECT: direct, LOW: low, TOP: top})
    recorded = labelled if known else without_labels(labelled)
    mixed = grade_by_reference(recorded, LADDER, "mixed")
    assert mixed == (labelled if known else grade_by_dearest(recorded, LADDER))
    assert grade_by_reference(recorded, LADDER, "answers") == recorded
    assert grade_by_reference(recorded, LADDER, "dearest") == grade_by_dearest(recorded, LADDER)
    for key in labelled.outcomes:
        lost = labelled.is_solved(TOP) - labelled.is_solved(key)
        assert lost <= mixed.is_solved(TOP) - mixed.is_solved(key)


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_where_the_dearest_rung_gave_no_answer_nothing_is_lost_or_gained(nothing: str | None) -> None:
    free = grade_by_dearest(answered({DIRECT: "7", LOW: "", TOP: nothing, SAMPLE: "7"}), LADDER)
    assert [(one.right, one.why) for one in free.outcomes.values()] == [(False, MISSING)] * 4


def test_the_own_answer_of_the_dearest_rung_decides_not_the_majority_of_its_samples() -> None:
    second = replace(SAMPLE, sample=2)
    free = grade_by_dearest(answered({LOW: "8", TOP: "7", SAMPLE: "8", second: "8"}), LADDER)
    assert [key for key in free.outcomes if free.is_solved(key)] == [TOP]


def test_a_question_without_the_dearest_rung_is_not_graded() -> None:
    free = grade_by_dearest(answered({DIRECT: "7", LOW: "7"}), LADDER)
    assert {one.right for one in free.outcomes.values()} == {None}


def test_a_file_is_read_by_agreement_and_keeps_its_grades(tmp_path: Path) -> None:
    made = [without_labels(one) for one in many(5)]
    file = write(tmp_path / "outcomes.db", made)
    with OutcomeStore(file, reference="dearest") as outcomes:
        outcomes.require_grades()
        assert list(outcomes) == [grade_by_dearest(one, LADDER) for one in made]
        assert outcomes.read_outcomes(made[0].question) == grade_by_dearest(made[0], LADDER).outcomes
    with OutcomeStore(file) as outcomes:
        assert list(outcomes) == made


def test_questions_without_answers_are_refused_unless_agreement_grades_them(tmp_path: Path) -> None:
    labelled, other = many(2)
    file = write(tmp_path / "outcomes.db", [labelled, without_labels(other)])
    refused = pytest.raises(InputError, match=r"1 of 2 questions in .* have no answer .*--reference mixed")
    with OutcomeStore(file) as outcomes, refused:
        outcomes.require_grades()
    verdicts = replace(labelled, question=replace(labelled.question, reference=""))  # imported with its verdicts
    with OutcomeStore(write(tmp_path / "imported.db", [verdicts])) as outcomes:
        outcomes.require_grades()


def test_a_profile_says_what_it_was_graded_by() -> None:
    assert read_reference_of({}) == read_reference_of({"reference": "answers"}) == "answers"
    assert read_reference_of({"reference": "dearest"}) == "dearest"
    assert read_reference_of({"reference": "mixed"}) == "mixed"
    assert not explain_reference("answers")
    assert "No label was read" in explain_reference("dearest")
