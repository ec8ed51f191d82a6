"""The SQLite file that holds solves: the result object of each, the columns one searches by, and feedback.

It never holds keys, environment variables or passwords: those inside a model's address are masked.
Several processes may write at once. Older files are brought up to date on opening, newer ones are refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adaptive._util.redact import redact_address
from adaptive._util.sqlite import SqliteFile
from adaptive.errors import AdaptiveError, InputError

COPIED_COLUMNS = ("question", "model", "profile", "answer", "status", "rung")

# Each entry brings the file from version i to i + 1. Only add to the end: existing files have run the others.
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
)


@dataclass(frozen=True)
class Feedback:
    """What was said of a solve afterwards: whether its answer is right, the right one where it was given too.

    time: when it was said (UTC, ISO 8601).
    """

    right: bool
    answer: str | None
    time: str


@dataclass(frozen=True)
class LoggedSolve:
    """One logged solve: its number, when it ended (UTC, ISO 8601) and its result object.

    feedback: what was said of it afterwards, by who said it: "user".
    """

    id: int
    time: str
    result: dict[str, Any]
    feedback: Mapping[str, Feedback] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The result object, with `id` and `time` before it and what there is of `feedback` after it."""
        said = {source: asdict(word) for source, word in self.feedback.items()}
        return {"id": self.id, "time": self.time, **self.result, **({"feedback": said} if said else {})}


def find_log_path() -> Path:
    """Where solves are logged: `ADAPTIVE_LOG`, or `solves.db` in the user's data folder."""
    if named := os.environ.get("ADAPTIVE_LOG"):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("adaptive", appauthor=False)) / "solves.db"


class SolveLog(SqliteFile):
    """The open log; a context manager. The file and its folder are made if they are missing.

    Raises `AdaptiveError` if the file is not a log of ours or cannot be written.
    """

    KIND, REMEDY = "log", "name another file in ADAPTIVE_LOG, or solve with --no-log"

    def add(self, result: dict[str, Any]) -> int:
        """Log one result object (design §8); returns its number."""
        result = _redact_passwords(result)
        usage = result.get("usage", {})
        row = {
            "time": _format_now(),
            **{name: result.get(name) for name in COPIED_COLUMNS},
            "accepted": int(bool(result.get("accepted"))),
            "tokens": usage.get("total"),
            "seconds": usage.get("seconds"),
            "result": json.dumps(result, ensure_ascii=False),
        }
        sql = f"INSERT INTO solves ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
        with self._explain_errors():
            return int(self._db.execute(sql, row).lastrowid or 0)

    def add_feedback(
        self, number: int, right: bool, answer: str | None = None, source: str = "user"
    ) -> LoggedSolve:
        """Write down whether the answer of a solve is right, over what this source said of it before.

        answer: the right one, None where it was not told. Returns the solve with all that was said of it; raises
        `InputError` if there is none with this number.
        """
        self.get(number)
        sql = "INSERT OR REPLACE INTO feedback (solve, source, right, answer, time) VALUES (?, ?, ?, ?, ?)"
        with self._explain_errors():
            self._db.execute(sql, (number, source, int(right), answer, _format_now()))
        return self.get(number)

    def list_recent(self, count: int = 10, search: str | None = None) -> list[LoggedSolve]:
        """The last `count` solves (0: all), oldest first, whose question or answer holds `search`."""
        where = "WHERE question LIKE :like ESCAPE '\\' OR answer LIKE :like ESCAPE '\\'" if search else ""
        like = "%" + re.sub(r"([\\%_])", r"\\\1", search or "") + "%"
        sql = f"SELECT id, time, result FROM solves {where} ORDER BY id DESC LIMIT :count"
        return self._select_solves(sql, {"like": like, "count": count or -1})[::-1]

    def get(self, number: int) -> LoggedSolve:
        """The solve with this number; raises `InputError` if there is none."""
        found = self._select_solves("SELECT id, time, result FROM solves WHERE id = :id", {"id": number})
        if not found:
            raise InputError(f"solve {number} is not in the log {self.path}: `adaptive logs` lists what is.")
        return found[0]

    def _select_solves(self, sql: str, values: dict[str, Any]) -> list[LoggedSolve]:
        with self._explain_errors():
            rows = self._db.execute(sql, values).fetchall()
            said = self._select_feedback([number for number, _, _ in rows])
        return [
            LoggedSolve(number, time, json.loads(result), said.get(number, {})) for number, time, result in rows
        ]

    def _select_feedback(self, numbers: list[int]) -> dict[int, dict[str, Feedback]]:
        """What was said of these solves."""
        found: dict[int, dict[str, Feedback]] = {}
        sql = (
            "SELECT solve, source, right, answer, time FROM feedback "
            "WHERE solve IN (SELECT value FROM json_each(?))"
        )
        for number, source, right, answer, time in self._db.execute(sql, (json.dumps(numbers),)):
            found.setdefault(number, {})[source] = Feedback(bool(right), answer, time)
        return found

    def _prepare_tables(self) -> None:
        if (version := self._get_version()) > len(MIGRATIONS):
            raise AdaptiveError(
                f"the log {self.path} was written by a newer adaptive (version {version}, this one knows "
                f"{len(MIGRATIONS)}): update adaptive, or name another file in ADAPTIVE_LOG."
            )
        self._migrate(MIGRATIONS)


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _redact_passwords(result: dict[str, Any]) -> dict[str, Any]:
    """The result with its models' addresses masked wherever they are: attempts, reasons, notes name them too."""
    text = json.dumps(result)
    for model in {str(one["model"]) for one in (result, *result["attempts"]) if "model" in one}:
        text = text.replace(json.dumps(model)[1:-1], json.dumps(redact_address(model))[1:-1])
    cleaned: dict[str, Any] = json.loads(text)
    return cleaned
