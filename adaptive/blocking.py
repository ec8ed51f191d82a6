"""Nodes that graphs can await and call. Calls run on one loop of our own, so that engines never change loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from langchain_core.runnables import RunnableLambda
from langgraph.config import get_stream_writer

S = TypeVar("S")
T = TypeVar("T")
Write = Callable[[dict[str, Any]], None]
STOP_SECONDS = 5.0  # how long an interrupted caller waits for the work to stop


def either_way(node: Callable[[S, Write], Awaitable[T]], name: str) -> RunnableLambda[S, T]:
    """A node that graphs can both invoke and await."""

    async def awaited(state: S) -> T:
        return await node(state, get_stream_writer())

    def invoked(state: S) -> T:
        write = get_stream_writer()  # bound to the calling thread: fetch it here

        async def run() -> T:
            return await node(state, write)

        return run_blocking(run())

    return RunnableLambda(invoked, afunc=awaited, name=name)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="adaptive", daemon=True).start()
    return loop


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; interrupting the caller cancels it and waits until it has stopped."""
    stopped = threading.Event()

    async def watched() -> T:
        try:
            return await work
        finally:
            stopped.set()

    future = asyncio.run_coroutine_threadsafe(watched(), _loop())
    try:
        return future.result()
    except BaseException:
        if future.cancel():  # not over yet: it is the caller that was interrupted
            stopped.wait(STOP_SECONDS)
        raise
