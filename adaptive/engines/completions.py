"""CompletionsEngine: the token engine on a server that takes and returns token ids, in its dialect.

Text is tokenised here, with the model's own tokenizer, because a server would read special tokens in what a user
wrote. A call that breaks off continues from the ids that arrived.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from adaptive._util.aio import LoopThread
from adaptive._util.http import (
    LONGEST_PAUSE,
    RETRIES,
    RefusedError,
    ServerClient,
    ServerRetryPolicy,
)
from adaptive._util.redact import redact_address
from adaptive._util.reply_limit import MAX_REPLY
from adaptive._util.served_models import pick_model
from adaptive._util.server_keys import find_server_key
from adaptive.engines.dialects.call import DialectCall, ServedModelInfo
from adaptive.engines.dialects.registry import find_dialect
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.loop_engine import LoopEngine
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.steering import ECHO_TOKENS, RequestSteering, make_echo
from adaptive.engines.tokenizer import FolderCodec, find_tokenizer_folder
from adaptive.errors import InputError

CACHE_PROBE = (1,) * 257
"""Sent twice to see whether cached ids are reported: longer than a cache's block, and valid for all models."""


GUIDED_PROBE = "guided"
"""The only JSON text that the schema of the probe allows: no model begins its answer to a greeting with it."""


@dataclass(frozen=True)
class ServedModel:
    """A model as its server describes it: the server's dialect, its name and place, and its window in ids."""

    dialect: type[DialectCall]
    name: str
    info: ServedModelInfo
    window: int
    steers: bool = False


class CompletionsEngine(LoopEngine):
    """A model on a server.

    Args:
        url: The server's address (".../v1").
        served_model: The model's name; None for the only one.
        dialect: `vllm`, `llama.cpp`, `sglang` or `ollama`; None to find out.
        tokenizer: Folder or hub ID of the model's tokenizer and chat template; None asks the server where the
            model came from.
        timeout: Seconds for a call.
        retries: How often a call is repeated after a connection error, 429 or 5xx.
        pause: The pauses between these tries grow to this many seconds.
        max_reply: Megabytes that are read of a reply, or of what a stream sends without a token.
        concurrency: Calls under way at once.
        markers: How the model marks its thinking; None to find out.

    Raises:
        AdaptiveError: The server cannot be reached.
        InputError: The server cannot do token forcing, or has no such model or tokenizer.
    """

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
        max_reply: float = MAX_REPLY,
        concurrency: int = 256,
        markers: MarkerStyle | None = None,
    ) -> None:
        address = url.rstrip("/")
        name, key = redact_address(address), find_server_key(address)
        patience, loop = ServerRetryPolicy(timeout, retries, pause, max_reply), LoopThread("adaptive-server")
        self._server = ServerClient(address, key, patience, concurrency)
        try:
            self._guides: bool | None = None
            self._served = loop.call(_connect_model(self._server, served_model, dialect))
            codec = FolderCodec(_find_tokenizer(tokenizer, self._served, name), markers)
            super().__init__(name, codec, self._served.window, loop)
            self.parallel = min(self._served.info.parallel, concurrency)
            if not self._served.dialect.takes_ids:
                _check_pieces(codec, name)
                loop.call(_generate_one(self._server, self._served, codec.encode("1"), codec))
        except BaseException:
            _close_client(self._server, loop)
            raise

    @property
    def served_model(self) -> str:
        """The model's name on the server."""
        return self._served.name

    @property
    def steers(self) -> bool:
        """Whether the server has loaded our processor; it was asked at connect."""
        return self._served.steers

    @property
    def facts(self) -> dict[str, str]:
        """The server's abilities, found out now by short calls."""
        if not self._served.dialect.takes_ids:
            return {
                "dialect": self._served.dialect.name,
                "served model": self._served.name,
                "token ids in and out": "no: text, so that counts are estimates",
            }
        probes = [self._loop.call(_generate_one(self._server, self._served, CACHE_PROBE)) for _ in range(2)]
        dialect = self._served.dialect
        tokenizes = self._loop.call(self._server.fetch_json("/tokenize", {dialect.text: "1"}))
        return {
            "dialect": dialect.name,
            "served model": self._served.name,
            "token ids in and out": "yes",
            "log-probabilities": _format_yes_no(bool(probes[0].logprobs)),
            "cached ids are told": _format_yes_no(probes[1].counted),
            "guided decoding": _format_yes_no(self._loop.call(self.can_guide())),
            "tokenizer endpoint": _format_yes_no(tokenizes is not None),
            "forcing inside a request": _format_yes_no(self.steers),
        }

    async def can_guide(self) -> bool:
        """Whether the server has guided decoding; it is asked once, by a short call with a schema."""
        if self._guides is None:
            self._guides = self._served.dialect.guides and await self._loop.run(self._probe_guided())
        return self._guides

    async def _probe_guided(self) -> bool:
        """Ask for text by a schema: a server that does not know the field ignores it, or refuses the request."""
        text = json.dumps(GUIDED_PROBE)
        markers = self._codec.markers
        ids = self._codec.render([("user", "Hello.")], "medium").closed[1 - self._window :]
        sampling = Sampling(schema=json.dumps({"enum": [GUIDED_PROBE]}))
        request = GenerationRequest(ids, 2 * len(text), frozenset(markers.answer_stops), sampling, self._window)
        try:
            made = await _stream_generation(self._server, self._served, GrowingGeneration(request), self._codec)
        except RefusedError:
            return False
        return self._codec.decode(made.ids).strip() == text

    def _shut_down(self) -> None:
        _close_client(self._server, self._loop)

    async def _generate_in_loop(self, growing: GrowingGeneration) -> Generation:
        if growing.request.sampling.schema and not self._served.dialect.guides:
            raise ValueError(f"{self._name} has no guided decoding, so no schema can be kept")
        return await _stream_generation(self._server, self._served, growing, self._codec)


