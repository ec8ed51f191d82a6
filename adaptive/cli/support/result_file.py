"""The results of many questions in a file: a line each with the question's id, in the order in which they end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptive._util.closing import Closing
from adaptive._util.json_lines import JsonLines
from adaptive.cli.support.report import Result
from adaptive.errors import InputError
from adaptive.learn.data.questions import Question

_HEAD = b'{"id": "'
_MAY_CHANGE = ("prices", "price", "max_cost", "timeout", "check_timeout")
"""Options that a run may go on with changed: limits of time and money, and prices."""


class ResultFile(Closing):
    """The open file of a run's results; a context manager.

    Args:
        path: The file; made if it is missing.
        settings: The digest of the run's settings (`digest_settings`).

    Raises:
        AdaptiveError: It cannot be written.
        InputError: Another process has it open.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self.path, self._settings = path, settings
        self._lines = JsonLines(path, _HEAD)

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        self._lines.close()

    def read(self, questions: Sequence[Question]) -> Iterator[Result]:
        """Yield the results of these questions that a former run wrote.

        Raises:
            InputError: A line is no result, or one of other settings, of another question, or a second one.
        """
        texts = {question.id: question.text for question in questions}
        ids = set[str]()
        for number, row in self._lines.read():
            where = f"line {number} of {self.path}"
            name = row.get("id")
            if not isinstance(name, str) or not {"question", "status", "usage", "settings"} <= row.keys():
                raise InputError(f"{where} is no result of a solve: name another --out.")
            if row["settings"] != self._settings:
                raise InputError(
                    f"{where} was made with another model, profile or options: give the same, or another --out."
                )
            if name in ids:
                raise InputError(f"{where} is a second result of question {name!r}: delete one.")
            if row["question"] != texts.get(name, row["question"]):
                raise InputError(
                    f"{where} answers another question than the one with id {name!r}: name another --out."
                )
            ids.add(name)
            if name in texts:
                yield row

    def add(self, question: Question, result: Result) -> None:
        """Write the result of a question."""
        self._lines.append({"id": question.id, "settings": self._settings, **result})


def digest_settings(settings: Mapping[str, Any]) -> str:
    """Return the digest of the options that decide what a solve answers."""
    decisive = {name: value for name, value in settings.items() if name not in _MAY_CHANGE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
