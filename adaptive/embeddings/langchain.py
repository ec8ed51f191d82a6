"""Embedding models of LangChain: any object with its `Embeddings` interface, or `PROVIDER:MODEL`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from adaptive._util.optional import import_optional
from adaptive._util.redact import redact_error
from adaptive.chat.registry import PROVIDER_EXTRAS, explain_open_errors
from adaptive.embeddings.protocol import Vectors, whole
from adaptive.errors import AdaptiveError, InputError

if TYPE_CHECKING:
    from adaptive._util.http import ServerRetryPolicy


LIMITED = ("openai", "azure_openai")
"""Providers whose class takes a time limit and a number of tries."""


class LangChainEmbedder:
    """An `Embeddings` object; `name` is its spec, or the name of its class where there is none."""

    batch, parallel = 64, 4

    def __init__(self, model: Embeddings, name: str | None = None) -> None:
        self._model, self.name = model, name or type(model).__name__

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, shape (n, D)."""
        who = f"embedding model {self.name!r}"
        try:
            rows = self._model.embed_documents(list(texts))
        except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
            # Not `from error`: what it says may hold a key, and a traceback would show it.
            raise AdaptiveError(f"{who} failed ({redact_error(error)}).") from None
        return whole(rows, len(texts), who)

    def close(self) -> None:
        """Its connections are its own."""


def hosted(spec: str, patience: ServerRetryPolicy | None = None) -> LangChainEmbedder:
    """The model `provider:model` as LangChain's `init_embeddings` knows it; raises `InputError`.

    patience: of those providers whose class takes one, None for their own.
    """
    who, (provider, _, model) = f"embedding model {spec!r}", spec.partition(":")
    if not provider or not model:
        raise InputError(f"{who} is not known: use hf:ID-or-folder, http://host:port/v1, or PROVIDER:MODEL.")
    make = import_optional("langchain.embeddings", PROVIDER_EXTRAS.get(provider, "hosted")).init_embeddings
    limits: dict[str, Any] = {}
    if patience is not None and provider in LIMITED:
        limits = {"timeout": patience.timeout, "max_retries": patience.retries}
    with explain_open_errors(who, provider):
        return LangChainEmbedder(make(model, provider=provider, **limits), spec)
