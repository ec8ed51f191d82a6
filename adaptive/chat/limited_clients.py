"""A limit on what the clients of providers read of a reply, and no compression, by which few bytes become many.

The limit holds for models that were opened by a spec. Those that a program built have clients of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel

from adaptive._util.optional import import_optional
from adaptive._util.reply_limit import LimitedStream, limit_reply

BATCH_REPLY = 1000.0
"""Megabytes of the replies of a whole batch, which come as one."""
_WITH_CLIENT_FIELDS = ("openai", "azure_openai", "deepseek")
"""Providers whose chat models take HTTP clients of OpenAI's library as `http_client` and `http_async_client`."""


_OPEN_REPLIES = ContextVar[list[LimitedStream]]("_OPEN_REPLIES")


@asynccontextmanager
async def close_replies() -> AsyncIterator[list[LimitedStream]]:
    """Close at the end what was opened in the block, and yield the list of it, which grows.

    A client that fails in the middle of a stream leaves it open. The event loop would close it when it ends, and
    complain on stderr.
    """
    opened: list[LimitedStream] = []
    token = _OPEN_REPLIES.set(opened)
    try:
        yield opened
    finally:
        _OPEN_REPLIES.reset(token)
        for reply in opened:
            await reply.aclose()


class _Done:
    """What a hook returns: a client with blocking calls ignores it, another waits for it."""

    def __await__(self) -> Generator[None]:
        yield from ()


def build_hooks(megabytes: float) -> dict[str, list[Callable[[Any], _Done]]]:
    """Return the `event_hooks` of an HTTP client that reads so many megabytes of a reply."""

    def ask_plainly(request: Any) -> _Done:
        request.headers["Accept-Encoding"] = "identity"
        return _Done()

    def limit(response: Any) -> _Done:
        is_blocking = not hasattr(response.stream, "aclose")
        stream = limit_reply(response, megabytes, f"the server {response.request.url.host}", events=True)
        if not is_blocking:
            _OPEN_REPLIES.get([]).append(stream)
        return _Done()

    return {"request": [ask_plainly], "response": [limit]}


def limit_options(provider: str, options: Mapping[str, Any], megabytes: float) -> dict[str, Any]:
    """Return the arguments of a provider's class with clients that have the limit, if it takes any.

    Args:
        provider: The provider's name in model specs.
        options: The arguments; clients among them are left as they are.
        megabytes: The limit.
    """
    if provider == "google_genai":
        transport = LoopTransport({"event_hooks": build_hooks(megabytes), **(options.get("client_args") or {})})
        # The key is in a header of its own, which would follow a redirect to any host.
        return {**options, "client_args": {"transport": transport, "follow_redirects": False}}
    if provider == "ollama":
        return {
            **options,
            "client_kwargs": {"event_hooks": build_hooks(megabytes), **(options.get("client_kwargs") or {})},
        }
    if provider not in _WITH_CLIENT_FIELDS or {"http_client", "http_async_client"} & options.keys():
        return dict(options)
    proxy = options.get("openai_proxy", os.environ.get("OPENAI_PROXY")) or None
    return {**options, "openai_proxy": None, **_open_clients("openai", "openai", megabytes, proxy)}


def limit_chat(provider: str, chat: BaseChatModel, megabytes: float) -> BaseChatModel:
    """Return a chat model with the limit, if its class takes no clients (see `limit_options`)."""
    if provider != "anthropic":
        return chat
    own: Any = chat
    clients = _open_clients("anthropic", "anthropic", megabytes, own.anthropic_proxy or None)
    blocking, other = clients["http_client"], clients["http_async_client"]
    return chat.model_copy(update={  # cached properties
        "_client": own._client.with_options(http_client=blocking),
        "_async_client": own._async_client.with_options(http_client=other),
    })  # fmt: skip


def open_batch_client(module: str) -> Any:
    """Return the HTTP client, of the library of a provider, for the replies of whole batches."""
    return _open_clients(module, module, BATCH_REPLY, None)["http_async_client"]


@cache  # all models share them, as they share LangChain's
def _open_clients(module: str, extra: str, megabytes: float, proxy: str | None) -> dict[str, Any]:
    """Return the two HTTP clients for a provider's library, each with its own defaults."""
    library, hooks = import_optional(module, extra), build_hooks(megabytes)
    return {
        "http_client": library.DefaultHttpxClient(event_hooks=hooks, proxy=proxy),
        "http_async_client": library.DefaultAsyncHttpxClient(event_hooks=hooks, proxy=proxy),
    }


class LoopTransport:
    """A transport for Gemini's client, which then uses no other library that happens to be installed.

    With aiohttp it would follow redirects and unpack whatever comes. The requests are sent by clients of the
    library that they were built with, one for each event loop, since connections belong to a loop. These take the
    proxies of the environment, which a client with a transport does not.

    Args:
        arguments: Arguments of the library's clients.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = {**arguments, "follow_redirects": False}
        self._client: Any = None
        self._clients = WeakKeyDictionary[asyncio.AbstractEventLoop, Any]()

    def handle_request(self, request: Any) -> Any:
        """Return the response to a request, both of the client's HTTP library."""
        if self._client is None:
            self._client = _find_library(request).Client(**self._arguments)
        return self._client.send(request, stream=True)

    async def handle_async_request(self, request: Any) -> Any:
        """Return the response to a request, both of the client's HTTP library."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = _find_library(request).AsyncClient(**self._arguments)
        return await self._clients[loop].send(request, stream=True)

    def close(self) -> None:
        """Close the connections of blocking calls."""
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _find_library(request: Any) -> Any:
    return sys.modules[type(request).__module__.partition(".")[0]]
