"""ImportStore: a file of outcomes that imported rows are added to.

The table `imported` has the rows as they came, each once. The outcomes are made from all of them by `settle`, in
one transaction: which rung a setting is depends on every row. A run that is killed before leaves the rows, and the
outcomes as they were.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptive._util.files import unpack
from adaptive.errors import InputError
from adaptive.learn.data.outcome import Outcome, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.importing.ladder import ImportedLadder, SeenSetting, build_ladder
from adaptive.learn.importing.pricing import Pricing, lacks_prompt
from adaptive.learn.importing.row import ImportedRow, ImportedSetting
from adaptive.types.attempt import Attempt, Round, RoundEnd
from adaptive.types.ladder import Rung
from adaptive.types.usage import Usage

MARK = "imported"
"""The name in the plan that only imported files have."""
TABLE = """CREATE TABLE imported (
    number INTEGER PRIMARY KEY,
    origin TEXT NOT NULL UNIQUE,
    question INTEGER NOT NULL REFERENCES questions (number),
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    effort TEXT NOT NULL,
    budget INTEGER,
    sample INTEGER NOT NULL,
    right INTEGER,
    output INTEGER NOT NULL,
    answered INTEGER,
    details BLOB NOT NULL
)"""
INDEX = "CREATE INDEX imported_order ON imported (question, name, model, effort, budget, sample, number)"


@dataclass(frozen=True)
class GradedRow:
    """A row with its verdict, its tokens and its question.

    right: None if a grader could not tell, or no right answer is known, with the reason in `why`. estimated: the
    names of the counts that are not exact.
    """

    row: ImportedRow
    question: Question
    right: bool | None
    why: str
    output: int
    prompt: int
    estimated: tuple[str, ...] = ()

    def to_details(self) -> dict[str, Any]:
        """Return what an attempt is made from beside its setting, in plain JSON types."""
        row = self.row
        return {
            "answer": row.answer, "reply": row.reply or "", "thought": row.thought, "thinking": row.thinking,
            "prompt": self.prompt, "cost": row.cost, "cut": row.cut, "failed": row.failed, "why": self.why,
            "estimated": list(self.estimated),
        }  # fmt: skip


@dataclass(frozen=True)
class ImportedFigures:
    """The attempts at a setting: their number, that of their questions, mean tokens.

    right: the share of the graded ones that is right; None if none is graded.
    """

    attempts: int
    questions: int
    right: float | None
    output: float


class ImportStore(OutcomeStore):
    """The open file; a context manager. It is made if it is missing.

    Raises:
        InputError: The file is damaged, or was not made by an import.
        AdaptiveError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, {MARK: True})

    def _prepare_tables(self) -> None:
        if tables := self._list_tables():
            if {"plan", "questions", "outcomes"} <= tables and MARK not in tables:
                raise InputError(
                    f"{self.path} was made by `adaptive record`, and imported rows would be mixed up with those: "
                    "name another file for --out."
                )
        else:
            self._create_tables({MARK: True})
            self._db.execute(TABLE)
            self._db.execute(INDEX)
        self._check_plan({})

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write the rows that the block adds together; if it raises, those before are written all the same."""
        with self._explain_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def has_row(self, origin: str) -> bool:
        """Return whether the row that `origin` identifies is there."""
        return self._db.execute("SELECT 1 FROM imported WHERE origin = ?", (origin,)).fetchone() is not None

    def add_row(self, graded: GradedRow, origin: str) -> None:
        """Add a row that is not there.

        Raises:
            InputError: The id of its question is there with another text or right answer.
        """
        row, setting = graded.row, graded.row.setting
        number = self._find_question(graded.question, row.place)
        known = row.thinking is not None or setting.is_direct
        details = json.dumps(graded.to_details(), ensure_ascii=False, separators=(",", ":"))
        answered = graded.output - min(row.thinking or 0, graded.output) if known else None
        values = (
            origin, number, setting.name, setting.model, setting.effort, setting.budget, row.sample, graded.right,
            graded.output, answered, zlib.compress(details.encode()),
        )  # fmt: skip
        sql = (
            "INSERT INTO imported (origin, question, name, model, effort, budget, sample, right, output, "
            "answered, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        self._db.execute(sql, values)

    def _find_question(self, question: Question, place: str) -> int:
        sql = "SELECT number, question, reference, grouped FROM questions WHERE id = ?"
        found = self._db.execute(sql, (question.id,)).fetchone()
        if found is None:
            new = (question.id, question.text, question.reference, question.group)
            self._db.execute("INSERT INTO questions (id, question, reference, grouped) VALUES (?, ?, ?, ?)", new)
            return int(self._db.execute("SELECT last_insert_rowid()").fetchone()[0])
        number, text, reference, _ = found
        if text != question.text or (reference and question.reference and reference != question.reference):
            raise InputError(
                f"{place} has the id {question.id!r} of another question or right answer in {self.path}: give "
                "each question its own id, or import into another file."
            )
        if question.reference and not reference:
            self._db.execute("UPDATE questions SET reference = ? WHERE number = ?", (question.reference, number))
        return int(number)

    def get_last_number(self) -> int:
        """Return the number of the newest row; 0 if there is none."""
        with self._explain_errors():
            return int(self._db.execute("SELECT coalesce(max(number), 0) FROM imported").fetchone()[0])

    def remove_after(self, number: int) -> None:
        """Remove the rows that are newer than this one, and questions without a row."""
        with self._explain_errors(), self._transaction():
            self._db.execute("DELETE FROM imported WHERE number > ?", (number,))
            self._db.execute("DELETE FROM questions WHERE number NOT IN (SELECT question FROM imported)")

    def count_rows(self) -> int:
        """Return the number of imported rows."""
        with self._explain_errors():
            return int(self._db.execute("SELECT count(*) FROM imported").fetchone()[0])

    def read_settings(self) -> list[SeenSetting]:
        """Return all settings, with names that tell them apart."""
        sql = (
            "SELECT name, model, effort, budget, max(output), max(answered), count(answered) = count(*) "
            "FROM imported GROUP BY name, model, effort, budget ORDER BY min(number)"
        )
        with self._explain_errors():
            rows = self._db.execute(sql).fetchall()
        several = len({model for _, model, *_ in rows}) > 1
        seen = []
        for name, model, effort, budget, output, answered, known in rows:
            setting = ImportedSetting(name, model, effort, budget)
            seen.append(SeenSetting(setting, setting.format(several), output, answered if known else None))
        return seen

    def summarise(self) -> dict[ImportedSetting, ImportedFigures]:
        """Return the figures of each setting."""
        sql = (
            "SELECT name, model, effort, budget, count(*), count(DISTINCT question), avg(right), "
            "avg(output) FROM imported GROUP BY name, model, effort, budget"
        )
        with self._explain_errors():
            rows = self._db.execute(sql).fetchall()
        return {ImportedSetting(*row[:4]): ImportedFigures(*row[4:]) for row in rows}

    def list_models(self) -> list[str]:
        """Return the names of the models that the rows tell."""
        with self._explain_errors():
            sql = "SELECT model FROM imported WHERE model != '' GROUP BY model ORDER BY min(number)"
            return [model for (model,) in self._db.execute(sql)]

    def find_unpaid(self) -> dict[str, bool]:
        """Return the models of rows that do not tell what was paid, and whether a prompt of these is not counted.

        A request that failed before it used a token costs nothing.
        """
        unpaid: dict[str, bool] = {}
        with self._explain_errors():
            for _, row in self._iter_rows():
                lacks = lacks_prompt(row.details["prompt"], row.details["estimated"])
                if row.details.get("cost") is None and (row.output or row.details["prompt"] or lacks):
                    model = row.setting.model
                    unpaid[model] = unpaid.get(model, False) or lacks
        return unpaid

    def settle(
        self, order: Sequence[str], plan: Mapping[str, Any], pricing: Pricing, models: Mapping[str, str]
    ) -> ImportedLadder:
        """Make the outcomes from all rows, and write the plan.

        Args:
            order: The names of the settings, cheap to dear; empty: their names tell.
            plan: The rest of the plan.
            pricing: What attempts cost.
            models: The model of a rung by the log's name of it; empty: all rungs are of the plan's model.

        Raises:
            InputError: The order is not known, or contradicts the budgets; or a cost is needed and not known.
        """
        built = build_ladder(self.read_settings(), order, models)
        places = {one.setting: i for i, one in enumerate(built.settings)}
        with self._explain_errors(), self._transaction():
            self._db.execute("DELETE FROM outcomes")
            for question, row in self._iter_rows():
                index = places[row.setting]
                outcome = make_outcome(row, built.ladder[index], index)
                self.add(question, pricing.add_cost(outcome, row.setting.model))
            values = {**plan, **built.to_plan()}
            self._db.execute("DELETE FROM plan WHERE name NOT IN ('format', ?)", (MARK,))
            rows = [(name, json.dumps(value)) for name, value in values.items()]
            self._db.executemany("INSERT INTO plan VALUES (?, ?)", rows)
        return built.reorder(self.read_ladder()) if len(built.ladder.models) > 1 else built

    def _iter_rows(self) -> Iterator[tuple[Question, KeptRow]]:
        """Yield the rows with their questions; the samples of a question at a setting in their order."""
        sql = (
            "SELECT q.id, q.question, q.reference, q.grouped, i.name, i.model, i.effort, i.budget, i.right, "
            "i.output, i.details FROM imported i JOIN questions q ON q.number = i.question "
            "ORDER BY i.question, i.name, i.model, i.effort, i.budget, i.sample, i.number"
        )
        before, sample = None, 0
        for *question_row, name, model, effort, budget, right, output, blob in self._db.execute(sql):
            question, setting = Question(*question_row), ImportedSetting(name, model, effort, budget)
            sample = sample + 1 if (question.id, setting) == before else 0
            before = question.id, setting
            graded = None if right is None else bool(right)
            yield question, KeptRow(setting, sample, graded, output, json.loads(unpack(blob)))


@dataclass(frozen=True)
class KeptRow:
    """A row of the table `imported`. sample: its number among those of its question and setting."""

    setting: ImportedSetting
    sample: int
    right: bool | None
    output: int
    details: Mapping[str, Any]


def make_outcome(row: KeptRow, rung: Rung, index: int) -> Outcome:
    """Return a row as an outcome at its rung, which is the `index`-th of the ladder."""
    details = row.details
    estimated = set(details["estimated"])
    thinking = details["thinking"]
    if thinking is None:
        thinking = row.output if rung.thinks else 0
        estimated |= {"thinking", "answer"} if rung.thinks else set()
    thinking = min(thinking, row.output)
    end: RoundEnd = "budget" if details["cut"] else "natural"
    usage = Usage(
        prompt=details["prompt"],
        thinking=thinking,
        answer=row.output - thinking,
        cost=details.get("cost"),
        estimated=tuple(sorted(estimated)),
    )
    key = replace(rung_to_key(rung), sample=row.sample)
    attempt = Attempt(
        rung=index, arm="vote" if row.sample else "first", effort=rung.effort, budget=rung.budget, waits=0,
        answer=details["answer"], text=details["reply"], thinking=details["thought"],
        status="failed" if details["failed"] else "answered", finish=end if thinking else "none",
        rounds=(Round(thinking, 0, end),) if thinking else (), usage=usage, reason=details["failed"],
    )  # fmt: skip
    return Outcome(key, attempt, row.right, details["prompt"], 0, details["why"])


def make_origin(row: ImportedRow) -> str:
    """Return what identifies a row: the log's own id of it, or all that it tells."""
    told = row.origin or json.dumps([
        row.id, row.question, row.right, row.output, row.thinking, row.prompt, row.reply, row.answer, row.sample,
    ])  # fmt: skip
    setting = row.setting
    whole = json.dumps([setting.name, setting.model, setting.effort, setting.budget, told])
    return hashlib.sha256(whole.encode()).hexdigest()[:24]
