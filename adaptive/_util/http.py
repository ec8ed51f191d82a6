"""Talking to a server: what it serves, and calls that survive a broken connection and a restart.

With the defaults a call is made again for two minutes and ten seconds: `vllm serve` takes up to one to start.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from adaptive._util.redact import redact_address
from adaptive.errors import AdaptiveError, InputError, to_single_line

LOG = logging.getLogger("adaptive")
CONNECT_SECONDS = 10.0
RETRIES, LONGEST_PAUSE = 12, 20.0
FIRST_PAUSE, RETRIES_AT_CONNECT = 0.25, 3
"""A server that is not there at the start is not about to come back."""
RETRY_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)
MAX_SHOWN = 160
SERVER_KEY_VARIABLES = ("ADAPTIVE_API_KEY", "VLLM_API_KEY", "LLAMA_API_KEY")
"""Where the key comes from: the first of these environment variables that is set."""

Part = dict[str, Any]


class Exchange(Protocol):
    """A call as the server's dialect has it (`adaptive.engines.dialects.DialectCall`)."""

    path: ClassVar[str]

    def request(self) -> Part | None:
        """What to ask for; None where nothing is missing any more."""

    def take(self, part: Part) -> bool:
        """Take a part of the answer; whether another one is wanted."""

    def on_end(self) -> None:
        """The answer ended by itself."""


@dataclass(frozen=True)
class ServerRetryPolicy:
    """A call has `timeout` seconds; it is made again `retries` times, after pauses that grow to `pause` s.

    late: what to do where the time was not enough, in words.
    """

    timeout: float = 600.0
    retries: int = RETRIES
    pause: float = LONGEST_PAUSE
    late_advice: str = "raise -o timeout=… or ask for less"