async def _connect_model(server: ServerClient, wanted: str | None, dialect: str | None) -> ServedModel:
    """Return the model after it has generated a token; raise `InputError` with all that the server lacks."""
    listed = pick_model(await server.list_models(), wanted, server.url)
    call = await find_dialect(server, listed, dialect)
    info = await call.read_info(server, listed)
    served = ServedModel(call, str(listed["id"]), info, info.window or 1024)
    lacks = [] if info.window else ["the length of a context"]
    try:
        if call.takes_ids:
            served = replace(served, steers=await _find_steering(server, served))
    except RefusedError as error:
        lacks.append(f"token ids in ({error.detail})")
    except InputError:
        lacks.append("token ids out")
    if lacks:
        raise InputError(
            f"the server {server.url} cannot do token forcing, it lacks {' and '.join(lacks)}: serve the model "
            "with vLLM 0.10.2 or newer, SGLang or llama-server, or use the chat engine for it."
        )
    return served


async def _find_steering(server: ServerClient, served: ServedModel) -> bool:
    """Generate a token; return whether the server steers: then it is the one that is forced."""
    if not served.dialect.can_steer:
        await _generate_one(server, served, (1,))
        return False
    for token in ECHO_TOKENS:
        if (await _generate_one(server, served, (1,), steering=make_echo(token))).ids != (token,):
            return False
    return True


async def _generate_one(
    server: ServerClient,
    served: ServedModel,
    ids: tuple[int, ...],
    codec: FolderCodec | None = None,
    steering: RequestSteering | None = None,
) -> Generation:
    """Generate one token after `ids`, or after as many of them as fit."""
    request = GenerationRequest(ids[: served.window - 1], 1, frozenset(), Sampling(), served.window, steering)
    return await _stream_generation(server, served, GrowingGeneration(request), codec)


async def _stream_generation(
    server: ServerClient, served: ServedModel, growing: GrowingGeneration, codec: FolderCodec | None
) -> Generation:
    call = served.dialect(server.url, served.name, growing, served.info.slots, codec)
    await server.stream(call)
    return growing.finish(call.cached)


def _close_client(server: ServerClient, loop: LoopThread) -> None:
    loop.call(server.close())
    loop.stop()


def _find_tokenizer(tokenizer: str | None, served: ServedModel, url: str) -> Any:
    try:
        return find_tokenizer_folder(tokenizer or served.info.root)
    except InputError as error:
        if tokenizer:
            raise
        instead = "" if served.dialect.takes_ids else f", or use -m ollama:{served.name}, which needs none"
        raise InputError(
            f"the tokenizer of {served.info.root!r}, which {url} serves, is not on this machine: "
            f"name its folder or hub ID with -o tokenizer=…{instead}."
        ) from error


def _check_pieces(codec: FolderCodec, name: str) -> None:
    """Raise `InputError` if pieces of a text, each tokenised alone, are not the text again."""
    if codec.decode([*codec.encode("1"), *codec.encode(" 2")]) != "1 2":
        raise InputError(
            f"{name} gives text, which the model's tokenizer cannot take in pieces: use ollama:NAME instead."
        )


def _format_yes_no(fact: bool) -> str:
    return "yes" if fact else "no"
