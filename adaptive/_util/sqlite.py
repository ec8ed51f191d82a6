"""SQLite files: opened or made, brought up to date, and their errors explained in one sentence."""

from __future__ import annotations

import sqlite3
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from adaptive.errors import AdaptiveError

BUSY_SECONDS = 30.0
"""How long a call waits while another process holds the file."""

FILE_ERRORS = (sqlite3.Error, zlib.error, OSError, ValueError, KeyError, TypeError)
"""What SQLite, the system, and a row with unexpected content raise."""


class SqliteFile(ABC):
    """An open SQLite file; a context manager. Any thread may use it, several processes may write at once.

    Opening takes the write lock once. So a file that cannot be written fails before anything is paid for.
    """

    KIND: ClassVar[str]
    """What the file is, in error sentences: "log", "cache"."""
    REMEDY: ClassVar[str]
    """What a user can do if the file cannot be used."""
    PRIVATE: ClassVar[bool] = True
    """Only the owner may read the file; its folder is made if it is missing."""
    SYNCHRONOUS: ClassVar[str] = "FULL"
    """SQLite's `synchronous`. NORMAL may lose the last rows in a power cut, none when the process is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explain_errors():
            if self.PRIVATE:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with self._explain_errors():
                if self._db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute(f"PRAGMA synchronous = {self.SYNCHRONOUS}")
                with self._transaction():
                    self._prepare_tables()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _prepare_tables(self) -> None:
        """Make the tables or bring them up to date, in a transaction. Raise if the file is not ours."""

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction that keeps other writers out. IMMEDIATE: it fails here if the file cannot be written."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Raise the errors of the block as one sentence."""
        try:
            yield
        except FILE_ERRORS as error:
            raise self._build_error(error) from error

    def _build_error(self, error: Exception) -> AdaptiveError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return AdaptiveError(f"the {self.KIND} {self.path} cannot be used ({reason}): {self.REMEDY}.")

    def _get_version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _list_tables(self) -> set[str]:
        return {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def _migrate(self, steps: tuple[str, ...]) -> None:
        """Run the steps that the file has not seen yet; step i brings it from version i to i + 1."""
        for step in steps[self._get_version() :]:
            self._db.execute(step)
        self._db.execute(f"PRAGMA user_version = {len(steps)}")
