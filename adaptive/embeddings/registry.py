"""Embedding model specs to models: the one place that knows which kind a spec means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive.errors import InputError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from adaptive._util.http import ServerRetryPolicy
    from adaptive.embeddings.protocol import Embedder


def open_embedder(spec: str, patience: ServerRetryPolicy | None = None) -> Embedder:
    """The embedding model of a spec: `hf:ID-or-folder`, `http://host:port/v1#MODEL` or `provider:model`.

    patience: with a server, None for the engines' own. Raises `InputError` or `AdaptiveError` in one sentence.
    """
    kind, _, rest = spec.partition(":")
    if kind == "hf" and rest:
        from adaptive.embeddings.sentence_transformers import LocalEmbedder

        return LocalEmbedder(rest)
    if kind in ("http", "https"):
        if not rest.strip("/"):
            raise InputError(f"embedding model {spec!r} names no server: write http://host:port/v1.")
        from adaptive.embeddings.server import ServerEmbedder

        return ServerEmbedder(spec, patience)
    from adaptive.embeddings.langchain import hosted

    return hosted(spec, patience)


def as_embedder(model: str | Embedder | Embeddings) -> Embedder:
    """An embedding model from a spec, an object of one's own, or one of LangChain's."""
    if isinstance(model, str):
        return open_embedder(model)
    from langchain_core.embeddings import Embeddings

    if isinstance(model, Embeddings):
        from adaptive.embeddings.langchain import LangChainEmbedder

        return LangChainEmbedder(model)
    return model
