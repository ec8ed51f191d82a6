"""The batches that were submitted, in the file of their outcomes: a row each, written before the batch is sent.

Every request has a row too, with its call in the `CallJournal` and, once it is there, its reply. So a killed run
goes on with the batch that it sent, and a reply is there for whoever asks for it again.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptive._util.files import unpack
from adaptive.learn.data.call_journal import CallJournal

BATCHES = """CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY,
    token TEXT,
    started REAL,
    id TEXT,
    model TEXT NOT NULL
)"""
REQUESTS = """CREATE TABLE IF NOT EXISTS batch_requests (
    digest TEXT PRIMARY KEY,
    attempt TEXT NOT NULL,
    batch INTEGER NOT NULL REFERENCES batches (number),
    place INTEGER NOT NULL,
    call INTEGER NOT NULL REFERENCES calls (number),
    reply BLOB
) WITHOUT ROWID"""


@dataclass(frozen=True)
class OpenBatch:
    """A batch without its replies.

    number: its row. token: is part of its custom ids. started: when it was submitted, in seconds since the epoch.
    id: the provider's; None if the submission was cut off. count: how many requests it has. most: the most dollars
    that they may cost; None if that is not known. model: the spec of their model.
    """

    number: int
    token: str
    started: float
    id: str | None
    count: int
    most: float | None
    model: str


@dataclass(frozen=True)
class StoredReply:
    """A reply from a batch: the JSON body, and the number of its call."""

    call: int
    body: Any


class BatchJournal(CallJournal):
    """The open journal of a file of outcomes; a context manager.

    Raises:
        AdaptiveError: The file cannot be used.
    """

    def _prepare_tables(self) -> None:
        super()._prepare_tables()
        self._db.execute(BATCHES)
        self._db.execute(REQUESTS)

    def begin_batch(
        self, token: str, requests: Sequence[tuple[str, str, float | None]], model: str
    ) -> tuple[OpenBatch, list[int]]:
        """Write that a batch is submitted.

        Args:
            token: The token of the batch.
            requests: Of each the digest, the name of its attempt, and the most dollars that it may cost.
            model: The spec of their model.

        Returns:
            The batch, and the numbers of the requests' calls.
        """
        calls = list[int]()
        with self._explain_errors(), self._transaction():
            number = self._db.execute(
                "INSERT INTO batches (token, started, model) VALUES (?, ?, ?)", (token, time.time(), model)
            ).lastrowid
            for place, (digest, attempt, most) in enumerate(requests):
                calls.append(self._insert_call(most))
                row = (digest, attempt, number, place, calls[-1])
                self._db.execute("INSERT INTO batch_requests VALUES (?, ?, ?, ?, ?, NULL)", row)
        return next(one for one in self.list_open() if one.number == number), calls

    def name_batch(self, number: int, id: str) -> None:
        """Write the provider's id of a batch."""
        with self._explain_errors():
            self._db.execute("UPDATE batches SET id = ? WHERE number = ?", (id, number))

    def list_open(self) -> list[OpenBatch]:
        """Return the batches whose replies are not there yet."""
        sql = (
            "SELECT b.number, b.token, b.started, b.id, count(*), "
            "CASE WHEN count(c.most) = count(*) THEN sum(c.most) END, b.model "
            "FROM batches b JOIN batch_requests r ON r.batch = b.number JOIN calls c ON c.number = r.call "
            "WHERE r.reply IS NULL GROUP BY b.number ORDER BY b.number"
        )
        with self._explain_errors():
            return [OpenBatch(*row) for row in self._db.execute(sql).fetchall()]

    def end_batch(self, number: int, replies: Mapping[int, Any | None]) -> None:
        """Keep the replies of a batch that ended.

        Args:
            number: The batch.
            replies: The body of each reply by its place; None for a request that failed, which costs nothing. A
                request that is not among them counts with the most that it may have cost.
        """
        kept = [
            (zlib.compress(json.dumps(body).encode()), number, place)
            for place, body in replies.items()
            if body is not None
        ]
        failed = [(number, place) for place, body in replies.items() if body is None]
        with self._explain_errors(), self._transaction():
            self._db.executemany("UPDATE batch_requests SET reply = ? WHERE batch = ? AND place = ?", kept)
            self._db.executemany(
                "UPDATE calls SET cost = 0, most = NULL WHERE number = "
                "(SELECT call FROM batch_requests WHERE batch = ? AND place = ?)",
                failed,
            )
            self._db.execute("DELETE FROM batch_requests WHERE batch = ? AND reply IS NULL", (number,))

    def cancel_batch(self, batch: OpenBatch) -> None:
        """Remove a batch that the provider does not have: its requests cost nothing."""
        self.end_batch(batch.number, dict.fromkeys(range(batch.count)))

    def find_reply(self, digest: str) -> StoredReply | None:
        """Return the reply to a request; None if there is none."""
        sql = "SELECT call, reply FROM batch_requests WHERE digest = ? AND reply IS NOT NULL"
        with self._explain_errors():
            row = self._db.execute(sql, (digest,)).fetchone()
            return StoredReply(row[0], json.loads(unpack(row[1]))) if row else None

    def drop_reply(self, call: int) -> None:
        """Remove the reply to a call, which cannot be read: the request is made again."""
        with self._explain_errors():
            self._db.execute("DELETE FROM batch_requests WHERE call = ?", (call,))

    def drop_replies(self, attempt: str) -> None:
        """Remove the replies of an attempt that is in the file: nobody will ask for them again."""
        with self._explain_errors():
            self._db.execute("DELETE FROM batch_requests WHERE attempt = ? AND reply IS NOT NULL", (attempt,))

    def sum_open_calls(self) -> tuple[int, float]:
        """Return what `CallJournal.sum_open_calls` does, of calls outside of batches: those are not lost."""
        sql = (
            "SELECT count(*), total(most) FROM calls WHERE cost IS NULL AND most IS NOT NULL "
            "AND number NOT IN (SELECT call FROM batch_requests)"
        )
        with self._explain_errors():
            calls, dollars = self._db.execute(sql).fetchone()
        return int(calls), float(dollars)
