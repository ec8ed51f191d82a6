"""Where questions come from: an argument, stdin, or a file of many. All are checked before any is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from adaptive.errors import InputError


@dataclass(frozen=True)
class Question:
    """What is asked, and the reference answer that ours is graded against, where there is one."""

    text: str
    reference: str | None = None


def read_questions(argument: str | None, file: str | None) -> list[Question]:
    """The questions asked for; raises `InputError`, or `click.UsageError` when there is none."""
    if file and argument is not None:
        raise click.UsageError("give a question or --file, not both")
    if file:
        return _from_file(file)
    if argument is not None and argument != "-":
        return [Question(checked(argument, "the question"))]
    if sys.stdin is None or (argument is None and sys.stdin.isatty()):  # None: it was closed
        raise click.UsageError("no question: give one as an argument, on stdin or with --file")
    return [Question(checked(_decoded(sys.stdin.buffer.read(), "stdin"), "the question on stdin"))]


def checked(text: str, what: str, instead: str = "ask something") -> str:
    """The text without the spaces round it; raises `InputError` if it cannot be a question or an answer."""
    text = text.strip()
    if not text:
        raise InputError(f"{what} is empty: {instead}.")
    if (nul := text.find("\0")) >= 0:
        raise InputError(f"{what} has a NUL character at position {nul}: is it text at all? Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # arguments that were no UTF-8 arrive as lone surrogates
        raise InputError(f"{what} is not valid UTF-8 at position {error.start}: convert it first.") from error
    return text


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not valid UTF-8 at byte {error.start}: convert it first.") from error


def _from_file(file: str) -> list[Question]:
    """One question a line: text, or in a `.jsonl` file an object with a `question`; no blank lines."""
    with click.open_file(file, "rb") as stream:
        text = _decoded(stream.read(), file)
    read: Callable[[str, str], Question] = _from_json if file.endswith((".jsonl", ".ndjson")) else _from_text
    numbered = enumerate(text.split("\n"), start=1)  # not splitlines: U+2028 is text
    questions = [read(line, f"line {number} of {file}") for number, line in numbered if line.strip()]
    if not questions:
        raise InputError(f"{file} holds no question: put one on each line.")
    return questions


def _from_text(line: str, what: str) -> Question:
    return Question(checked(line, what))


def _from_json(line: str, what: str) -> Question:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON ({error}).") from error
    question = value.get("question") if isinstance(value, dict) else None
    if not isinstance(question, str):
        raise InputError(f'{what} has no "question" that is text.')
    return Question(checked(question, f"the question on {what}"), _reference(value.get("answer"), what))


def _reference(answer: Any, what: str) -> str | None:
    """The reference answer as text, None where there is none."""
    if answer is None:
        return None
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise InputError(f'{what} has an "answer" that is neither text nor a number: leave it out, or mend it.')
    return checked(str(answer), f"the answer on {what}", "give the right one, or leave it out")
