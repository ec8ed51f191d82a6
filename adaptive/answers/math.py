r"""Grading maths: by value if both are plain numbers, by math-verify if one is an expression.

References: math-verify, https://github.com/huggingface/Math-Verify.
"""

from __future__ import annotations

import re

from adaptive._util.redact import redact_text
from adaptive.answers.choice import grade_choice, read_expected
from adaptive.answers.grader import BaseGrader, Grade
from adaptive.answers.match import match_reply
from adaptive.answers.math_process import NOT_INSTALLED, MathVerifyProcess, is_math_verify_installed
from adaptive.answers.options import list_options
from adaptive.answers.reference import read_reference
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell

_LATEX_FORMS = (
    (re.compile(r"√\s*\(([^()]*)\)|√\s*(\w+)"), lambda m: rf"\sqrt{{{m[1] or m[2]}}}"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), lambda m: r"\pi "),
    (re.compile(r"∞"), lambda m: r"\infty "),
    (re.compile(r"\*\*"), lambda m: "^"),
    (re.compile(r"−"), lambda m: "-"),
    (re.compile(r"(?<=[0-9]) ?\((?=[0-9])"), lambda m: r"\cdot ("),  # else 2(1/2) is read as a mixed number
)


class MathGrader(BaseGrader):
    r"""Right if `same_answer` says so, or math-verify does: "\frac{1}{2}" and "0.5", "x^2+1" and "1+x^2".

    Words are compared as text, because math-verify reads them as products of letters: "care" would be "race". For
    the rest its conventions hold: decimals are compared to six places, "x=5" is "5", and "10%" is both "0.1" and
    "10". If math-verify cannot read the reference, the grade is undecided. Its process runs until `close`.

    Args:
        seconds: The time that one grade may take; one that takes longer is undecided.
    """

    name = "maths"

    def __init__(self, seconds: float = 5.0) -> None:
        self._process = MathVerifyProcess(seconds)

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if math-verify cannot tell."""
        reference = read_reference(reference)
        return match_reply(question, answer, reference, self._ask_math_verify, exact=False)

    def close(self) -> None:
        """End math-verify's process."""
        self._process.close()

    def _ask_math_verify(self, answer: str, reference: str) -> Grade:
        if not _has_matching_braces(reference):
            raise CannotTell(f"the braces of the reference do not match: {redact_text(reference)}")
        if not _has_matching_braces(answer):
            return Grade(False, reason="the braces of the answer do not match")
        result = self._process.ask(_to_latex(reference), _to_latex(answer))
        if result.unread == "reference":
            raise CannotTell(f"math-verify cannot read the reference: {redact_text(reference)}")
        if result.unread:
            return Grade(False, reason="math-verify cannot read the answer")
        return Grade(result.same, reason="" if result.same else "math-verify finds them different")


class AutoGrader(MathGrader):
    """Like `MathGrader`, but compares two plain numbers by their exact values, never by math-verify.

    If the question lists options and the reference names one of them, the answer has to name the same.
    """

    name = "auto"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if math-verify cannot tell."""
        reference = read_reference(reference)
        if (options := list_options(question)) and (expected := read_expected(question, reference)):
            return grade_choice(answer, options, expected)
        return match_reply(question, answer, reference, self._ask_math_verify)


def open_math_grader(seconds: float = 5.0) -> MathGrader:
    """Return a `MathGrader`. Raise `InputError` if math-verify is not installed."""
    if not is_math_verify_installed():
        raise InputError(f"{NOT_INSTALLED}.")
    return MathGrader(seconds)


def _has_matching_braces(text: str) -> bool:
    """Whether the braces match. If not, a text could close the box that it is put in and open another."""
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _to_latex(text: str) -> str:
    """Return a text with what people write without LaTeX turned into LaTeX."""
    text = text.strip().rstrip(".,;: ")
    for pattern, latex in _LATEX_FORMS:
        text = pattern.sub(latex, text)
    return text
