"""What labelling writes down: a record a question, in a file that a killed run goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptive.answers.equality import same_answer
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.questions import Question
from adaptive.types.attempt import Attempt
from adaptive.types.from_json import dataclass_from_json

FILE = "labels.jsonl"
FORMAT = 1


@dataclass(frozen=True)
class GradedAttempt:
    """An attempt, graded.

    rung: the cheapest one that would have bought this; None where the attempt is wrong. thinking: the
    thinking tokens that the chain took of its budget. made: all tokens of the attempt but its prompt, which is
    read once for all attempts at a question.
    """

    effort: str
    budget: int
    answer: str | None
    correct: bool
    confidence: float | None
    status: str
    finish: str
    thinking: int
    made: int
    rung: int | None

    @classmethod
    def grade(cls, attempt: Attempt, reference: str, rung: int) -> GradedAttempt:
        """An attempt graded against the reference; `rung` is the cheapest one that buys it."""
        correct = same_answer(attempt.answer, reference)
        return cls(
            effort=attempt.effort,
            budget=attempt.budget,
            answer=attempt.answer,
            correct=correct,
            confidence=attempt.confidence,
            status=attempt.status,
            finish=attempt.finish,
            thinking=attempt.chain_tokens,
            made=attempt.usage.total - attempt.usage.prompt,
            rung=rung if correct else None,
        )


@dataclass(frozen=True)
class Record:
    """A labelled question: the direct answer, and the chains that were run, cheapest effort first.

    audited: everything was run, though something cheaper was right already; so the audited records alone tell
    without bias how far a chain's confidence can be trusted.
    """

    id: str
    question: str
    reference: str
    direct: GradedAttempt
    chains: tuple[GradedAttempt, ...] = ()
    audited: bool = False

    @property
    def attempts(self) -> tuple[GradedAttempt, ...]:
        """All of them, the direct answer first."""
        return (self.direct, *self.chains)

    def find_label(self, rungs: int) -> int:
        """The cheapest rung that solves the question; `rungs` where none does."""
        return min((a.rung for a in self.attempts if a.rung is not None), default=rungs)


class RecordFile:
    """The records in a folder, all made under one `plan` (plain JSON types). A killed run loses none of them.

    Raises `InputError` where the file was made under another plan or is damaged, `AdaptiveError` where it
    cannot be written.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.path = folder / FILE
        self.records: list[Record] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._open({"format": FORMAT, **plan})
        except OSError as error:
            raise AdaptiveError(
                f"{self.path} cannot be written ({error.strerror}): name another folder."
            ) from error

    def add(self, record: Record) -> None:
        """Write one record down."""
        with self.path.open("ab") as file:
            file.write(_format_line(asdict(record)))
        self.records.append(record)

    def find_records(self, questions: Iterable[Question]) -> dict[Question, Record]:
        """The records that there are of these questions."""
        held = {Question(r.id, r.question, r.reference): r for r in self.records}
        return {q: held[q] for q in questions if q in held}

    def _open(self, plan: dict[str, Any]) -> None:
        """Read what is there. A last line without its end was cut off by a kill: it is dropped."""
        data = self.path.read_bytes() if self.path.exists() else b""
        first, *others = data.split(b"\n")
        if others or not _format_line(plan).startswith(first):
            self._check_plan(first, plan)
        if not others:
            self.path.write_bytes(_format_line(plan))
        elif others[-1]:
            os.truncate(self.path, len(data) - len(others[-1]))
        self.records = [self._parse_record(line, number) for number, line in enumerate(others[:-1], start=2)]

    def _check_plan(self, line: bytes, plan: dict[str, Any]) -> None:
        held = _parse_line(line)
        if not isinstance(held, dict) or "format" not in held:
            raise InputError(f"{self.path} is no file of labels: name another folder for --out.")
        now = json.loads(_format_line(plan))
        other = next((key for key in now if held.get(key) != now[key]), None)
        if other is not None:
            raise InputError(
                f"{self.path} was made with another {other}: name another folder for --out, or delete it."
            )

    def _parse_record(self, line: bytes, number: int) -> Record:
        try:
            return dataclass_from_json(Record, _parse_line(line), f"line {number} of {self.path}")
        except InputError as error:
            raise InputError(f"{error} Delete the line to label its question again.") from error


def _format_line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _parse_line(line: bytes) -> Any:
    """The value of a line; None where it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
