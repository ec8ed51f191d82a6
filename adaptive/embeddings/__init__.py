"""Models that turn a question's text into numbers, behind one small protocol: for `adaptive train --embed`."""

from adaptive.embeddings.protocol import Embedder
from adaptive.embeddings.registry import as_embedder, open_embedder

__all__ = ["Embedder", "as_embedder", "open_embedder"]
