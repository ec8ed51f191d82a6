"""Grading by the text alone, or by the number alone."""

from __future__ import annotations

from adaptive._util.redact import redact_text
from adaptive.answers.extract import read_answer
from adaptive.answers.grader import BaseGrader, Grade
from adaptive.answers.numerals import parse_number
from adaptive.answers.reference import read_reference
from adaptive.answers.simplify import normalise_text
from adaptive.types.verdict import CannotTell


class ExactGrader(BaseGrader):
    """Right if both are the same text, ignoring case, spaces, markup and final punctuation."""

    name = "exact"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank."""
        wanted = normalise_text(read_reference(reference))
        same = wanted != "" and wanted in (normalise_text(answer), normalise_text(read_answer(answer).text))
        return Grade(same, reason="" if same else "the texts differ")


class NumberGrader(BaseGrader):
    """Right if the answer is a number of exactly the reference's value; units are ignored."""

    name = "number"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if the reference is no number."""
        expected = parse_number(read_reference(reference))
        if expected is None:
            raise CannotTell(f"the reference {redact_text(reference)!r} is no number")
        value = parse_number(read_answer(answer).text)
        if value is None:
            return Grade(False, reason="the answer is no number")
        return Grade(value == expected, reason="" if value == expected else "the numbers differ")
