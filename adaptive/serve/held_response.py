"""A response that is made while its client waits: if the client hangs up, the work stops.

By hand, because Starlette's `StreamingResponse` notices a client that hung up only between two parts, and cancels
in a scope of anyio, which cancels again at every `await`: an engine's clean-up would be cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from adaptive.serve.errors import ApiError, to_api_error

EVENT_STREAM, JSON = "text/event-stream", "application/json"
PING = b": waiting\n\n"
"""A comment of a stream, for proxies that close a silent connection."""
PING_SECONDS = 15.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second: nginx passes parts on at once

MakeParts = Callable[[], AsyncGenerator[bytes, None]]
FormatError = Callable[[ApiError], bytes]


class HeldResponse(Response):
    """Sends the parts of a body as they are made. An error before the first part is the response.

    Args:
        make_parts: Makes the body; it is closed if the client hangs up.
        media_type: `EVENT_STREAM`, or `JSON`.
        format_error: Makes the last part of a stream that fails once it has begun.
    """

    def __init__(self, make_parts: MakeParts, media_type: str, format_error: FormatError) -> None:
        super().__init__(None, 200, _HEADERS, media_type)
        del self.headers["content-length"]  # the parts are not made yet
        self._make_parts, self._streams = make_parts, media_type == EVENT_STREAM
        self._format_error = format_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, or stop once the client is gone."""
        sending = asyncio.create_task(self._send_parts(scope, receive, send))
        leaving = asyncio.create_task(_wait_until_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send_parts(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        try:
            async with aclosing(_join_ready_parts(self._make_parts, self._streams)) as parts:
                async for part in parts:
                    if not started:
                        started = True
                        await send(self._build_start())
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client reads a sentence
            failure = to_api_error(error)
            if not started:
                await failure.to_response()(scope, receive, send)
                return
            await send({"type": "http.response.body", "body": self._format_error(failure), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _build_start(self) -> Message:
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}


async def _join_ready_parts(make_parts: MakeParts, pings: bool) -> AsyncGenerator[bytes, None]:
    """Yield the parts, those that are ready together as one, and a ping whenever none is for a while.

    The work does not wait for a client that reads slowly: it holds a place of the engine.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    work, ended = asyncio.create_task(_fill_queue(make_parts(), queue)), False
    try:
        while not ended:
            ready = [await _get_part(queue, PING_SECONDS if pings else None)]
            while not queue.empty():
                ready.append(queue.get_nowait())
            ended = ready[-1] is None
            if body := b"".join(part for part in ready if part is not None):
                yield body
        await work  # raises what it failed with
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _fill_queue(parts: AsyncGenerator[bytes, None], queue: asyncio.Queue[bytes | None]) -> None:
    try:
        async with aclosing(parts):
            async for part in parts:
                queue.put_nowait(part)
    finally:
        queue.put_nowait(None)


async def _get_part(queue: asyncio.Queue[bytes | None], seconds: float | None) -> bytes | None:
    try:
        async with asyncio.timeout(seconds):
            return await queue.get()
    except TimeoutError:
        return PING


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
