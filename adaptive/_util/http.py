"""A client of model servers: lists what is served, and streams answers across broken connections and restarts.

With the defaults a call is repeated for two minutes and ten seconds: `vllm serve` takes up to one to start.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import httpx
from httpx_sse import EventSource, SSEError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from adaptive._util.redact import redact_address, redact_text
from adaptive._util.reply_limit import MAX_REPLY, LimitedStream, check_max_reply, limit_reply
from adaptive.errors import AdaptiveError, InputError, to_single_line

LOG = logging.getLogger("adaptive")
CONNECT_SECONDS = 10.0
RETRIES, LONGEST_PAUSE = 12, 20.0
FIRST_PAUSE = 0.25
RETRIES_AT_CONNECT = 3
"""Fewer than later: a server that is missing at the start is not about to come back."""
RETRY_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)
MAX_SHOWN = 160

Part = dict[str, Any]


class Exchange(Protocol):
    """One call in the server's dialect (`adaptive.engines.dialects.call.DialectCall`)."""

    path: ClassVar[str]

    @property
    def received(self) -> int:
        """How many tokens came so far: a server that sends much and brings none is not listened to for long."""

    def request(self) -> Part | None:
        """Return the body of the next request; None if nothing is missing any more."""

    def take(self, part: Part) -> bool:
        """Take a part of the answer; return whether another one is wanted."""

    def on_end(self) -> None:
        """Handle the end of an answer that was not closed from here."""


@dataclass(frozen=True)
class ServerRetryPolicy:
    """How long a call may take and how often it is repeated.

    Attributes:
        timeout: Seconds for a call, all its repetitions included.
        retries: How often it is repeated.
        pause: The pauses between two tries grow to this many seconds.
        max_reply: Megabytes of a reply, or of what a stream sends without a token.
    """

    timeout: float = 600.0
    retries: int = RETRIES
    pause: float = LONGEST_PAUSE
    max_reply: float = MAX_REPLY

    def __post_init__(self) -> None:
        check_max_reply(self.max_reply)


