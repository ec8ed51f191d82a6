"""Outcomes: a SQLite file of recorded attempts, graded. Everything is learned from this table.

Each attempt has one row, identified by its `OutcomeKey` and written as soon as it is complete. A killed run loses
only attempts in flight, and no row comes twice. The file also has the questions, and the plan (model, ladder,
style, sampling) of the recording.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from adaptive._util.files import unpack
from adaptive._util.sqlite import SqliteFile
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.cost_order import order_by_cost
from adaptive.learn.data.outcome import KEY_COLUMNS, Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.data.reference import Reference, grade_by_reference
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt
from adaptive.types.conversation import ALONE
from adaptive.types.from_json import check_made, convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.stops import Stops

FORMAT = 2
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
"""What a number that is too large has, or else a text. Numbers are looked at one by one only if it is there."""
UNNAMED_MODEL = "imported"
"""The model in a plan that names none that can be opened."""
SCHEMA = (
    "CREATE TABLE plan (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE questions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        question TEXT NOT NULL,
        reference TEXT NOT NULL,
        grouped TEXT NOT NULL
    )""",
    """CREATE TABLE outcomes (
        question INTEGER NOT NULL REFERENCES questions (number),
        effort TEXT NOT NULL,
        budget INTEGER NOT NULL,
        waits INTEGER NOT NULL,
        sample INTEGER NOT NULL,
        model TEXT NOT NULL,
        cost REAL,
        answer TEXT,
        right INTEGER,
        why TEXT NOT NULL,
        status TEXT NOT NULL,
        finish TEXT NOT NULL,
        confidence REAL,
        prompt INTEGER NOT NULL,
        thinking INTEGER NOT NULL,
        closing INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        attempt BLOB NOT NULL,
        PRIMARY KEY (question, effort, budget, waits, sample, model)
    ) WITHOUT ROWID""",
)


