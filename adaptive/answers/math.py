r"""Grading maths: by value where both are plain numbers, by math-verify where one is an expression.

References: math-verify, https://github.com/huggingface/Math-Verify.
"""

from __future__ import annotations

import re

from adaptive._util.redact import shown
from adaptive.answers.equality import parse_number, same_answer
from adaptive.answers.grader import Compared, Grade
from adaptive.answers.math_process import MISSING, MathsProcess, installed
from adaptive.errors import InputError
from adaptive.types.verdict import CannotTell

_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\s*\{([^{}]*)\}")
_SIGN = re.compile(r"[\d\\^_=<>+*/|√π∞±≤≥]")
_FUNCTIONS = re.compile(r"\b(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b")
_WORD = re.compile(r"[^\W\d_]{3,}")
_WRITTEN = (
    (re.compile(r"√\s*\(([^()]*)\)|√\s*(\w+)"), lambda m: rf"\sqrt{{{m[1] or m[2]}}}"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), lambda m: r"\pi "),
    (re.compile(r"∞"), lambda m: r"\infty "),
    (re.compile(r"\*\*"), lambda m: "^"),
    (re.compile(r"−"), lambda m: "-"),
)


class Maths(Compared):
    r"""Right where `same_answer` says so, or math-verify does: "\frac{1}{2}" and "0.5", "x^2+1" and "1+x^2".

    Words are compared as text: to math-verify they are products of letters, "care" the same as "race". For the
    rest its conventions hold: decimals are compared to six places, "x=5" is "5" and "10%" both "0.1" and "10".
    What the reference says must be maths to it; else nothing can be told. Its process runs until `close`.

    seconds: how long one grade may take; one that takes longer is undecided.
    """

    name = "maths"

    def __init__(self, seconds: float = 5.0) -> None:
        self._process = MathsProcess(seconds)

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """The grade of two texts that are not blank."""
        if same_answer(answer, reference):
            return Grade(True)
        if _is_words(answer) or _is_words(reference):
            return Grade(False, reason="the texts differ")
        return self._asked(answer, reference)

    def close(self) -> None:
        """End math-verify's process."""
        self._process.close()

    def _asked(self, answer: str, reference: str) -> Grade:
        if not _is_closed(reference):
            raise CannotTell(f"the braces of the reference do not match: {shown(reference)}")
        if not _is_closed(answer):
            return Grade(False, reason="the braces of the answer do not match")
        said = self._process.ask(_written(reference), _written(answer))
        if said.unread == "reference":
            raise CannotTell(f"math-verify cannot read the reference: {shown(reference)}")
        if said.unread:
            return Grade(False, reason="math-verify cannot read the answer")
        return Grade(said.same, reason="" if said.same else "math-verify finds them different")


class Auto(Maths):
    """As `Maths`, but two plain numbers are compared by value, exactly, and never given to math-verify."""

    name = "auto"

    def compare(self, question: str, answer: str, reference: str) -> Grade:
        """The grade of two texts that are not blank."""
        if parse_number(answer) is None or parse_number(reference) is None:
            return super().compare(question, answer, reference)
        same = same_answer(answer, reference)
        return Grade(same, reason="" if same else "the numbers or their units differ")


def maths(seconds: float = 5.0) -> Maths:
    """The grader; `InputError` where math-verify is not installed."""
    if not installed():
        raise InputError(f"{MISSING}.")
    return Maths(seconds)


def _is_words(text: str) -> bool:
    """Whether a text is words and no maths: no digit, no sign, no command of LaTeX's but those that set text."""
    bare = _TEXT.sub(r" \1 ", text)
    return not _SIGN.search(bare) and bool(_WORD.search(_FUNCTIONS.sub(" ", bare)))


def _is_closed(text: str) -> bool:
    """Whether braces match: else a text could close the box that it is put in, and open another."""
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _written(text: str) -> str:
    """What people write without LaTeX, written in it."""
    text = text.strip().rstrip(".,;: ")
    for pattern, latex in _WRITTEN:
        text = pattern.sub(latex, text)
    return text
