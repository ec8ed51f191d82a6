"""Reads the questions to learn from: rows with a question and its reference answer, in any format of `reading`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from adaptive.errors import InputError
from adaptive.learn.data.readers import read_rows

SOLUTION_END = "####"
"""What stands between a worked solution and its answer, as in GSM8K (https://arxiv.org/abs/2110.14168)."""


@dataclass(frozen=True)
class Question:
    """What is asked, and the reference answer that it is graded against; `id` is unique in its source.

    group: what it shares with questions that are made alike, of one template, say: they are held out together.
    "" where it is alone with its own text (`adaptive.profile.features.normalise_question`).
    """

    id: str
    text: str
    reference: str
    group: str = field(default="", compare=False)  # not what is asked: the same question in another group is it


@dataclass(frozen=True)
class Columns:
    """The names under which a row says what; `options` where it has a list of texts to choose from.

    A row may lack `id` and `group` under the names that they have here.
    """

    question: str = "question"
    answer: str = "answer"
    id: str = "id"
    group: str = "group"
    options: str | None = None


DEFAULT_COLUMNS = Columns()


def read_questions(
    source: str | Path, limit: int | None = None, *, columns: Columns = DEFAULT_COLUMNS
) -> list[Question]:
    """The questions in `source`, each once, the first `limit` of them; other columns are ignored.

    source: a file or `datasets:ID?config=NAME&split=NAME`, see `adaptive.learn.data.readers`.
    Where an answer has "####", as GSM8K's solutions do, the reference is what follows the last one. Options are
    added to the question, "(A) ..." a line. Without an `id` a question gets one made of its text and answer.
    Raises `InputError` naming the place for a row that cannot be read, lacks text, or has the id of another.
    """
    found: dict[str, tuple[str, Question]] = {}
    for place, row in read_rows(source):
        if limit is not None and len(found) >= limit:
            break
        question = _Row(row, f"{place} of {source}").to_question(columns)
        before, same = found.setdefault(question.id, (place, question))
        if same != question:
            raise InputError(
                f"{place} of {source} has the id {question.id!r} of {before} with another question "
                "or answer: give each its own id."
            )
    if not found:
        raise InputError(f"{source} holds no question: give it rows with a question and an answer.")
    return [question for _, question in found.values()]


@dataclass(frozen=True)
class _Row:
    values: dict[str, Any]
    where: str

    def to_question(self, columns: Columns) -> Question:
        text, reference = self.read_text(columns.question), self._read_reference(columns.answer)
        if columns.options is not None:
            text = f"{text}\n{self._format_options(columns.options)}"
        name = self._read_optional(columns.id, DEFAULT_COLUMNS.id) or _make_id(text, reference)
        return Question(name, text, reference, self._read_optional(columns.group, DEFAULT_COLUMNS.group) or "")

    def read_text(self, column: str) -> str:
        """The text in a column; a number counts as its text."""
        text = _to_text(self.values.get(column))
        if text is None or not text.strip():
            raise InputError(f"{self.where} has no {column!r} that is text{self._suggest_fix(column)}.")
        if not _is_text(text):
            raise InputError(f"{self.where} has a {column!r} with characters that are no text.")
        return text.strip()

    def _read_reference(self, column: str) -> str:
        answer = self.read_text(column).rpartition(SOLUTION_END)[2].strip()
        if not answer:
            raise InputError(f"{self.where} has no {column!r} after its last {SOLUTION_END}: give one.")
        return answer

    def _read_optional(self, column: str, default: str) -> str | None:
        """The text in a column that may be empty, and may be missing unless it was asked for by name."""
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
        """What to do about a column that is missing, or empty."""
        if column in self.values:
            return ": give one, or leave the question out"
        return f": its columns are {', '.join(map(repr, self.values)) or 'none'}; name the right one"


def _to_text(value: Any) -> str | None:
    """A text, or a number as its text; None for anything else, and for what is no number."""
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


def _make_id(text: str, reference: str) -> str:
    return hashlib.sha1(f"{text}\0{reference}".encode()).hexdigest()[:16]
