"""Reader: embeddings as a profile needs them, from memory, from the file of those made, or from the model."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from adaptive._util.http import ServerRetryPolicy
from adaptive.embeddings.cache import Kept, default_kept, gathered
from adaptive.embeddings.protocol import Embedder, Vectors
from adaptive.embeddings.registry import open_embedder
from adaptive.errors import AdaptiveError, InputError

HURRY = ServerRetryPolicy(timeout=5.0, retries=2, pause=1.0, late_advice="it may be overloaded")
"""A solve waits no longer for a server: the text alone tells nearly as much."""
REST_SECONDS = 30.0
"""A model that failed is not asked again for so long, so that not every solve waits for it."""
REMEMBERED = 1024


class Reader:
    """Embeddings by the model `name`, which gives `dimension` numbers; `embedder` is in its place where given.

    The model is opened when it is first needed. The file is only read: what a solve asks is kept in memory alone.
    Any thread may ask; with a lock, since a model is opened once.
    """

    def __init__(self, name: str, dimension: int, embedder: Embedder | None = None) -> None:
        self.name, self.dimension = name, dimension
        self._embedder, self._opening = embedder, threading.Lock()
        self._memory: OrderedDict[str, Vectors] = OrderedDict()
        self._failed: tuple[float, AdaptiveError] | None = None

    def knows(self, text: str) -> bool:
        """Whether the embedding of a text is in memory."""
        return text in self._memory

    def read(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, shape (n, dimension).

        Raises `AdaptiveError` where the model fails, is not installed or has changed; and says so again for
        `REST_SECONDS`, without asking it.
        """
        found = self._remembered(texts)
        if len(found) < len(texts):
            found |= _kept(self.name, [text for text in texts if text not in found])
            found |= self._asked([text for text in dict.fromkeys(texts) if text not in found])
            self._remember(found)
        return self._fitting(gathered(found, texts, self.name))

    def _remembered(self, texts: Sequence[str]) -> dict[str, Vectors]:
        return {text: vector for text in texts if (vector := self._memory.get(text)) is not None}

    def _remember(self, found: dict[str, Vectors]) -> None:
        with self._opening:
            self._memory.update(found)
            while len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)

    def _asked(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """What the model makes of texts; nothing is asked for none."""
        if not texts:
            return {}
        if self._failed is not None and time.monotonic() < self._failed[0]:
            raise self._failed[1]
        try:
            embedder = self._opened()
            parts = [texts[i : i + embedder.batch] for i in range(0, len(texts), embedder.batch)]
            return {t: v for part in parts for t, v in zip(part, embedder.embed(part), strict=True)}
        except AdaptiveError as error:
            self._failed = time.monotonic() + REST_SECONDS, error
            raise

    def _opened(self) -> Embedder:
        with self._opening:
            if self._embedder is None:
                self._embedder = open_embedder(self.name, HURRY)
            return self._embedder

    def _fitting(self, rows: Vectors) -> Vectors:
        if rows.shape[1] != self.dimension:
            raise InputError(
                f"embedding model {self.name!r} gives {rows.shape[1]} numbers, the profile was fitted to "
                f"{self.dimension}: train it again."
            )
        return rows


def _kept(name: str, texts: Sequence[str]) -> dict[str, Vectors]:
    """What the file holds, if there is one."""
    file = default_kept()
    if not file.is_file():
        return {}
    with Kept(file) as kept:
        return kept.get(name, texts)
