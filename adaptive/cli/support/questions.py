"""Questions from an argument, stdin or a file. All are checked before the first is asked."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.report import Result
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader


@dataclass(frozen=True)
class UserQuestion:
    """A question, and the reference answer to grade against, if there is one."""

    text: str
    reference: str | None = None


def read_user_questions(
    argument: str | None, file: str | None, index_base: int | None = None
) -> list[UserQuestion]:
    """Return the questions of a command.

    Args:
        argument: The question on the command line; "-" for stdin.
        file: A file of questions.
        index_base: The index of the first option, for references that are indices of options; None for others.

    Raises:
        InputError: A question is empty or no text.
        click.UsageError: There is no question, or both an argument and a file.
    """
    if file and argument is not None:
        raise click.UsageError("give a question or --file, not both")
    if file:
        return _read_question_file(file, index_base)
    if argument is not None and argument != "-":
        return [UserQuestion(clean_text(argument, "the question"))]
    if sys.stdin is None or (argument is None and sys.stdin.isatty()):  # None: it was closed
        raise click.UsageError("no question: give one as an argument, on stdin or with --file")
    return [UserQuestion(clean_text(_decode_utf8(sys.stdin.buffer.read(), "stdin"), "the question on stdin"))]


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


def _read_question_file(file: str, index_base: int | None) -> list[UserQuestion]:
    """One question a line: text, or in a `.jsonl` file an object with a `question`; no blank lines."""
    with click.open_file(file, "rb") as stream:
        text = _decode_utf8(stream.read(), file)
    read: Callable[[str, str], UserQuestion] = (
        partial(_parse_json_line, index_base) if file.endswith((".jsonl", ".ndjson")) else _parse_text_line
    )
    numbered = enumerate(text.split("\n"), start=1)  # not splitlines: U+2028 is text
    questions = [read(line, f"line {number} of {file}") for number, line in numbered if line.strip()]
    if not questions:
        raise InputError(f"{file} holds no question: put one on each line.")
    return questions


def _parse_text_line(line: str, what: str) -> UserQuestion:
    return UserQuestion(clean_text(line, what))


def _parse_json_line(index_base: int | None, line: str, what: str) -> UserQuestion:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON ({error}).") from error
    question = value.get("question") if isinstance(value, dict) else None
    if not isinstance(question, str):
        raise InputError(f'{what} has no "question" that is text.')
    question = clean_text(question, f"the question on {what}")
    reference = _parse_reference(value.get("answer"), what)
    if reference is not None:
        from adaptive.answers.reference import read_choice_index

        reference = read_choice_index(question, reference, index_base, f"the answer on {what}")
    return UserQuestion(question, reference)


def _parse_reference(answer: Any, what: str) -> str | None:
    """The reference answer as `record` reads it, None if there is none."""
    if answer is None:
        return None
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise InputError(f'{what} has an "answer" that is neither text nor a number: leave it out, or mend it.')
    from adaptive.answers.reference import read_reference

    name, mend = f"the answer on {what}", "give the right one, or leave it out"
    return clean_text(read_reference(clean_text(str(answer), name, mend)), name, mend)


class ReferenceGrader:
    """Grades the results of questions that have a reference, as `adaptive record` does. To be closed after use."""

    def __init__(self) -> None:
        self._grader: Grader | None = None

    async def grade_result(self, result: Result, question: UserQuestion) -> Result:
        """Return the result with a `reference`: the answer, and whether ours and the first attempt's are right.

        A failed result has no attempts and is wrong. What cannot be told is null. It runs in a thread, since
        math-verify may be asked.
        """
        if question.reference is None:
            return result
        first = result["attempts"][0] if "attempts" in result else result
        right, first_right = await asyncio.to_thread(self._grade, question, result["answer"], first["answer"])
        grades = {"answer": question.reference, "right": right, "first_right": first_right}
        return {**result, "reference": grades}

    def close(self) -> None:
        """End the grader's process, if there is one."""
        if self._grader is not None:
            self._grader.close()

    def _grade(self, question: UserQuestion, *answers: str | None) -> list[bool | None]:
        from adaptive.answers.registry import open_grader

        if self._grader is None:
            self._grader = open_grader("auto")
        grades = [self._grader.grade(question.text, answer, question.reference or "") for answer in answers]
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