class OutcomeStore(SqliteFile):
    """The open file; a context manager.

    With a `plan` the file is created if it is missing, and must have that plan if it exists. `reference` says what
    the attempts that are read are graded by; the file keeps the grades by the questions' own answers.

    Raises:
        InputError: The file is missing or damaged, or has another format or plan.
        AdaptiveError: It cannot be used.
    """

    KIND, REMEDY = "outcomes", "name another file"
    MAKES_FOLDER = False
    SYNCHRONOUS = "NORMAL"

    def __init__(
        self, path: Path, plan: Mapping[str, Any] | None = None, *, reference: Reference = "answers"
    ) -> None:
        if plan is None and not path.is_file():
            raise InputError(f"the outcomes {path} are not there: make them with `adaptive record`.")
        self._expected_plan, self.reference = plan, reference
        super().__init__(path)

    @property
    def plan(self) -> dict[str, Any]:
        """The settings of the recording, in plain JSON types."""
        with self._explain_errors():
            rows = self._db.execute("SELECT name, value FROM plan").fetchall()
            return {name: json.loads(value) for name, value in rows if name != "format"}

    def add_questions(self, questions: Sequence[Question]) -> None:
        """Add questions; raise `InputError` if an id is there with another text, answer or group."""
        with self._explain_errors(), self._transaction():
            for one in questions:
                row = (one.id, one.text, one.reference, one.group)
                self._db.execute(
                    "INSERT OR IGNORE INTO questions (id, question, reference, grouped) VALUES (?, ?, ?, ?)", row
                )
                sql = "SELECT id, question, reference, grouped FROM questions WHERE id = ?"
                if self._db.execute(sql, (one.id,)).fetchone() != row:
                    raise InputError(
                        f"the id {one.id!r} is in {self.path} with another question, answer or group: give the "
                        "new question its own id, or name another file."
                    )

    def add(self, question: Question, outcome: Outcome) -> None:
        """Write one attempt. An attempt that is there already stays as it is."""
        key, attempt = outcome.key, outcome.attempt
        row = (
            *astuple(key), attempt.usage.cost, attempt.answer, outcome.right, outcome.why, attempt.status,
            attempt.finish, attempt.confidence, outcome.prompt, attempt.chain_tokens, outcome.closing,
            attempt.usage.answer, _pack_attempt(attempt),
        )  # fmt: skip
        marks = ", ".join("?" * len(row))
        sql = f"INSERT OR IGNORE INTO outcomes SELECT number, {marks} FROM questions WHERE id = ?"
        with self._explain_errors():
            self._db.execute(sql, (*row, question.id))

    def read_outcomes(self, question: Question) -> dict[OutcomeKey, Outcome]:
        """Return the attempts at one question."""
        return dict(next((r.outcomes for r in self._iter_recorded("WHERE q.id = ?", (question.id,))), {}))

    def __iter__(self) -> Iterator[RecordedQuestion]:
        """Yield all questions with attempts, in the order of their recording."""
        return self._iter_recorded("", ())

    def require_grades(self) -> None:
        """Raise `InputError` if questions without an answer are to be graded by answers."""
        sql = (
            "SELECT count(*), coalesce(sum(reference = '' AND NOT EXISTS (SELECT 1 FROM outcomes WHERE "
            "question = number AND right IS NOT NULL)), 0) FROM questions"
        )
        with self._explain_errors():
            count, ungraded = self._db.execute(sql).fetchone()
        if ungraded and self.reference == "answers":
            raise InputError(
                f"{ungraded} of {count} questions in {self.path} have no answer to grade by: --reference mixed "
                "grades these by agreement with the dearest rung, and --reference dearest all."
            )

    def read_ladder(self) -> Ladder:
        """Return the ladder of the recording. Rungs of several models are ordered by what they cost.

        Raises:
            InputError: The plan has none, or what rungs of several models cost is not known.
        """
        ladder = read_plan_ladder(self.plan, self.path)
        if len(ladder.models) == 1:
            return ladder
        names = ", ".join(KEY_COLUMNS)
        sql = f"SELECT question, cost, {names} FROM outcomes WHERE sample = 0 AND waits = 0"
        costs: dict[int, dict[OutcomeKey, float | None]] = {}
        with self._explain_errors():
            for question, cost, *key in self._db.execute(sql):
                costs.setdefault(question, {})[OutcomeKey(*key)] = cost
            return order_by_cost(ladder, list(costs.values()))

    def read_texts(self) -> list[str]:
        """Return the texts of all questions, including those without attempts."""
        with self._explain_errors():
            return [text for (text,) in self._db.execute("SELECT question FROM questions ORDER BY number")]

    def count(self) -> int:
        """Return the number of attempts."""
        with self._explain_errors():
            return int(self._db.execute("SELECT count(*) FROM outcomes").fetchone()[0])

    def update_grades(
        self, grades: Iterable[tuple[RecordedQuestion, OutcomeKey, bool | None, str]], grader: str
    ) -> None:
        """Overwrite grades, and the grader's name in the plan, in one transaction."""
        with self._explain_errors(), self._transaction():
            for recorded, key, right, why in grades:
                is_key = " AND ".join(f"{name} = ?" for name in KEY_COLUMNS)
                self._db.execute(
                    f"UPDATE outcomes SET right = ?, why = ? WHERE {is_key} AND "
                    "question = (SELECT number FROM questions WHERE id = ?)",
                    (right, why, *astuple(key), recorded.question.id),
                )
            self._db.execute("UPDATE plan SET value = ? WHERE name = 'grader'", (json.dumps(grader),))

    def _iter_recorded(self, where: str, values: tuple[Any, ...]) -> Iterator[RecordedQuestion]:
        stored = self._iter_stored(where, values)
        if self.reference == "answers":
            return stored
        ladder = self.read_ladder()
        return (grade_by_reference(one, ladder, self.reference) for one in stored)

    def _iter_stored(self, where: str, values: tuple[Any, ...]) -> Iterator[RecordedQuestion]:
        names = ", ".join(f"o.{name}" for name in KEY_COLUMNS)
        sql = (
            f"SELECT {names}, q.id, q.question, q.reference, q.grouped, o.right, o.why, o.prompt, o.closing, "
            f"o.attempt FROM outcomes o JOIN questions q ON q.number = o.question {where} ORDER BY q.number"
        )
        with self._explain_errors():
            last, outcomes = None, dict[OutcomeKey, Outcome]()
            for row in self._db.execute(sql, values):
                key, rest = OutcomeKey(*row[: len(KEY_COLUMNS)]), row[len(KEY_COLUMNS) :]
                *question_row, right, why, prompt, closing, blob = rest
                question = Question(*question_row)
                outcome = Outcome(
                    key, _unpack_attempt(blob), None if right is None else bool(right), prompt, closing, why
                )
                check_made(tuple[Question, Outcome], (question, outcome), f"an attempt in {self.path}")
                if last is not None and last != question:
                    yield RecordedQuestion(last, outcomes)
                    outcomes = {}
                last = question
                outcomes[key] = outcome
            if last is not None:
                yield RecordedQuestion(last, outcomes)

    def _prepare_tables(self) -> None:
        if self._expected_plan is not None and not self._list_tables():
            self._create_tables(self._expected_plan)
        self._check_plan(self._expected_plan or {})

    def _create_tables(self, plan: Mapping[str, Any]) -> None:
        for statement in SCHEMA:
            self._db.execute(statement)
        rows = [(name, json.dumps(value)) for name, value in {"format": FORMAT, **plan}.items()]
        self._db.executemany("INSERT INTO plan VALUES (?, ?)", rows)

    def _check_plan(self, plan: Mapping[str, Any]) -> None:
        if not {"plan", "questions", "outcomes"} <= self._list_tables():
            raise InputError(f"{self.path} holds no outcomes: name a file made by `adaptive record`.")
        held = {n: json.loads(v) for n, v in self._db.execute("SELECT name, value FROM plan")}
        if held.get("format") != FORMAT:
            raise InputError(
                f"{self.path} has the format {held.get('format')!r}, this version of adaptive reads {FORMAT}: "
                "record anew, into another file."
            )
        for name, value in plan.items():
            if name != "grader" and held.get(name) != json.loads(json.dumps(value)):
                raise InputError(
                    f"{self.path} was recorded with another {name}: name another file for --out, or delete it."
                )

    def _build_error(self, error: Exception) -> AdaptiveError:
        if isinstance(error, sqlite3.OperationalError | OSError):
            return super()._build_error(error)
        return InputError(f"{self.path} is damaged, or no file of outcomes ({error}): record again.")


