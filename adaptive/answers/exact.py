"""Grading an answer against the reference: graders by name.

| name | right is |
|---|---|
| `auto` | the same number, text or maths: math-verify is asked where one of the two is an expression |
| `exact` | the same text, but for case, spaces, markup and final punctuation |
| `number` | a number of the same value, whatever its unit |
| `choice` | the same option of a multiple choice |
| `maths` | the same number or text, or the same to math-verify |
| `FILE.py:function`, `module:function` | what a function of yours says |
"""

from __future__ import annotations

from collections.abc import Callable

from adaptive._util.redact import redact_text
from adaptive.answers.choice import ChoiceGrader
from adaptive.answers.custom import FunctionGrader
from adaptive.answers.equality import normalise_text, parse_number
from adaptive.answers.grader import BaseGrader, Grade, Grader
from adaptive.answers.math import AutoGrader, open_math_grader
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell


class ExactGrader(BaseGrader):
    """Right where both are the same text once case, spaces, markup and final punctuation are gone."""

    name = "exact"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """The grade of two texts that are not blank."""
        same = normalise_text(answer) == normalise_text(reference) != ""
        return Grade(same, reason="" if same else "the texts differ")


class NumberGrader(BaseGrader):
    """Right where the answer is a number of the reference's value, exactly; units are not looked at."""

    name = "number"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """The grade of two texts that are not blank."""
        value = parse_number(reference)
        if value is None:
            raise CannotTell(f"the reference {redact_text(reference)!r} is no number")
        given = parse_number(answer)
        if given is None:
            return Grade(False, reason="the answer is no number")
        return Grade(given == value, reason="" if given == value else "the numbers differ")


GRADERS: dict[str, Callable[[], Grader]] = {
    "auto": AutoGrader, "exact": ExactGrader, "number": NumberGrader, "choice": ChoiceGrader, "maths": open_math_grader,
}  # fmt: skip


def open_grader(name: str) -> Grader:
    """The grader of that name; to be closed after use.

    Raises `InputError` for a name that is none, a function that cannot be loaded, or where `maths` is asked for
    and math-verify is not installed. (`auto` then leaves undecided what needs it, and says so.)
    """
    if name in GRADERS:
        return GRADERS[name]()
    if all(name.rpartition(":")):
        return FunctionGrader(name)
    raise InputError(f"there is no grader {name!r}: name {', '.join(GRADERS)} or FILE.py:function.")
