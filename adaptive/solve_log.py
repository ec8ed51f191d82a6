"""The log of solves, a SQLite file: the result object of each, the columns to search by, and feedback.

It never holds keys, environment variables or passwords: those in a model's address are masked. Several processes
may write at once. Older files are migrated on opening, newer ones are refused.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

from adaptive._util.files import find_data_folder
from adaptive._util.redact import explain_failure, redact_address
from adaptive._util.sqlite import SqliteFile
from adaptive._util.surrogates import mend_surrogates
from adaptive.errors import AdaptiveError, InputError

LOG = logging.getLogger("adaptive")
COPIED_COLUMNS = ("question", "model", "profile", "answer", "status", "rung")

# Step i brings the file from version i to i + 1. Only add to the end: existing files have run the others.
MIGRATIONS: tuple[str, ...] = (
    """CREATE TABLE solves (
        id INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        question TEXT NOT NULL,
        model TEXT NOT NULL,
        profile TEXT,
        answer TEXT,
        status TEXT NOT NULL,
        accepted INTEGER NOT NULL,
        rung INTEGER,
        tokens INTEGER,
        seconds REAL,
        result TEXT NOT NULL
    )""",
    """CREATE TABLE feedback (
        solve INTEGER NOT NULL REFERENCES solves (id),
        source TEXT NOT NULL,
        right INTEGER NOT NULL,
        answer TEXT,
        time TEXT NOT NULL,
        PRIMARY KEY (solve, source)
    ) WITHOUT ROWID""",
    # A solve that was not verified has a null there, as in its result; the column did not allow it.
    "ALTER TABLE solves DROP COLUMN accepted",
    "ALTER TABLE solves ADD COLUMN accepted INTEGER",
    "UPDATE solves SET accepted = json_extract(result, '$.accepted')",
)

SHOWN: Mapping[str, type | tuple[type, ...]] = {
    "status": str, "question": str, "model": str, "attempts": list, "difficulty": dict, "usage": dict,
    "answer": (str, NoneType), "profile": (str, NoneType),
}  # fmt: skip
"""What every logged result has."""


@dataclass(frozen=True)
class Feedback:
    """Feedback on a solve.

    Attributes:
        right: Whether its answer is right.
        answer: The right answer, if it was given.
        time: When the feedback was given (UTC, ISO 8601).
    """

    right: bool
    answer: str | None
    time: str


@dataclass(frozen=True)
class LoggedSolve:
    """A logged solve.

    Attributes:
        id: Its number.
        time: When it ended (UTC, ISO 8601).
        result: Its result object.
        feedback: Feedback by source: "user".
    """

    id: int
    time: str
    result: dict[str, Any]
    feedback: Mapping[str, Feedback] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the result object, with `id` and `time` before it and any `feedback` after it."""
        feedback = {source: asdict(one) for source, one in self.feedback.items()}
        return {"id": self.id, "time": self.time, **self.result, **({"feedback": feedback} if feedback else {})}


def find_log_path() -> Path:
    """Return where solves are logged: `ADAPTIVE_LOG`, or `solves.db` in the user's data folder."""
    if path := os.environ.get("ADAPTIVE_LOG"):
        return Path(os.path.expanduser(path))
    return find_data_folder() / "solves.db"


