"""Many things done at once, but so many at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextvars import Context
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


async def run_concurrently(items: Iterable[T], count: int, do: Callable[[T], Awaitable[None]]) -> None:
    """Do `do` with each item in their order, `count` at a time. The first error ends them all."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


Emit = Callable[[T], None]
_END: Any = object()


async def run_isolated(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run in an empty context; cancelling the caller cancels it."""
    return await asyncio.get_running_loop().create_task(work, context=Context())


async def stream_isolated(work: Callable[[Emit[T]], Coroutine[Any, Any, None]]) -> AsyncGenerator[T, None]:
    """What `work` tells, as it tells it, run in an empty context. Closing the generator cancels it."""
    queue: asyncio.Queue[T] = asyncio.Queue()
    task = asyncio.get_running_loop().create_task(work(queue.put_nowait), context=Context())
    task.add_done_callback(lambda _: queue.put_nowait(_END))
    try:
        while (item := await queue.get()) is not _END:
            yield item
        await task  # raises what it failed with
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stream_isolated_blocking(work: Callable[[Emit[T]], Coroutine[Any, Any, None]]) -> Iterator[T]:
    """What `work` tells, for callers that do not await; between two items it goes on on our own loop."""
    items = stream_isolated(work)

    async def following() -> T:
        return await anext(items, _END)

    try:
        while (item := run_blocking(following())) is not _END:
            yield item
    finally:
        run_blocking(items.aclose())


ENGINE_STOP_SECONDS = 5.0
"""How long the thread is waited for."""


class LoopThread:
    """Runs coroutines for callers in any event loop; a daemon, so that it never keeps a process alive."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns. When the caller is cancelled, the work is cancelled and waited for."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            future.cancel()
            await asyncio.wait([waiting])
            raise

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; blocks the calling thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(ENGINE_STOP_SECONDS)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.close()


STOP_SECONDS = 5.0  # how long an interrupted caller waits for the work to stop


@cache
def _get_loop() -> asyncio.AbstractEventLoop:
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

    future = asyncio.run_coroutine_threadsafe(watched(), _get_loop())
    try:
        return future.result()
    except BaseException:
        if future.cancel():  # not over yet: it is the caller that was interrupted
            stopped.wait(STOP_SECONDS)
        raise
