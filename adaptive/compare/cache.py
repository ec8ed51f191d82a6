"""Cells that were paid for, in a SQLite file: written as soon as each is, so that nothing is paid twice.

A cell is found by the prompt, the images' bytes, the setting, the temperature, the number of its repeat and what
else its model was opened with. How answers are checked is no part of that: other checks judge the same answers. In
the file are digests of prompts and images, and what the models said; never a key, a header or a password.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from adaptive.compare.cell import Bought, Cell
from adaptive.errors import AdaptiveError, InputError
from adaptive.store import BUSY_SECONDS, default_path, masked

FORMAT = 1
SCHEMA = """CREATE TABLE cells (
    key TEXT PRIMARY KEY,
    time TEXT NOT NULL,
    model TEXT NOT NULL,
    effort TEXT NOT NULL,
    cap INTEGER NOT NULL,
    repeat INTEGER NOT NULL,
    bought TEXT NOT NULL
) WITHOUT ROWID"""


@dataclass(frozen=True)
class Asking:
    """What all cells of a comparison are asked with.

    images: digests of their bytes, or of their addresses. temperature: None for the model's own. engine: what
    token engines are opened with beside the model.
    """

    prompt: str
    images: tuple[str, ...] = ()
    temperature: float | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)

    def key(self, cell: Cell) -> str:
        """The digest of all that a cell is asked with."""
        model, effort, cap = cell.setting
        asked = [self.prompt, self.images, masked(model), effort, cap, self.temperature, cell.repeat]
        return digest(json.dumps([*asked, dict(self.engine)], sort_keys=True).encode())


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, as text."""
    return hashlib.sha256(data).hexdigest()


def default_cache() -> Path:
    """`compare.db` beside the log of solves."""
    return default_path().with_name("compare.db")


class Cache:
    """The open file. A context manager; makes the file and its folder when missing.

    Raises `InputError` for a file that is no cache of this format, and `AdaptiveError` where it cannot be used: so
    whoever opens it first knows that what is paid for afterwards can be kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # answers are private
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            with self._explained():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def get(self, asking: Asking, cell: Cell) -> Bought | None:
        """What a cell bought in an earlier run; None if it was not asked."""
        with self._explained():
            found = self._db.execute("SELECT bought FROM cells WHERE key = ?", (asking.key(cell),)).fetchone()
            return None if found is None else Bought.from_json(json.loads(found[0]))

    def add(self, asking: Asking, cell: Cell, bought: Bought) -> None:
        """Keep what a cell bought, over what it bought before."""
        model, effort, cap = cell.setting
        said = json.dumps(bought.to_json(), ensure_ascii=False)
        row = (asking.key(cell), datetime.now(UTC).isoformat(), masked(model), effort, cap, cell.repeat, said)
        with self._explained():
            self._db.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file; the cache cannot be used afterwards."""
        self._db.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._db.execute(SCHEMA)
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
            self._check()
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _check(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version != FORMAT or "cells" not in tables:
            raise InputError(f"{self.path} is no cache of comparisons of this version: name another with --cache.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's and the system's errors, and those of a row that is none, as one sentence."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, KeyError, TypeError) as error:
            what = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise AdaptiveError(
                f"the cache {self.path} cannot be used ({what}): name another with --cache."
            ) from error


def image_digests(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Digests of image blocks, of their bytes or their address."""
    return tuple(digest(str(one.get("base64") or one.get("url")).encode()) for one in blocks)
