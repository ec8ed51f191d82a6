"""Embedder: what an embedding model must be able to do, and the check of what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adaptive.errors import AdaptiveError

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """An embedding model. `name` is a spec that opens the same model again, and has no secret in it.

    batch: texts that it is best given at a time. parallel: batches at once.
    """

    name: str
    batch: int
    parallel: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, shape (n, D), every number finite. Blocks; any thread may call it.

        Raises `AdaptiveError` in one sentence.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; it cannot be used afterwards."""
        ...


def whole(rows: Any, count: int, who: str) -> Vectors:
    """What a model gave as an array of `count` rows; raises `AdaptiveError` where it is none."""
    try:
        found = np.asarray(rows, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise AdaptiveError(f"{who} gave no rows of numbers of one length for {count} texts.") from error
    if found.ndim != 2 or len(found) != count or not found.shape[1]:
        raise AdaptiveError(f"{who} gave an array of shape {found.shape} for {count} texts.")
    if not np.isfinite(found).all():
        raise AdaptiveError(f"{who} gave numbers that are not finite.")
    return found