def _pack_attempt(attempt: Attempt) -> bytes:
    return zlib.compress(json.dumps(attempt.to_json(), ensure_ascii=False, separators=(",", ":")).encode())


def _unpack_attempt(blob: bytes) -> Attempt:
    data = unpack(blob)
    return Attempt.from_json(json.loads(data, parse_int=_parse_number if _LONG_NUMBER.search(data) else None))


def _parse_number(text: str) -> int:
    """Return a whole number; raise `ValueError` if numpy and SQLite cannot hold it."""
    if abs(number := int(text)) >= 2**63:
        raise ValueError(f"{text[:20]}… is too large a number")
    return number


def read_plan_ladder(plan: Mapping[str, Any], file: Path) -> Ladder:
    """Return the ladder of a recording, whose file is `file`; raise `InputError` if it has none."""
    if "ladder" not in plan:
        raise InputError(f"the plan in {file} has no 'ladder': record again.")
    return Ladder(convert_value(tuple[Rung, ...], plan["ladder"], f"'ladder' in the plan in {file}"))


def build_recorded_profile(outcomes: OutcomeStore, name: str) -> Profile:
    """Return the profile of a recording, before training; raise `InputError` if its plan is incomplete.

    Recorded questions are plain text, so the profile's only shape is the single question.

    Args:
        outcomes: The file of the recording.
        name: The profile's name.
    """
    plan, where = outcomes.plan, f"the plan in {outcomes.path}"
    missing = next((k for k in ("model", "ladder", "style", "stops") if k not in plan), None)
    if missing is not None:
        raise InputError(f"{where} has no {missing!r}: record again.")
    ladder = outcomes.read_ladder()
    later = [ladder[i] for model in ladder.models for i in ladder.list_rungs_of(model)[1:]]
    if not all(rung.thinks for rung in later):
        raise InputError(
            f"in the ladder in {where} only a model's first rung may do without thinking: record again."
        )
    return Profile(
        name=name,
        model=convert_value(str, plan["model"], f"'model' in {where}"),
        ladder=ladder,
        style=dataclass_from_json(Style, plan["style"], f"'style' in {where}"),
        stops=dataclass_from_json(Stops, plan["stops"], f"'stops' in {where}"),
        shapes=(ALONE,),
    )
