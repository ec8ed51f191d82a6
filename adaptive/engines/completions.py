"""CompletionsEngine: the token engine on a server that takes and gives token ids, in its dialect.

Text is tokenised here, with the model's own tokenizer, since a server's would read special tokens in what a user
wrote. A call that breaks off goes on from the ids that arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive._util.aio import LoopThread
from adaptive._util.http import LONGEST_PAUSE, RETRIES, Patience, RefusedError, Server, key_in_environment, listed
from adaptive._util.redact import masked
from adaptive.engines.dialects import Call, Place, find_dialect
from adaptive.engines.generation import Asked, Growing
from adaptive.engines.loop_engine import LoopEngine
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.tokenizer import FolderCodec, tokenizer_folder
from adaptive.errors import InputError

PROBE = (1,) * 257
"""What is asked twice to see whether cached ids are told: longer than a cache's block, and known to all models."""


@dataclass(frozen=True)
class Served:
    """A model as its server tells of it: what asks for it, its name, where it is, and its window in ids."""

    dialect: type[Call]
    name: str
    place: Place
    window: int


class CompletionsEngine(LoopEngine):
    """The model that the server at `url` (".../v1") serves: `served_model`, or the only one.

    dialect: `vllm`, `llama.cpp` or `sglang`, None to find out. tokenizer: folder or hub ID of the model's
    tokenizer and chat template; None asks the server where the model came from. timeout: seconds for a call.
    retries: how often a call is made again after a connection error, 429 or 5xx, with pauses that grow to `pause`
    seconds. concurrency: calls under way at once. Raises `InputError` or `AdaptiveError` in one sentence where the
    server is not there or cannot do token forcing.
    """

    parallel = 16

    def __init__(
        self,
        url: str,
        *,
        served_model: str | None = None,
        dialect: str | None = None,
        tokenizer: str | None = None,
        timeout: float = 600.0,
        retries: int = RETRIES,
        pause: float = LONGEST_PAUSE,
        concurrency: int = 256,
        markers: MarkerStyle | None = None,
    ) -> None:
        address, loop = url.rstrip("/"), LoopThread("adaptive-server")
        name = masked(address)
        key = key_in_environment()
        self._server = Server(address, key, Patience(timeout, retries, pause), concurrency)
        try:
            self._served = loop.call(_connected(self._server, served_model, dialect))
            codec = FolderCodec(_tokenizer(tokenizer, self._served, name), markers)
            super().__init__(name, codec, self._served.window, loop)
        except BaseException:
            _stop(self._server, loop)
            raise

    @property
    def facts(self) -> dict[str, str]:
        """What the server can do, asked of it now, in two short calls."""
        made = [self._loop.call(_made(self._server, self._served, PROBE)) for _ in range(2)]
        dialect = self._served.dialect
        tokenizes = self._loop.call(self._server.look("/tokenize", {dialect.text: "1"}))
        return {
            "dialect": dialect.name,
            "served model": self._served.name,
            "token ids in and out": "yes",
            "log-probabilities": _yes(bool(made[0].logprobs)),
            "cached ids are told": _yes(made[1].counted),
            "tokenizer endpoint": _yes(tokenizes is not None),
        }

    def _shut(self) -> None:
        _stop(self._server, self._loop)

    async def _grow(self, growing: Growing) -> Generation:
        return await _grown(self._server, self._served, growing)


async def _connected(server: Server, wanted: str | None, dialect: str | None) -> Served:
    """The model that is meant, after it has made a token; raises `InputError` with all that the server lacks."""
    found = listed(await server.models(), wanted, server.url)
    call = await find_dialect(server, found, dialect)
    place = await call.place(server, found)
    served = Served(call, str(found["id"]), place, place.window or 1024)
    lacks = [] if place.window else ["the length of a context"]
    try:
        await _made(server, served, (1,))
    except RefusedError as error:
        lacks.append(f"token ids in ({error.said})")
    except InputError:
        lacks.append("token ids out")
    if lacks:
        raise InputError(
            f"the server {server.url} cannot do token forcing, it lacks {' and '.join(lacks)}: serve the model "
            "with vLLM 0.10.2 or newer, SGLang or llama-server, or use the chat engine for it."
        )
    return served


async def _made(server: Server, served: Served, ids: tuple[int, ...]) -> Generation:
    """One token after `ids`, or after as many of them as fit."""
    asked = Asked(ids[: served.window - 1], 1, frozenset(), Sampling(), served.window)
    return await _grown(server, served, Growing(asked))


async def _grown(server: Server, served: Served, growing: Growing) -> Generation:
    call = served.dialect(server.url, served.name, growing, served.place.slots)
    await server.stream(call)
    return growing.done(call.cached)


def _stop(server: Server, loop: LoopThread) -> None:
    loop.call(server.close())
    loop.stop()


def _tokenizer(given: str | None, served: Served, url: str) -> Any:
    try:
        return tokenizer_folder(given or served.place.root)
    except InputError as error:
        if given:
            raise
        raise InputError(
            f"the tokenizer of {served.place.root!r}, which {url} serves, is not on this machine: "
            "name its folder or hub ID with -o tokenizer=…"
        ) from error


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