class RefusedError(InputError):
    """The server rejects the request; `detail` is its status and message."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"the server {url} refuses the request ({detail}).")
        self.detail = detail


class NotJsonError(AdaptiveError):
    """The server answered something else than a JSON object."""


class RetryableError(Exception):
    """Something that may be over in a moment; `seconds` is the pause that the server asked for."""

    def __init__(self, detail: str, seconds: float | None = None) -> None:
        super().__init__(detail)
        self.seconds = seconds


class ServerClient:
    """A client of the server at `url` (".../v1"). All methods belong to one event loop.

    `self.url` can be shown: it lacks the user and password that the address may hold.

    Args:
        url: The address of the server's API.
        key: Sent as a bearer token, if not None.
        patience: Time limit and repetitions of each call.
        concurrency: Calls under way at once. The time limit of a call that waits for its turn has not started.
    """

    def __init__(self, url: str, key: str | None, patience: ServerRetryPolicy, concurrency: int) -> None:
        self.url, self._url, self._root = redact_address(url), url, url.removesuffix("/v1")
        self._patience = patience
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}
        times = httpx.Timeout(patience.timeout, connect=CONNECT_SECONDS, pool=None)
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.AsyncClient(headers=headers, limits=limits, timeout=times)
        self._slots = asyncio.Semaphore(concurrency)

    async def list_models(self) -> list[Part]:
        """Return the models that the server lists."""
        models: list[Part] = []

        async def ask() -> None:
            response, text = await self._read_whole("GET", f"{self._url}/models")
            self._check_status(response, text)
            data = self._parse_object(text).get("data")
            if not isinstance(data, list) or not all(isinstance(one, dict) and _has_id(one) for one in data):
                raise AdaptiveError(
                    f"the server {self.url} does not list its models: is this the address of its /v1?"
                )
            models.extend(data)

        await self._run_with_retries(ask, min(self._patience.retries, RETRIES_AT_CONNECT))
        return models

    async def fetch_json(self, path: str, body: Part | None = None) -> Part | None:
        """Return the JSON object at `path`, asked for by POST if there is a body; None if there is no object."""
        answers: list[Part | None] = []

        async def ask() -> None:
            response, text = await self._read_whole("POST" if body else "GET", self._root + path, body)
            if response.status_code in RETRY_STATUSES:
                self._check_status(response, text)
            answers.append(self._parse_object(text) if response.status_code == httpx.codes.OK else None)

        try:
            await self._run_with_retries(ask, min(self._patience.retries, RETRIES_AT_CONNECT))
        except NotJsonError:
            return None
        return answers[0]

    async def stream(self, exchange: Exchange) -> None:
        """Send requests until nothing is missing, and hand each part of the answers to `exchange`.

        When it wants no more parts, the connection is closed, which makes a server drop the request. Raises
        `AdaptiveError` or `InputError` in one sentence.
        """

        async def ask() -> None:
            while (body := exchange.request()) is not None:
                async with self._open_reply("POST", self._root + exchange.path, body) as (response, stream):
                    await self._read_response(response, stream, exchange)

        await self._run_with_retries(ask, self._patience.retries)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _open_reply(
        self, method: str, url: str, body: Part | None = None
    ) -> AsyncIterator[tuple[httpx.Response, LimitedStream]]:
        """Open the reply to a request. All that is read from the server is read from here, up to the limit."""
        async with self._client.stream(method, url, json=body) as response:
            yield response, limit_reply(response, self._patience.max_reply, f"the server {self.url}")

    async def _read_whole(self, method: str, url: str, body: Part | None = None) -> tuple[httpx.Response, str]:
        async with self._open_reply(method, url, body) as (response, _):
            return response, (await response.aread()).decode(errors="replace")

    async def _read_response(self, response: httpx.Response, stream: LimitedStream, exchange: Exchange) -> None:
        if response.status_code != httpx.codes.OK:
            self._check_status(response, (await response.aread()).decode(errors="replace"))
        async with aclosing(self._iterate_parts(response)) as parts:
            async for part in parts:
                before = exchange.received
                if not exchange.take(part):
                    return
                if exchange.received > before:
                    stream.restart()
        exchange.on_end()

    async def _iterate_parts(self, response: httpx.Response) -> AsyncGenerator[Part, None]:
        """Yield the parts of an event stream, or the one answer of a server that does not stream."""
        if "application/json" in response.headers.get("content-type", ""):
            yield self._check_part(self._parse_object((await response.aread()).decode(errors="replace")))
            return
        if "ndjson" in response.headers.get("content-type", ""):
            async with aclosing(_iterate_lines(response)) as lines:
                async for line in lines:
                    if line.strip():
                        yield self._check_part(self._parse_object(line))
            return
        try:
            async with aclosing(EventSource(response).aiter_sse()) as events:
                async for event in events:
                    if event.data.strip() not in ("", "[DONE]"):
                        yield self._check_part(self._parse_object(event.data))
        except SSEError as error:  # a wrong content type; it counts as a transport error, which would be retried
            raise AdaptiveError(f"the server {self.url} answers with no event stream ({error}).") from error

    async def _run_with_retries(self, ask: Callable[[], Awaitable[None]], retries: int) -> None:
        """Call `ask` when a slot is free, and again after an error that may be over in a moment."""
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
            raise AdaptiveError(f"the server {self.url} {late}: raise -o timeout=… or ask for less.") from None
        except (RetryableError, httpx.HTTPError) as error:
            reason = f"{_describe_error(error)}, asked {retries + 1} times"
            raise AdaptiveError(f"the server {self.url} does not answer ({reason}): is it running?") from error

    def _compute_pause(self, state: RetryCallState) -> float:
        """Return the seconds that the server asked for, else a doubled pause, jittered to avoid a rush."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableError) and error.seconds is not None:
            return error.seconds
        return min(FIRST_PAUSE * 2.0 ** (state.attempt_number - 1), self._patience.pause) + random.uniform(0, 0.25)

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        LOG.warning("the server %s: %s; asked again in %.1f s", self.url, _describe_error(error), wait)

    def _check_status(self, response: httpx.Response, text: str) -> None:
        """Raise the error that a status stands for, unless it is 200."""
        status = response.status_code
        if status in RETRY_STATUSES:
            raise RetryableError(f"status {status}", _parse_seconds(response.headers.get("retry-after", "")))
        if status in (401, 403):
            raise AdaptiveError(f"the server {self.url} refuses the key ({status}): set ADAPTIVE_API_KEY.")
        if status != httpx.codes.OK:
            raise RefusedError(self.url, f"{status}: {_extract_message(text)}")

    def _parse_object(self, text: str) -> Part:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NotJsonError(f"the server {self.url} answered what is no JSON: {_quote(text)}.") from error
        if not isinstance(data, dict):
            raise NotJsonError(f"the server {self.url} answered what is no JSON object: {_quote(text)}.")
        return data

    def _check_part(self, part: Part) -> Part:
        if part.get("error") is not None:
            raise AdaptiveError(f"the server {self.url} failed ({_extract_message(json.dumps(part))}).")
        return part


async def _iterate_lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Yield what line feeds end. `httpx.Response.aiter_lines` would cut at U+0085 inside a text too."""
    held: list[bytes] = []
    async for chunk in response.aiter_bytes():
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield b"".join([*held, line]).decode(errors="replace")
            held.clear()
        held.append(rest)
    yield b"".join(held).decode(errors="replace")


def _has_id(model: Part) -> bool:
    return isinstance(model.get("id"), str)


def _parse_seconds(text: str) -> float | None:
    """Return the seconds of a `Retry-After`; None if it has none, or a date."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


def _quote(text: str) -> str:
    return repr(redact_text(text.strip()[:60]))


def _extract_message(text: str) -> str:
    """Return the message in the body of an error, on one line."""
    try:
        data = json.loads(text)
        error = data.get("error", data) if isinstance(data, dict) else data
        message = error.get("message", error) if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        message = text
    return redact_text(str(message))


def _describe_error(error: BaseException | None) -> str:
    return to_single_line(error, MAX_SHOWN) or type(error).__name__
