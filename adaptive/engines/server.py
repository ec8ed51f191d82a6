"""Talking to an OpenAI-compatible server: what it serves, and completions that survive a broken connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from adaptive.errors import AdaptiveError, InputError, on_one_line

LOG = logging.getLogger("adaptive")
CONNECT_SECONDS = 10.0
LONGEST_WAIT = 20.0
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
SHOWN = 160

Part = dict[str, Any]


class AgainError(Exception):
    """Something that may be over in a moment; `seconds` is what the server asked to wait."""

    def __init__(self, said: str, seconds: float | None = None) -> None:
        super().__init__(said)
        self.seconds = seconds


class Server:
    """The server at `url`; `key` is sent as a bearer token. All methods belong to one event loop."""

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, concurrency: int) -> None:
        self._url, self._timeout, self._retries = url, timeout, retries
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=concurrency)
        # The pool waits without limit: a call that waits for its turn is not late.
        times = httpx.Timeout(timeout, connect=CONNECT_SECONDS, pool=None)
        self._client = httpx.AsyncClient(base_url=url + "/", headers=headers, limits=limits, timeout=times)

    async def models(self) -> list[Part]:
        """What is served, as the server lists it."""
        found: list[Part] = []

        async def ask() -> None:
            response = await self._client.get("models")
            self._check(response, response.text)
            data = _json(response.text).get("data")
            if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
                raise AdaptiveError(
                    f"the server {self._url} does not list its models: is this the address of its /v1?"
                )
            found.extend(data)

        await self._persist(ask)
        return found

    async def stream(self, request: Callable[[], Part | None], take: Callable[[Part], bool]) -> None:
        """Ask what `request` gives, anew after a failure, and give each part of the answer to `take`.

        Where that returns False the connection is closed, which makes a server drop the request. Raises
        `AdaptiveError` or `InputError` in one sentence.
        """

        async def ask() -> None:
            body = request()
            if body is None:
                return
            async with self._client.stream("POST", "completions", json=body) as response:
                if response.status_code != httpx.codes.OK:
                    self._check(response, (await response.aread()).decode(errors="replace"))
                async for part in self._parts(response):
                    if not take(part):
                        return

        await self._persist(ask)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _persist(self, ask: Callable[[], Any]) -> None:
        """Run `ask`, again after what may be over in a moment."""
        tries = AsyncRetrying(
            retry=retry_if_exception_type((AgainError, httpx.TransportError)),
            stop=stop_after_attempt(self._retries + 1),
            wait=_pause,
            before_sleep=self._say,
            reraise=True,
        )
        try:
            async with asyncio.timeout(self._timeout):
                await tries(ask)
        except TimeoutError:
            raise AdaptiveError(f"the server {self._url} did not finish within {self._timeout:g} s.") from None
        except (AgainError, httpx.TransportError) as error:
            said = f"{_brief(error)}, asked {self._retries + 1} times"
            raise AdaptiveError(f"the server {self._url} does not answer ({said}): is it running?") from error

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        LOG.warning("the server %s: %s; asked again in %.1f s", self._url, _brief(error), wait)

    def _check(self, response: httpx.Response, text: str) -> None:
        """Raise what a status that is no success means."""
        status = response.status_code
        if status in AGAIN:
            after = response.headers.get("retry-after", "")
            raise AgainError(f"status {status}", float(after) if after.replace(".", "", 1).isdigit() else None)
        if status in (401, 403):
            raise AdaptiveError(f"the server {self._url} refuses the key ({status}): set ADAPTIVE_API_KEY.")
        if status != httpx.codes.OK:
            raise InputError(f"the server {self._url} refuses the request ({status}: {_said(text)}).")

    async def _parts(self, response: httpx.Response) -> AsyncIterator[Part]:
        """The parts of a stream of server-sent events."""
        async for line in response.aiter_lines():
            kind, _, data = line.partition(":")
            if kind != "data" or data.strip() == "[DONE]":
                continue
            part = _json(data)
            if "error" in part:
                raise AdaptiveError(f"the server {self._url} failed ({_said(data)}).")
            yield part


_GROWING = wait_exponential(multiplier=0.25, max=LONGEST_WAIT) + wait_random(0, 0.25)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.seconds if isinstance(error, AgainError) else None
    return float(_GROWING(state)) if asked is None else asked


def _json(text: str) -> Part:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise AdaptiveError(f"the server answered what is no JSON: {text.strip()[:60]!r}.") from error
    if not isinstance(data, dict):
        raise AdaptiveError(f"the server answered what is no JSON object: {text.strip()[:60]!r}.")
    return data


def _said(text: str) -> str:
    """What an error's body says, on one line."""
    try:
        data = json.loads(text)
        error = data.get("error", data) if isinstance(data, dict) else data
        said = error.get("message", error) if isinstance(error, dict) else error
    except ValueError:
        said = text
    return on_one_line(said, SHOWN)


def _brief(error: BaseException | None) -> str:
    return on_one_line(error, SHOWN) or type(error).__name__
