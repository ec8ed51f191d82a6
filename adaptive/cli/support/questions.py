"""Questions from an argument, stdin or a file. All are checked before the first is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from adaptive.cli.support.report import Result
from adaptive.errors import InputError


@dataclass(frozen=True)
class UserQuestion:
    """A question, and the reference answer to grade against, if there is one."""

    text: str
    reference: str | None = None


def read_user_questions(argument: str | None, file: str | None) -> list[UserQuestion]:
    """Return the questions of a command.

    Raises:
        InputError: A question is empty or no text.
        click.UsageError: There is no question, or both an argument and a file.
    """
    if file and argument is not None:
        raise click.UsageError("give a question or --file, not both")
    if file:
        return _read_question_file(file)
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


def _read_question_file(file: str) -> list[UserQuestion]:
    """One question a line: text, or in a `.jsonl` file an object with a `question`; no blank lines."""
    with click.open_file(file, "rb") as stream:
        text = _decode_utf8(stream.read(), file)
    read: Callable[[str, str], UserQuestion] = (
        _parse_json_line if file.endswith((".jsonl", ".ndjson")) else _parse_text_line
    )
    numbered = enumerate(text.split("\n"), start=1)  # not splitlines: U+2028 is text
    questions = [read(line, f"line {number} of {file}") for number, line in numbered if line.strip()]
    if not questions:
        raise InputError(f"{file} holds no question: put one on each line.")
    return questions


def _parse_text_line(line: str, what: str) -> UserQuestion:
    return UserQuestion(clean_text(line, what))


def _parse_json_line(line: str, what: str) -> UserQuestion:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON ({error}).") from error
    question = value.get("question") if isinstance(value, dict) else None
    if not isinstance(question, str):
        raise InputError(f'{what} has no "question" that is text.')
    return UserQuestion(
        clean_text(question, f"the question on {what}"), _parse_reference(value.get("answer"), what)
    )


def _parse_reference(answer: Any, what: str) -> str | None:
    """The reference answer as text, None if there is none."""
    if answer is None:
        return None
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise InputError(f'{what} has an "answer" that is neither text nor a number: leave it out, or mend it.')
    return clean_text(str(answer), f"the answer on {what}", "give the right one, or leave it out")


def grade_result(result: Result, reference: str) -> Result:
    """Return the result with a `reference`: the answer, and whether ours and the first attempt's are right.

    A failed result has no attempts and is wrong.
    """
    from adaptive.answers.equality import same_answer

    first = result["attempts"][0] if "attempts" in result else result
    right = same_answer(result["answer"], reference)
    first_right = same_answer(first["answer"], reference)
    return {**result, "reference": {"answer": reference, "right": right, "first_right": first_right}}


@dataclass
class ReferenceCounts:
    """Counts of answers with a reference, of right ones, and of those that escalation changed."""

    count: int = 0
    right: int = 0
    mended: int = 0
    broken: int = 0

    def add(self, reference: dict[str, Any]) -> None:
        """Count one graded result's `reference`."""
        right, first = reference["right"], reference["first_right"]
        self.count += 1
        self.right += right
        self.mended += right and not first
        self.broken += first and not right

    def __str__(self) -> str:
        mended, broken = _format_count(self.mended, "wrong answer"), _format_count(self.broken, "right answer")
        return f"Right: {self.right} of {self.count}. Escalation made {mended} right and {broken} wrong."


def _format_count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
