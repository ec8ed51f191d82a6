"""What was paid for, in a SQLite file: written as soon as it is there, so that nothing is paid twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from adaptive.errors import AdaptiveError, InputError


class CacheFile:
    """The open file, with one table. A context manager; makes the file and its folder when missing.

    Raises `InputError` for a file that is no such cache of this format, and `AdaptiveError` where it cannot be
    used: so whoever opens it first knows that what is paid for afterwards can be kept. Any thread may use it.
    """

    FORMAT: ClassVar[int]
    TABLE: ClassVar[str]
    SCHEMA: ClassVar[str]
    CONTENT: ClassVar[str]
    """What it is a cache of, in words."""
    REMEDY: ClassVar[str]
    """What to do where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explain_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # what is asked and answered is private
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with self._explain_errors():
                self._prepare_schema()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; the cache cannot be used afterwards."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare_schema(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._db.execute(self.SCHEMA)
                self._db.execute(f"PRAGMA user_version = {self.FORMAT}")
            self._check_format()
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _check_format(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version != self.FORMAT or self.TABLE not in tables:
            raise InputError(f"{self.path} is no cache of {self.CONTENT} of this version: {self.REMEDY}.")

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """SQLite's and the system's errors, and those of a row that is none, as one sentence."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, KeyError, TypeError) as error:
            what = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise AdaptiveError(f"the cache {self.path} cannot be used ({what}): {self.REMEDY}.") from error


BUSY_SECONDS = 10.0
