"""CompletionsEngine: the token engine on a server that takes and gives token ids on `/v1/completions`.

`vllm serve` does (`return_token_ids`, from 0.10.2 on). Text is tokenised here, with the model's own tokenizer,
since a server's would read special tokens in what a user wrote. A call that breaks off goes on from the ids that
arrived.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from adaptive.engines.background import LoopThread
from adaptive.engines.base import LoopEngine
from adaptive.engines.calls import Asked, Growing
from adaptive.engines.codec import FolderCodec
from adaptive.engines.hub import tokenizer_folder
from adaptive.engines.markers import MarkerStyle
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.server import Server
from adaptive.errors import AdaptiveError, InputError

KEYS = ("ADAPTIVE_API_KEY", "VLLM_API_KEY")
"""Where the key comes from: the first of these environment variables that is set."""


@dataclass(frozen=True)
class Served:
    """A model as its server lists it."""

    name: str
    root: str
    window: int


class CompletionsEngine(LoopEngine):
    """The model that the server at `url` (".../v1") serves: `served_model`, or the only one.

    tokenizer: folder or hub ID of the model's tokenizer and chat template; None asks the server where the model
    came from. timeout: seconds for a call. retries: how often a call is made again after a connection error, 429
    or 5xx. concurrency: calls under way at once. Raises `InputError` or `AdaptiveError` in one sentence where the
    server is not there or cannot do token forcing.
    """

    def __init__(
        self,
        url: str,
        *,
        served_model: str | None = None,
        tokenizer: str | None = None,
        timeout: float = 600.0,
        retries: int = 6,
        concurrency: int = 256,
        markers: MarkerStyle | None = None,
    ) -> None:
        name, loop = url.rstrip("/"), LoopThread("adaptive-server")
        key = next((os.environ[k] for k in KEYS if os.environ.get(k)), None)
        self._server = Server(name, key, timeout, retries, concurrency)
        try:
            self._served = _served(loop.call(self._server.models()), served_model, name)
            codec = FolderCodec(_tokenizer(tokenizer, self._served, name), markers)
            super().__init__(name, codec, self._served.window, loop)
            loop.call(self._try_out())
        except BaseException:
            _stop(self._server, loop)
            raise

    def _shut(self) -> None:
        _stop(self._server, self._loop)

    async def _grow(self, growing: Growing) -> Generation:
        cached: list[int] = []
        await self._server.stream(lambda: self._request(growing), lambda part: _take(part, growing, cached))
        if not growing.ids and growing.stop is None:
            raise InputError(
                f"the server {self._name} gives no token ids, which budget forcing needs: serve the model with "
                "vLLM 0.10.2 or newer, or use the chat engine for it."
            )
        if not growing.over:
            made = f"{len(growing.ids)} of {growing.asked.room} tokens"
            raise AdaptiveError(f"the server {self._name} ended after {made} without saying why: ask again.")
        return growing.done(cached[0] if cached else None)

    def _request(self, growing: Growing) -> dict[str, Any] | None:
        """What to ask for what is still missing; None where nothing is."""
        asked, how = growing.asked, growing.asked.sampling
        if growing.over:
            return None
        return {
            "model": self._served.name,
            "prompt": [*asked.ids, *growing.ids],
            "max_tokens": asked.room - len(growing.ids),
            "stop_token_ids": sorted(asked.stop_ids),
            "ignore_eos": True,
            "temperature": how.temperature,
            "top_p": how.top_p,
            "top_k": how.top_k,
            "seed": asked.seed if how.temperature > 0 else None,
            "logprobs": 0,
            "return_token_ids": True,
            "skip_special_tokens": False,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _try_out(self) -> None:
        """Make one token: raises `InputError` where no ids come back for it."""
        asked = Asked(self._codec.encode("1"), 1, frozenset(), Sampling(), self._window)
        await self._grow(Growing(asked))


def _stop(server: Server, loop: LoopThread) -> None:
    loop.call(server.close())
    loop.stop()


def _take(part: dict[str, Any], growing: Growing, cached: list[int]) -> bool:
    """Take one part of a stream; whether another one is wanted."""
    for choice in part.get("choices") or ():
        growing.add(choice.get("token_ids") or (), (choice.get("logprobs") or {}).get("token_logprobs") or ())
    if usage := part.get("usage"):
        details = usage.get("prompt_tokens_details") or {}
        if "cached_tokens" in details:
            cached.append(int(details["cached_tokens"] or 0))
    return not growing.halted


def _served(models: list[dict[str, Any]], wanted: str | None, url: str) -> Served:
    """The model that is meant; raises `InputError` that lists what is served."""
    names = [str(m.get("id")) for m in models]
    if wanted is None and len(models) != 1:
        raise InputError(f"the server {url} serves {len(models)} models: name one of {', '.join(names)}.")
    found = next((m for m in models if wanted in (None, m.get("id"))), None)
    if found is None:
        raise InputError(f"the server {url} serves no model {wanted!r}: it serves {', '.join(names)}.")
    window = found.get("max_model_len")
    if not isinstance(window, int):
        raise InputError(f"the server {url} does not say how long a context may be (max_model_len): use vLLM.")
    return Served(str(found["id"]), str(found.get("root") or found["id"]), window)


def _tokenizer(given: str | None, served: Served, url: str) -> Any:
    try:
        return tokenizer_folder(given or served.root)
    except InputError as error:
        if given:
            raise
        raise InputError(
            f"the tokenizer of {served.root!r}, which {url} serves, is not on this machine: "
            "name its folder or hub ID with -o tokenizer=…"
        ) from error
