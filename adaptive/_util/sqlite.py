"""SQLite files: opened or made, brought up to date, and their errors explained in one sentence."""

from __future__ import annotations

import sqlite3
import zlib
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from adaptive._util.closing import Closing
from adaptive.errors import AdaptiveError

BUSY_SECONDS = 30.0
"""How long a call waits while another process holds the file."""

FILE_ERRORS = (
    sqlite3.Error, zlib.error, OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip
"""What SQLite, the system, and a row with unexpected content raise."""


class SqliteFile(Closing):
    """An open SQLite file; a context manager. Any thread may use it, several processes may write at once.

    A new file can be read by its owner alone. Opening takes the write lock once. So a file that cannot be written
    fails before anything is paid for.

    Args:
        path: The file.
        read_only: Whether it is only read: then it must be there, and nothing is made, migrated or locked.
    """

    KIND: ClassVar[str]
    """What the file is, in error sentences: "log", "cache"."""
    REMEDY: ClassVar[str]
    """What a user can do if the file cannot be used."""
    MAKES_FOLDER: ClassVar[bool] = True
    """Whether the folder of the file is made if it is missing."""
    SYNCHRONOUS: ClassVar[str] = "FULL"
    """SQLite's `synchronous`. NORMAL may lose the last rows in a power cut, none when the process is killed."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        with self._explain_errors():
            if not read_only:
                if self.MAKES_FOLDER:
                    path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._explain_errors():
                if read_only:
                    self._check_tables()
                else:
                    self._prepare_file()
        except BaseException:
            self._db.close()
            raise

    def _prepare_file(self) -> None:
        if self._db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {self.SYNCHRONOUS}")
        with self._transaction():
            self._prepare_tables()

    def close(self) -> None:
        """Close the file; it cannot be used afterwards."""
        self._db.close()

    @abstractmethod
    def _prepare_tables(self) -> None:
        """Make the tables or bring them up to date, in a transaction. Raise if the file is not ours."""

    def _check_tables(self) -> None:
        """Raise if a file that is only read is not ours."""
        raise NotImplementedError(f"a {self.KIND} is not opened to be only read")

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
