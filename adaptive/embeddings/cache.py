"""Embeddings that were made, in a SQLite file: no text is embedded twice by one model.

In the file are digests of model and text, and the vectors; it stands beside the log of solves, and is as private.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from adaptive._util.aio import run_concurrently
from adaptive._util.sqlite import CacheFile
from adaptive.embeddings.protocol import Embedder, Vectors
from adaptive.errors import AdaptiveError
from adaptive.solve_log import find_log_path


def default_kept() -> Path:
    """`embeddings.db` beside the log of solves."""
    return find_log_path().with_name("embeddings.db")


class Kept(CacheFile):
    """The open file; a context manager. `name` is an embedding model's (`Embedder.name`)."""

    TABLE = "vectors"
    SCHEMA = "CREATE TABLE vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
    CONTENT, REMEDY = "embeddings", "move it away, or name another log in ADAPTIVE_LOG, beside which it stands"

    def get(self, name: str, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that there are of these texts, shape (D,) each."""
        keys = {key_of(name, text): text for text in texts}
        sql = "SELECT key, vector FROM vectors WHERE key IN (SELECT value FROM json_each(?))"
        with self._explain_errors():
            rows = self._db.execute(sql, (json.dumps(list(keys)),)).fetchall()
            return {keys[key]: np.frombuffer(vector, dtype="<f4") for key, vector in rows}

    def add(self, name: str, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep what a model made of some texts, shape (n, D)."""
        made = [(key_of(name, t), v.astype("<f4").tobytes()) for t, v in zip(texts, vectors, strict=True)]
        with self._explain_errors(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", made)


def key_of(name: str, text: str) -> str:
    """The digest of a model's name and a text."""
    return hashlib.sha256(json.dumps([name, text]).encode()).hexdigest()


def missing(kept: Kept, name: str, texts: Sequence[str]) -> list[str]:
    """The texts that this model was not given yet, each once."""
    there = kept.get(name, texts)
    return [text for text in dict.fromkeys(texts) if text not in there]


async def fill(
    kept: Kept, embedder: Embedder, texts: Sequence[str], tell: Callable[[], None] = lambda: None
) -> None:
    """Embed texts and keep each batch as soon as it is there; `tell` is called for each text.

    Cut off, what was kept is not asked for again. The first error ends it.
    """

    async def one(batch: Sequence[str]) -> None:
        vectors = await asyncio.to_thread(embedder.embed, batch)
        kept.add(embedder.name, batch, vectors)
        for _ in batch:
            tell()

    batches = [texts[i : i + embedder.batch] for i in range(0, len(texts), embedder.batch)]
    await run_concurrently(batches, embedder.parallel, one)


def gathered(found: dict[str, Vectors], texts: Sequence[str], who: str) -> Vectors:
    """The vectors of texts in their order, shape (n, D); raises `AdaptiveError` where their lengths differ."""
    if len(lengths := {len(found[text]) for text in texts}) > 1:
        several = " and ".join(map(str, sorted(lengths)))
        raise AdaptiveError(f"embedding model {who!r} gave vectors of {several} numbers: it has changed.")
    return np.stack([found[text] for text in texts])
