"""Reads the questions to learn from: JSONL, an object a line with `question`, `answer` and perhaps `id`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive.errors import InputError


@dataclass(frozen=True)
class Question:
    """What is asked, and the reference answer that it is graded against; `id` is unique in its file."""

    id: str
    text: str
    reference: str
    group: str = ""


def read_questions(file: Path, limit: int | None = None) -> list[Question]:
    """The questions in `file`, each once, the first `limit` of them; other keys are ignored.

    Without an `id` a question gets one made of its text and answer. Raises `InputError` naming the line for
    one that is not JSON, lacks text, or has the id of another question.
    """
    found: dict[str, tuple[int, Question]] = {}
    for number, line in _lines(file):
        if limit is not None and len(found) >= limit:
            break
        question = _question(line, f"line {number} of {file}")
        before, same = found.setdefault(question.id, (number, question))
        if same != question:
            raise InputError(
                f"line {number} of {file} has the id {question.id!r} of line {before} with another question "
                "or answer: give each its own id."
            )
    if not found:
        raise InputError(f"{file} holds no question: put a JSON object on each line.")
    return [question for _, question in found.values()]


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, numbered from 1."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the questions {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not valid UTF-8 at byte {error.start}: convert it first.") from error
    numbered = enumerate(text.split("\n"), start=1)  # not splitlines: U+2028 is text
    return ((number, line) for number, line in numbered if line.strip())


def _question(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise InputError(f'{where} is not a JSON object: write {{"question": "...", "answer": "..."}}.')
    text, reference = (_text(row, key, where) for key in ("question", "answer"))
    name = _text(row, "id", where) if row.get("id") is not None else _made_id(text, reference)
    return Question(name, text, reference)


def _text(row: dict[str, Any], key: str, where: str) -> str:
    """The text under `key`; a number counts as its text."""
    value = row.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where} has no {key!r} that is text.")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InputError(f"{where} has a {key!r} with characters that are no text.")
    return value.strip()


def _made_id(text: str, reference: str) -> str:
    return hashlib.sha1(f"{text}\0{reference}".encode()).hexdigest()[:16]
