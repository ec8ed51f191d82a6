"""A question from an argument or stdin, and results graded against the right answers of a file."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from adaptive._util.files import MOST_BYTES
from adaptive.cli.support.report import Result
from adaptive.errors import InputError
from adaptive.learn.data.questions import Question

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader


def read_question_text(argument: str | None) -> str:
    """Return the question of a command.

    Args:
        argument: The question on the command line; "-" or None for stdin.

    Raises:
        InputError: The question is empty or no text.
        click.UsageError: There is no question.
    """
    if argument is not None and argument != "-":
        return clean_text(argument, "the question")
    if sys.stdin is None or (argument is None and sys.stdin.isatty()):  # None: it was closed
        raise click.UsageError("no question: give one as an argument, on stdin or with --file")
    return clean_text(_decode_utf8(_read_stdin(), "stdin"), "the question on stdin")


def _read_stdin() -> bytes:
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"the question on stdin has more than {MOST_BYTES // 1_000_000} MB: ask a shorter one.")
    return data


def clean_text(text: str, what: str, instead: str = "ask something") -> str:
    """Return the text without surrounding spaces; raise `InputError` if it is no question or answer.

    Args:
        text: The text.
        what: Its name in error sentences.
        instead: What to do if it is empty, for the same.
    """
    text = text.strip()
    if not text:
        raise InputError(f"{what} is empty: {instead}.")
    if (nul := text.find("\0")) >= 0:
        raise InputError(f"{what} has a NUL character at position {nul}: is it text at all? Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # arguments that are no UTF-8 arrive as lone surrogates
        raise InputError(f"{what} is not valid UTF-8 at position {error.start}: convert it first.") from error
    return text


def _decode_utf8(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not valid UTF-8 at byte {error.start}: convert it first.") from error


class ReferenceGrader:
    """Grades the results of questions that have a reference, as `adaptive record` does. To be closed after use."""

    def __init__(self) -> None:
        self._grader: Grader | None = None

    async def grade_result(self, result: Result, question: Question) -> Result:
        """Return the result with a `reference`: the answer, and whether ours and the first attempt's are right.

        A failed result has no attempts and is wrong. What cannot be told is null. It runs in a thread, since
        math-verify may be asked.
        """
        if not question.reference:
            return result
        first = result["attempts"][0] if "attempts" in result else result
        right, first_right = await asyncio.to_thread(self._grade, question, result["answer"], first["answer"])
        grades = {"answer": question.reference, "right": right, "first_right": first_right}
        return {**result, "reference": grades}

    def close(self) -> None:
        """End the grader's process, if there is one."""
        if self._grader is not None:
            self._grader.close()

    def _grade(self, question: Question, *answers: str | None) -> list[bool | None]:
        from adaptive.answers.registry import open_grader

        if self._grader is None:
            self._grader = open_grader("auto")
        grades = [self._grader.grade(question.text, answer, question.reference) for answer in answers]
        return [grade.right if grade.decided else None for grade in grades]


@dataclass
class ReferenceCounts:
    """Counts of answers with a reference, of right and undecided ones, and of those that escalation changed."""

    count: int = 0
    right: int = 0
    undecided: int = 0
    mended: int = 0
    broken: int = 0

    def add(self, reference: dict[str, Any]) -> None:
        """Count one graded result's `reference`."""
        right, first = reference["right"], reference["first_right"]
        self.count += 1
        self.right += right is True
        self.undecided += right is None
        self.mended += right is True and first is False
        self.broken += first is True and right is False

    def __str__(self) -> str:
        mended, broken = _format_count(self.mended, "wrong answer"), _format_count(self.broken, "right answer")
        unknown = f", {self.undecided} cannot be graded" if self.undecided else ""
        return f"Right: {self.right} of {self.count}{unknown}. Escalation made {mended} right and {broken} wrong."


def _format_count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
