r"""Grading maths: by value if both are plain numbers, by math-verify if one is an expression.

References: math-verify, https://github.com/huggingface/Math-Verify.
"""

from __future__ import annotations

import re

from adaptive._util.redact import redact_text
from adaptive.answers.equality import parse_number, same_answer
from adaptive.answers.grader import BaseGrader, Grade
from adaptive.answers.math_process import NOT_INSTALLED, MathVerifyProcess, is_math_verify_installed
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell

_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\s*\{([^{}]*)\}")
_SIGN = re.compile(r"[\d\\^_=<>+*/|√π∞±≤≥]")
_FUNCTIONS = re.compile(r"\b(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LATEX_FORMS = (
    (re.compile(r"√\s*\(([^()]*)\)|√\s*(\w+)"), lambda m: rf"\sqrt{{{m[1] or m[2]}}}"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), lambda m: r"\pi "),
    (re.compile(r"∞"), lambda m: r"\infty "),
    (re.compile(r"\*\*"), lambda m: "^"),
    (re.compile(r"−"), lambda m: "-"),
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
        if same_answer(answer, reference):
            return Grade(True)
        if _is_words(answer) or _is_words(reference):
            return Grade(False, reason="the texts differ")
        return self._ask_math_verify(answer, reference)

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
    """Like `MathGrader`, but compares two plain numbers by their exact values, never by math-verify."""

    name = "auto"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """Return the grade of two texts that are not blank. Raise `CannotTell` if math-verify cannot tell."""
        if parse_number(answer) is None or parse_number(reference) is None:
            return super().compare(question, answer, reference)
        same = same_answer(answer, reference)
        return Grade(same, reason="" if same else "the numbers or their units differ")


def open_math_grader(seconds: float = 5.0) -> MathGrader:
    """Return a `MathGrader`. Raise `InputError` if math-verify is not installed."""
    if not is_math_verify_installed():
        raise InputError(f"{NOT_INSTALLED}.")
    return MathGrader(seconds)


def _is_words(text: str) -> bool:
    """Whether a text is words without maths: no digit, no sign, no LaTeX command except those that set text."""
    bare = _TEXT.sub(r" \1 ", text)
    return not _SIGN.search(bare) and bool(_WORD.search(_FUNCTIONS.sub(" ", bare)))


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