@contextmanager
def explain_damage(solve: LoggedSolve) -> Iterator[None]:
    """Say that a logged solve is damaged if what is read of it in the block is not there, or something else."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise AdaptiveError(
            f"solve {solve.id} in the log is damaged: name another file in ADAPTIVE_LOG."
        ) from error


class SolveLog(SqliteFile):
    """The open log; a context manager. The file and its folder are made if they are missing.

    Raises `AdaptiveError` if the file is not a log of ours or cannot be written.
    """

    KIND, REMEDY = "log", "name another file in ADAPTIVE_LOG, or solve with --no-log"

    def add(self, result: dict[str, Any]) -> int:
        """Log a result object (design §8); return its number."""
        result = mend_surrogates(_redact_passwords(result))
        usage = result.get("usage", {})
        row = {
            "time": _format_now(),
            **{name: result.get(name) for name in COPIED_COLUMNS},
            "accepted": result.get("accepted"),
            "tokens": usage.get("total"),
            "seconds": usage.get("seconds"),
            "result": json.dumps(result, ensure_ascii=False),
        }
        sql = f"INSERT INTO solves ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
        with self._explain_errors():
            return int(self._db.execute(sql, row).lastrowid or 0)

    def add_or_warn(self, result: dict[str, Any]) -> None:
        """Log a result object; a failure is a warning, since the answer, which was paid for, must not be lost."""
        try:
            self.add(result)
        except Exception as error:  # noqa: BLE001 -- whatever it is
            LOG.warning("a solve is not logged: %s", explain_failure(error))

    def add_feedback(
        self, number: int, right: bool, answer: str | None = None, source: str = "user"
    ) -> LoggedSolve:
        """Log whether the answer of a solve is right, in place of earlier feedback from this source.

        Args:
            number: The solve's number.
            right: Whether its answer is right.
            answer: The right answer, if it is known.
            source: Who gives the feedback.

        Returns:
            The solve with all its feedback.

        Raises:
            InputError: No solve has this number.
        """
        self.get(number)
        sql = "INSERT OR REPLACE INTO feedback (solve, source, right, answer, time) VALUES (?, ?, ?, ?, ?)"
        with self._explain_errors():
            self._db.execute(sql, (number, source, int(right), mend_surrogates(answer), _format_now()))
        return self.get(number)

    def list_recent(self, count: int = 10, search: str | None = None) -> list[LoggedSolve]:
        """Return the last `count` solves (0: all), oldest first, whose question or answer contains `search`."""
        where = "WHERE question LIKE :like ESCAPE '\\' OR answer LIKE :like ESCAPE '\\'" if search else ""
        like = "%" + re.sub(r"([\\%_])", r"\\\1", mend_surrogates(search or "")) + "%"
        sql = f"SELECT id, time, result FROM solves {where} ORDER BY id DESC LIMIT :count"
        return self._select_solves(sql, {"like": like, "count": count or -1})[::-1]

    def get(self, number: int) -> LoggedSolve:
        """Return the solve with this number; raise `InputError` if there is none."""
        solves = self._select_solves("SELECT id, time, result FROM solves WHERE id = :id", {"id": number})
        if not solves:
            raise InputError(f"solve {number} is not in the log {self.path}: `adaptive logs` lists what is.")
        return solves[0]

    def _select_solves(self, sql: str, values: dict[str, Any]) -> list[LoggedSolve]:
        with self._explain_errors():
            rows = self._db.execute(sql, values).fetchall()
            feedback = self._select_feedback([number for number, _, _ in rows])
        return [
            LoggedSolve(number, str(time), self._read_result(number, result), feedback.get(number, {}))
            for number, time, result in rows
        ]

    def _read_result(self, number: int, text: str) -> dict[str, Any]:
        try:
            result = json.loads(text)
        except (TypeError, ValueError, RecursionError):  # TypeError: the cell holds no text
            result = None
        if not isinstance(result, dict) or not all(isinstance(result.get(k), v) for k, v in SHOWN.items()):
            raise AdaptiveError(f"solve {number} in the log {self.path} is damaged: {self.REMEDY}.")
        return result

    def _select_feedback(self, numbers: list[int]) -> dict[int, dict[str, Feedback]]:
        feedback: dict[int, dict[str, Feedback]] = {}
        sql = (
            "SELECT solve, source, right, answer, time FROM feedback "
            "WHERE solve IN (SELECT value FROM json_each(?))"
        )
        for number, source, right, answer, time in self._db.execute(sql, (json.dumps(numbers),)):
            text = None if answer is None else str(answer)
            feedback.setdefault(number, {})[str(source)] = Feedback(bool(right), text, str(time))
        return feedback

    def _check_tables(self) -> None:
        self._check_version()
        if self._get_version() < len(MIGRATIONS):
            raise AdaptiveError(
                f"the log {self.path} was written by an older adaptive: `adaptive logs` brings it up to date."
            )

    def _prepare_tables(self) -> None:
        self._check_version()
        self._migrate(MIGRATIONS)

    def _check_version(self) -> None:
        if (version := self._get_version()) > len(MIGRATIONS):
            raise AdaptiveError(
                f"the log {self.path} was written by a newer adaptive (version {version}, this one knows "
                f"{len(MIGRATIONS)}): update adaptive, or name another file in ADAPTIVE_LOG."
            )


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _redact_passwords(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result with its models' addresses masked everywhere: reasons and notes name them too."""
    text = json.dumps(result)
    explored = result.get("explored", {}).get("attempts", [])
    for model in {str(one["model"]) for one in (result, *result["attempts"], *explored) if "model" in one}:
        text = text.replace(json.dumps(model)[1:-1], json.dumps(redact_address(model))[1:-1])
    cleaned: dict[str, Any] = json.loads(text)
    return cleaned