class RefusedError(InputError):
    """The server takes no such request; `detail` is its status and what it said."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"the server {url} refuses the request ({detail}).")
        self.detail = detail


class NotJsonError(AdaptiveError):
    """The server answered something else than a JSON object."""


class RetryableError(Exception):
    """Something that may be over in a moment; `seconds` is what the server asked to wait."""

    def __init__(self, detail: str, seconds: float | None = None) -> None:
        super().__init__(detail)
        self.seconds = seconds


class ServerClient:
    """The server at `url` (".../v1"); `key` is sent as a bearer token. All methods belong to one event loop.

    `self.url` is to be shown: without the user and password that the address may hold.

    At most `concurrency` calls are under way at once; one that waits for its turn is not late.
    """

    def __init__(self, url: str, key: str | None, patience: ServerRetryPolicy, concurrency: int) -> None:
        self.url, self._url, self._root = redact_address(url), url, url.removesuffix("/v1")
        self._patience = patience
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        times = httpx.Timeout(patience.timeout, connect=CONNECT_SECONDS, pool=None)
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.AsyncClient(headers=headers, limits=limits, timeout=times)
        self._slots = asyncio.Semaphore(concurrency)

    async def list_models(self) -> list[Part]:
        """What is served, as the server lists it."""
        found: list[Part] = []

        async def ask() -> None:
            response = await self._client.get(f"{self._url}/models")
            self._check_status(response, response.text)
            data = _parse_object(response.text).get("data")
            if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
                raise AdaptiveError(
                    f"the server {self.url} does not list its models: is this the address of its /v1?"
                )
            found.extend(data)

        await self._run_with_retries(ask, min(self._patience.retries, RETRIES_AT_CONNECT))
        return found

    async def fetch_json(self, path: str, body: Part | None = None) -> Part | None:
        """What is answered at `path`, to `body` if there is one; None where there is no such thing."""
        found: list[Part | None] = []

        async def ask() -> None:
            response = await self._client.request("POST" if body else "GET", self._root + path, json=body)
            if response.status_code in RETRY_STATUSES:
                self._check_status(response, response.text)
            found.append(_parse_object(response.text) if response.status_code == httpx.codes.OK else None)

        try:
            await self._run_with_retries(ask, min(self._patience.retries, RETRIES_AT_CONNECT))
        except NotJsonError:
            return None
        return found[0]

    async def stream(self, exchange: Exchange) -> None:
        """Ask for what is missing until nothing is, and give each part of an answer to `exchange`.

        Where it wants no more the connection is closed, which makes a server drop the request. Raises
        `AdaptiveError` or `InputError` in one sentence.
        """

        async def ask() -> None:
            while (body := exchange.request()) is not None:
                async with self._client.stream("POST", self._root + exchange.path, json=body) as response:
                    await self._read_response(response, exchange)

        await self._run_with_retries(ask, self._patience.retries)

    async def _read_response(self, response: httpx.Response, exchange: Exchange) -> None:
        if response.status_code != httpx.codes.OK:
            self._check_status(response, (await response.aread()).decode(errors="replace"))
        async with aclosing(self._iterate_parts(response)) as parts:
            async for part in parts:
                if not exchange.take(part):
                    return
        exchange.on_end()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _run_with_retries(self, ask: Callable[[], Awaitable[None]], retries: int) -> None:
        """Run `ask` when it is its turn, again after what may be over in a moment."""
        tries = AsyncRetrying(
            retry=retry_if_exception_type((RetryableError, httpx.TransportError)),
            stop=stop_after_attempt(retries + 1),
            wait=self._compute_pause,
            before_sleep=self._log_retry,
            reraise=True,
        )
        try:
            async with self._slots, asyncio.timeout(self._patience.timeout):
                await tries(ask)
        except TimeoutError:
            late = f"did not finish within {self._patience.timeout:g} s"
            raise AdaptiveError(f"the server {self.url} {late}: {self._patience.late_advice}.") from None
        except (RetryableError, httpx.TransportError) as error:
            said = f"{_describe_error(error)}, asked {retries + 1} times"
            raise AdaptiveError(f"the server {self.url} does not answer ({said}): is it running?") from error

    def _compute_pause(self, state: RetryCallState) -> float:
        """As long as the server asks, or else twice as long as before, and not at the same moment as others."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableError) and error.seconds is not None:
            return error.seconds
        return min(FIRST_PAUSE * 2.0 ** (state.attempt_number - 1), self._patience.pause) + random.uniform(0, 0.25)

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        LOG.warning("the server %s: %s; asked again in %.1f s", self.url, _describe_error(error), wait)

    def _check_status(self, response: httpx.Response, text: str) -> None:
        """Raise what a status that is no success means."""
        status = response.status_code
        if status in RETRY_STATUSES:
            after = response.headers.get("retry-after", "")
            raise RetryableError(f"status {status}", float(after) if after.replace(".", "", 1).isdigit() else None)
        if status in (401, 403):
            raise AdaptiveError(f"the server {self.url} refuses the key ({status}): set ADAPTIVE_API_KEY.")
        if status != httpx.codes.OK:
            raise RefusedError(self.url, f"{status}: {_extract_message(text)}")

    async def _iterate_parts(self, response: httpx.Response) -> AsyncGenerator[Part, None]:
        """The parts of a stream of server-sent events, or the one answer of a server that does not stream."""
        if "application/json" in response.headers.get("content-type", ""):
            yield self._check_part(_parse_object((await response.aread()).decode(errors="replace")))
            return
        async for line in response.aiter_lines():
            kind, _, data = line.partition(":")
            if kind != "data" or data.strip() == "[DONE]":
                continue
            yield self._check_part(_parse_object(data))

    def _check_part(self, part: Part) -> Part:
        if "error" in part:
            raise AdaptiveError(f"the server {self.url} failed ({_extract_message(json.dumps(part))}).")
        return part


def read_server_key() -> str | None:
    """The key that servers are asked with, None where there is none."""
    return next((os.environ[k] for k in SERVER_KEY_VARIABLES if os.environ.get(k)), None)


def pick_model(models: list[Part], wanted: str | None, url: str, how: str = "") -> Part:
    """The model that is meant of those that a server lists; raises `InputError` that names what is served.

    how: the words that say how to name one.
    """
    names = [str(m.get("id")) for m in models]
    if wanted is None and len(models) != 1:
        raise InputError(f"the server {url} serves {len(models)} models: name one of {', '.join(names)}{how}.")
    found = next((m for m in models if wanted in (None, m.get("id"))), None)
    if found is None:
        raise InputError(f"the server {url} serves no model {wanted!r}: it serves {', '.join(names)}.")
    return found


def _parse_object(text: str) -> Part:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise NotJsonError(f"the server answered what is no JSON: {text.strip()[:60]!r}.") from error
    if not isinstance(data, dict):
        raise NotJsonError(f"the server answered what is no JSON object: {text.strip()[:60]!r}.")
    return data


def _extract_message(text: str) -> str:
    """What an error's body says, on one line."""
    try:
        data = json.loads(text)
        error = data.get("error", data) if isinstance(data, dict) else data
        said = error.get("message", error) if isinstance(error, dict) else error
    except ValueError:
        said = text
    return to_single_line(said, MAX_SHOWN)


def _describe_error(error: BaseException | None) -> str:
    return to_single_line(error, MAX_SHOWN) or type(error).__name__
