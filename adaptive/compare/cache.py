"""Cells that were paid for, in a SQLite file: written as soon as each is, so that nothing is paid twice.

A cell is found by the prompt, the images' bytes, the setting, the temperature, the number of its repeat and what
else its model was opened with. How answers are checked is no part of that: other checks judge the same answers. In
the file are digests of prompts and images, and what the models said; never a key, a header or a password.
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
    """What all cells of a comparison are asked with.

    images: digests of their bytes, or of their addresses. temperature: None for the model's own. engine: what
    token engines are opened with beside the model.
    """

    prompt: str
    images: tuple[str, ...] = ()
    temperature: float | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)

    def make_key(self, cell: Cell) -> str:
        """The digest of all that a cell is asked with."""
        model, effort, cap = cell.setting
        asked = [self.prompt, self.images, redact_address(model), effort, cap, self.temperature, cell.repeat]
        return hash_bytes(json.dumps([*asked, dict(self.engine)], sort_keys=True).encode())


def hash_bytes(data: bytes) -> str:
    """The SHA-256 of some bytes, as text."""
    return hashlib.sha256(data).hexdigest()


def get_default_cache_path() -> Path:
    """`compare.db` beside the log of solves."""
    return find_log_path().with_name("compare.db")


class CellCache(SqliteFile):
    """The open file; a context manager. A file of another format is refused (`InputError`) and not migrated."""

    KIND, REMEDY = "cache", "name another with --cache"

    def _prepare_tables(self) -> None:
        tables = self._list_tables()
        if tables and (self._get_version() != 1 or "cells" not in tables):
            raise InputError(f"{self.path} is no cache of comparisons of this version: {self.REMEDY}.")
        self._migrate((SCHEMA,))

    def get(self, asking: ComparisonRequest, cell: Cell) -> CellResult | None:
        """What a cell bought in an earlier run; None if it was not asked."""
        with self._explain_errors():
            found = self._db.execute("SELECT bought FROM cells WHERE key = ?", (asking.make_key(cell),)).fetchone()
            return None if found is None else CellResult.from_json(json.loads(found[0]))

    def add(self, asking: ComparisonRequest, cell: Cell, result: CellResult) -> None:
        """Keep what a cell bought, over what it bought before."""
        model, effort, cap = cell.setting
        said = json.dumps(result.to_json(), ensure_ascii=False)
        row = (
            asking.make_key(cell),
            datetime.now(UTC).isoformat(),
            redact_address(model),
            effort,
            cap,
            cell.repeat,
            said,
        )
        with self._explain_errors():
            self._db.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def hash_images(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Digests of image blocks, of their bytes or their address."""
    return tuple(hash_bytes(str(one.get("base64") or one.get("url")).encode()) for one in blocks)
