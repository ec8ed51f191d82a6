"""Embedding models on this machine, by sentence-transformers: it knows how each model pools its tokens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from adaptive._util.optional import import_optional
from adaptive.embeddings.protocol import Vectors, whole
from adaptive.errors import AdaptiveError, InputError, to_single_line


class LocalEmbedder:
    """The model `model`, a folder or an ID on the Hugging Face hub, as `hf:model`. What is too long is cut.

    Raises `InputError` in one sentence where the package or the model is not there or does not load.
    """

    batch, parallel = 16, 1

    def __init__(self, model: str) -> None:
        package = import_optional("sentence_transformers", "embed")
        self.name = f"hf:{model}"
        folder = Path(model).expanduser()
        try:
            self._model = package.SentenceTransformer(str(folder) if folder.is_dir() else model)
        except Exception as error:  # the hub, torch and each model's own code have theirs
            said = to_single_line(error).partition(". ")[0][:160]
            raise InputError(f"embedding model {self.name!r} does not load ({said}): check the name.") from error
        self._turn = threading.Lock()  # a tokenizer must not be used by two threads at once

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, shape (n, D)."""
        with self._turn:
            try:
                rows = self._model.encode(list(texts), batch_size=self.batch, show_progress_bar=False)
            except RuntimeError as error:  # torch: out of memory, above all
                raise AdaptiveError(
                    f"embedding model {self.name!r} failed ({to_single_line(error, 160)})."
                ) from error
        return whole(rows, len(texts), f"embedding model {self.name!r}")

    def close(self) -> None:
        """Nothing is held but memory."""
