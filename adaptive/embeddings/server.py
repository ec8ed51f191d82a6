"""Embedding models on an OpenAI-compatible server: vLLM, llama.cpp, Ollama and others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adaptive._util.aio import LoopThread
from adaptive._util.http import Part, RefusedError, ServerClient, ServerRetryPolicy, pick_model, read_server_key
from adaptive._util.redact import redact_address
from adaptive.embeddings.protocol import Vectors, whole
from adaptive.errors import AdaptiveError, InputError

LOG = logging.getLogger("adaptive")
CUT = {"truncate_prompt_tokens": -1}
"""vLLM's word for cutting texts to the model's length. Others cut by themselves, or take no such word."""
PATIENT = ServerRetryPolicy(late_advice="run it again to go on, or give the server more power")


class ServerEmbedder:
    """The embedding model that the server at `url` (".../v1") serves: the only one, or that named after a '#'.

    The key is taken from the environment as for a server's engine. Raises `InputError` or `AdaptiveError` in one
    sentence.
    """

    batch, parallel = 32, 4

    def __init__(self, url: str, patience: ServerRetryPolicy | None = None) -> None:
        address, _, wanted = url.partition("#")
        address = address.rstrip("/")
        if redact_address(address) != address:
            raise InputError(
                f"the address {redact_address(address)} holds a password, which a profile must not: set ADAPTIVE_API_KEY."
            )
        self._loop, self._said_cut = LoopThread("adaptive-embeddings"), False
        self._server = ServerClient(address, read_server_key(), patience or PATIENT, self.parallel)
        try:
            models = self._loop.call(self._server.list_models())
            self._model = str(pick_model(models, wanted or None, address, f", as in {address}#NAME")["id"])
        except BaseException:
            self.close()
            raise
        self.name = f"{address}#{self._model}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text, shape (n, D). What is longer than the model reads is cut where the server can."""
        try:
            call = self._asked(Call(self._model, tuple(texts)))
        except RefusedError as error:
            call = self._cut(tuple(texts), error)
        who = f"the server {self._server.url}"
        return whole(in_order(call.answer, len(texts), who), len(texts), who)

    def _asked(self, call: Call) -> Call:
        self._loop.call(self._server.stream(call))
        return call

    def _cut(self, texts: tuple[str, ...], refused: RefusedError) -> Call:
        """The same texts cut to what the model reads, said once; raises `refused` where that is refused too."""
        try:
            call = self._asked(Call(self._model, texts, more=CUT))
        except RefusedError:
            raise refused from None
        if not self._said_cut:
            self._said_cut = True
            LOG.warning("the server %s took some texts only cut to what its model reads", self._server.url)
        return call

    def close(self) -> None:
        """Close the connections."""
        self._loop.call(self._server.close())
        self._loop.stop()


@dataclass
class Call:
    """One request, and its answer once that is there: an `Exchange` of `adaptive._util.http`."""

    model: str
    texts: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)
    answer: Part | None = None
    path: ClassVar[str] = "/v1/embeddings"

    def request(self) -> Part | None:
        """What to ask for; None once it was answered."""
        if self.answer is not None:
            return None
        return {"model": self.model, "input": list(self.texts), "encoding_format": "float", **self.more}

    def take(self, part: Part) -> bool:
        """The answer is one part."""
        self.answer = part
        return False

    def on_end(self) -> None:
        """Without a part there is no answer."""
        self.answer = self.answer or {}


def in_order(answer: Part | None, count: int, who: str) -> list[Any]:
    """The vectors of an answer in the order of the texts; raises `AdaptiveError` where there is none for one."""
    rows = (answer or {}).get("data")
    found = {
        row.get("index", place): row.get("embedding")
        for place, row in enumerate(rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    }
    if set(found) != set(range(count)):
        raise AdaptiveError(f"{who} gave no embedding for each of {count} texts: is it of an embedding model?")
    return [found[place] for place in range(count)]
