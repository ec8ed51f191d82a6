"""Results of cells in a SQLite file. Each is written as soon as it is there, so that nothing is paid for twice.

The key of a cell is a digest of the prompt, the images' bytes, the setting, the temperature, the number of the
repeat and the options that its model was opened with. How answers are checked is no part of it, so another check
can judge the same answers. The file contains digests of prompts and images, and the models' replies; never a key,
a header or a password.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adaptive._util.redact import redact_address
from adaptive._util.sqlite import SqliteFile
from adaptive.compare.cell import Cell, CellResult
from adaptive.errors import InputError
from adaptive.solve_log import find_log_path
from adaptive.types.from_json import check_made

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
class ComparisonRequest:
    """What all cells of a comparison have in common.

    Attributes:
        prompt: The prompt's text.
        images: Digests of the images' bytes, or of their addresses.
        temperature: The sampling temperature; None for the model's own.
        engine: The options that token engines are opened with.
    """

    prompt: str
    images: tuple[str, ...] = ()
    temperature: float | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)

    def make_key(self, cell: Cell) -> str:
        """Return the digest that identifies a cell of this request."""
        model, effort, cap = cell.setting
        parts = [self.prompt, self.images, redact_address(model), effort, cap, self.temperature, cell.repeat]
        return hash_bytes(json.dumps([*parts, dict(self.engine)], sort_keys=True).encode())


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def get_default_cache_path() -> Path:
    """Return the path of `compare.db` beside the log of solves."""
    return find_log_path().with_name("compare.db")


class CellCache(SqliteFile):
    """The open cache, a context manager. A file of another format is refused (`InputError`) and not migrated."""

    KIND, REMEDY = "cache", "name another with --cache"

    def _prepare_tables(self) -> None:
        tables = self._list_tables()
        if tables and (self._get_version() != 1 or "cells" not in tables):
            raise InputError(f"{self.path} is no cache of comparisons of this version: {self.REMEDY}.")
        self._migrate((SCHEMA,))

    def get(self, request: ComparisonRequest, cell: Cell) -> CellResult | None:
        """Return a cell's result from an earlier run, or None."""
        with self._explain_errors():
            row = self._db.execute("SELECT bought FROM cells WHERE key = ?", (request.make_key(cell),)).fetchone()
            if row is None:
                return None
            result = CellResult.from_json(json.loads(row[0]))
            check_made(CellResult, result, "the result")
            return result

    def add(self, request: ComparisonRequest, cell: Cell, result: CellResult) -> None:
        """Store a cell's result in place of any earlier one."""
        model, effort, cap = cell.setting
        time = datetime.now(UTC).isoformat()
        text = json.dumps(result.to_json(), ensure_ascii=False)
        row = (request.make_key(cell), time, redact_address(model), effort, cap, cell.repeat, text)
        with self._explain_errors():
            self._db.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def hash_images(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return digests of image blocks, by their bytes or else their address."""
    return tuple(hash_bytes(str(block.get("base64") or block.get("url")).encode()) for block in blocks)
