"""Grades what is recorded again, by another grader."""

from __future__ import annotations

from adaptive.answers.grader import Grader
from adaptive.learn.data.outcomes import OutcomeStore


def regrade_outcomes(outcomes: OutcomeStore, spec: str, grader: Grader) -> None:
    """Grade all recorded attempts again, unless this grader graded them.

    Args:
        outcomes: The file.
        spec: The grader's spec.
        grader: The grader.
    """
    if outcomes.plan["grader"] == spec:
        return
    grades = []
    for recorded in outcomes:
        for key, outcome in recorded.outcomes.items():
            one = recorded.question
            judged = grader.grade(one.text, outcome.attempt.answer, one.reference)
            grades.append((recorded, key, judged.right if judged.decided else None, judged.reason))
    outcomes.update_grades(grades, spec)
