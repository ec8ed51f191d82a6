"""Outcomes: a SQLite file of recorded attempts, graded. Everything is learned from this table.

Each attempt has one row, identified by its `OutcomeKey` and written as soon as it is complete. A killed run loses
only attempts in flight, and no row comes twice. The file also has the questions, and the plan (model, ladder,
style, sampling) of the recording.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptive._util.sqlite import SqliteFile
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.profile.profile import Profile
from adaptive.reason.budget import Style
from adaptive.types.attempt import Attempt
from adaptive.types.conversation import ALONE
from adaptive.types.from_json import convert_value, dataclass_from_json
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.stops import Stops

FORMAT = 1
NEWEST = 1 << 62
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
        PRIMARY KEY (question, effort, budget, waits, sample)
    ) WITHOUT ROWID""",
)


class OutcomeStore(SqliteFile):
    """The open file; a context manager.

    With a `plan` the file is created if it is missing, and must have that plan if it exists.

    Raises:
        InputError: The file is missing or damaged, or has another format or plan.
        AdaptiveError: It cannot be used.
    """

    KIND, REMEDY = "outcomes", "name another file"
    PRIVATE = False
    SYNCHRONOUS = "NORMAL"

    def __init__(self, path: Path, plan: Mapping[str, Any] | None = None) -> None:
        if plan is None and not path.is_file():
            raise InputError(f"the outcomes {path} are not there: make them with `adaptive record`.")
        self._expected_plan = plan
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
            question.id, key.effort, key.budget, key.waits, key.sample, attempt.answer, outcome.right, outcome.why,
            attempt.status, attempt.finish, attempt.confidence, outcome.prompt, attempt.chain_tokens,
            outcome.closing, attempt.usage.answer, _pack_attempt(attempt),
        )  # fmt: skip
        sql = (
            "INSERT OR IGNORE INTO outcomes SELECT number, ?,?,?,?, ?,?,?, ?,?,?, ?,?,?,?, ? FROM questions "
            "WHERE id = ?"
        )
        with self._explain_errors():
            self._db.execute(sql, (*row[1:], row[0]))

    def read_outcomes(self, question: Question) -> dict[OutcomeKey, Outcome]:
        """Return the attempts at one question."""
        return dict(next((r.outcomes for r in self._iter_recorded("WHERE q.id = ?", (question.id,))), {}))

    def __iter__(self) -> Iterator[RecordedQuestion]:
        """Yield all questions with attempts, in the order of their recording."""
        return self._iter_recorded("", ())

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
                self._db.execute(
                    "UPDATE outcomes SET right = ?, why = ? WHERE effort = ? AND budget = ? AND waits = ? AND "
                    "sample = ? AND question = (SELECT number FROM questions WHERE id = ?)",
                    (right, why, key.effort, key.budget, key.waits, key.sample, recorded.question.id),
                )
            self._db.execute("UPDATE plan SET value = ? WHERE name = 'grader'", (json.dumps(grader),))

    def _iter_recorded(self, where: str, values: tuple[Any, ...]) -> Iterator[RecordedQuestion]:
        sql = (
            "SELECT q.id, q.question, q.reference, q.grouped, o.effort, o.budget, o.waits, o.sample, o.right, "
            f"o.why, o.prompt, o.closing, o.attempt FROM outcomes o JOIN questions q ON q.number = o.question "
            f"{where} ORDER BY q.number"
        )
        with self._explain_errors():
            last, outcomes = None, dict[OutcomeKey, Outcome]()
            for (
                *question_row,
                effort,
                budget,
                waits,
                sample,
                right,
                why,
                prompt,
                closing,
                blob,
            ) in self._db.execute(sql, values):
                question = Question(*question_row)
                if last is not None and last != question:
                    yield RecordedQuestion(last, outcomes)
                    outcomes = {}
                last, key = question, OutcomeKey(effort, budget, waits, sample)
                graded = None if right is None else bool(right)
                outcomes[key] = Outcome(key, _unpack_attempt(blob), graded, prompt, closing, why)
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
                "record again."
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
    return Attempt.from_json(json.loads(zlib.decompress(blob)))


def plan_to_profile(plan: Mapping[str, Any], name: str, file: Path) -> Profile:
    """Return the profile of a recording, before training; raise `InputError` if the plan is incomplete.

    Recorded questions are plain text, so the profile's only shape is the single question.

    Args:
        plan: The settings of the recording.
        name: The profile's name.
        file: The file of outcomes, for errors.
    """
    where = f"the plan in {file}"
    missing = next((k for k in ("model", "ladder", "style", "stops") if k not in plan), None)
    if missing is not None:
        raise InputError(f"{where} has no {missing!r}: record again.")
    rungs = convert_value(tuple[Rung, ...], plan["ladder"], f"'ladder' in {where}")
    if not rungs or rungs[0].thinks or not all(r.thinks for r in rungs[1:]):
        raise InputError(
            f"the ladder in {where} must start with a rung that does not think: record again, or import that too."
        )
    return Profile(
        name=name,
        model=convert_value(str, plan["model"], f"'model' in {where}"),
        ladder=Ladder(rungs),
        style=dataclass_from_json(Style, plan["style"], f"'style' in {where}"),
        stops=dataclass_from_json(Stops, plan["stops"], f"'stops' in {where}"),
        shapes=(ALONE,),
    )
