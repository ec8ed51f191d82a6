"""Reads questions with reference answers, from any format of `adaptive.learn.data.readers`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from adaptive.errors import InputError
from adaptive.learn.data.readers import read_rows


@dataclass(frozen=True)
class Question:
    """A question and its reference answer, "" if it has none. id: unique in its source.

    group: shared by questions of one template, say, which are held out together. By default "": a question is then
    grouped by its own text (`adaptive.profile.features.normalise_question`).
    """

    id: str
    text: str
    reference: str
    group: str = field(default="", compare=False)  # the same question in another group is equal


@dataclass(frozen=True)
class Columns:
    """The names of a row's columns, and how its answer is read.

    options: the name of a list of texts to choose from, if there is one. index_base: the index of the first
    option, for answers that are indices of options; None for others.

    A row may lack the columns `id` and `group`, if they have their default names.
    """

    question: str = "question"
    answer: str = "answer"
    id: str = "id"
    group: str = "group"
    options: str | None = None
    index_base: int | None = None


DEFAULT_COLUMNS = Columns()


def read_questions(
    source: str | Path,
    limit: int | None = None,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    need_answers: bool = True,
    keep_repeats: bool = False,
) -> list[Question]:
    """Return the questions in a source, each once unless repeats are kept.

    Of a worked solution the reference is what follows the last "####", or stands in the last box. Options are
    appended to the question, one "(A) ..." per line. A question without an `id` gets one from its text and answer.

    Args:
        source: A file, or `datasets:ID?config=NAME&split=NAME`, see `adaptive.learn.data.readers`.
        limit: Read only the first so many questions.
        columns: The names of the columns. Others are ignored.
        need_answers: Whether a row without an answer is refused.
        keep_repeats: Whether a row that repeats a question is a question too; its id gets "-2", "-3" and so on.

    Raises:
        InputError: A row cannot be read, lacks text, or has the id of another; the message names its place.
    """
    questions: dict[str, tuple[str, Question]] = {}
    rows = Counter[str]()
    for place, row in read_rows(source):
        if limit is not None and len(questions) >= limit:
            break
        question = _Row(row, f"{place} of {source}").to_question(columns, need_answers)
        _add_question(questions, question, place, source)
        rows[question.id] += 1
        if keep_repeats and rows[question.id] > 1:
            repeat = replace(question, id=f"{question.id}-{rows[question.id]}")
            _add_question(questions, repeat, place, source)
    if not questions:
        raise InputError(f"{source} holds no question: give it rows with a question.")
    return [question for _, question in questions.values()]


def _add_question(
    questions: dict[str, tuple[str, Question]], question: Question, place: str, source: str | Path
) -> None:
    """Add a question under its id; raise `InputError` if that is the id of another one."""
    before, same = questions.setdefault(question.id, (place, question))
    if same != question:
        raise InputError(
            f"{place} of {source} has the id {question.id!r} of {before} with another question "
            "or answer: give each its own id."
        )


@dataclass(frozen=True)
class _Row:
    values: dict[str, Any]
    where: str

    def to_question(self, columns: Columns, need_answer: bool) -> Question:
        text = self.read_text(columns.question)
        if columns.options is not None:
            text = f"{text}\n{self._format_options(columns.options)}"
        reference = self._read_answer(text, columns, need_answer)
        name = self._read_optional(columns.id, DEFAULT_COLUMNS.id) or make_question_id(text, reference)
        return Question(name, text, reference, self._read_optional(columns.group, DEFAULT_COLUMNS.group) or "")

    def read_text(self, column: str) -> str:
        """Return the text in a column; a number is converted to text."""
        text = _to_text(self.values.get(column))
        if text is None or not text.strip():
            raise InputError(f"{self.where} has no {column!r} that is text{self._suggest_fix(column)}.")
        if not _is_text(text):
            raise InputError(f"{self.where} has a {column!r} with characters that are no text.")
        return text.strip()

    def _read_answer(self, text: str, columns: Columns, need_answer: bool) -> str:
        """Return the right answer; "" if there is none and none is needed."""
        from adaptive.answers.reference import read_choice_index

        if not need_answer and self.values.get(columns.answer) in (None, ""):
            return ""
        reference = self._read_reference(columns.answer)
        return read_choice_index(text, reference, columns.index_base, f"the {columns.answer!r} of {self.where}")

    def _read_reference(self, column: str) -> str:
        from adaptive.answers.reference import SOLUTION_END, read_reference

        answer = read_reference(self.read_text(column))
        if not answer:
            raise InputError(f"{self.where} has no {column!r} after its last {SOLUTION_END}: give one.")
        return answer

    def _read_optional(self, column: str, default: str) -> str | None:
        """Return the text in a column that may be empty, and may be missing if its name is the default."""
        missing = column not in self.values and column == default
        empty = column in self.values and self.values[column] is None
        return None if missing or empty else self.read_text(column)

    def _format_options(self, column: str) -> str:
        options = self.values.get(column)
        if isinstance(options, str):  # in a cell of CSV
            options = _parse_list(options)
        texts = [_to_text(option) for option in options] if isinstance(options, list) else []
        lines = [" ".join(text.split()) for text in texts if text and _is_text(text)]
        if not 2 <= len(lines) == len(texts) <= len(ascii_uppercase) or not all(lines):
            raise InputError(
                f"{self.where} has no {column!r} that is a list of 2 to 26 texts{self._suggest_fix(column)}."
            )
        return "\n".join(f"({letter}) {line}" for letter, line in zip(ascii_uppercase, lines, strict=False))

    def _suggest_fix(self, column: str) -> str:
        """Return what to do about a missing or empty column."""
        if column in self.values:
            return ": give one, or leave the question out"
        return f": its columns are {', '.join(map(repr, self.values)) or 'none'}; name the right one"


def _to_text(value: Any) -> str | None:
    """Return a text, or a number as text; None for anything else, and for nan."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return str(value)
    return value if isinstance(value, str) else None


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _parse_list(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # the row is refused, with its place


def make_question_id(text: str, reference: str) -> str:
    """Return the id of a question that has none of its own."""
    return hashlib.sha1(f"{text}\0{reference}".encode()).hexdigest()[:16]
