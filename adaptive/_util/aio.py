"""Coroutines run with bounded concurrency, in another context, or on an event loop in a thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextvars import Context
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
Emit = Callable[[T], None]

STOP_SECONDS = 5.0
"""How long an interrupted caller waits for its work to stop, and `LoopThread.stop` for the thread."""

_END: Any = object()
_STARTING = threading.Lock()


class LoopThread:
    """An event loop in a daemon thread, for callers in any thread or loop.

    By hand, because anyio's blocking portal does not wait for cancelled work, and its cancel scopes cancel again
    at every `await`: clean-up that awaits, such as aborting a request, would be cut off. Here work is cancelled
    once.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`. If the caller is cancelled, cancel the work and wait for it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            future.cancel()
            await asyncio.wait([waiting])
            raise

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`; blocks. If the caller is interrupted, cancel the work and wait for it."""
        stopped = threading.Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                stopped.set()

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():  # still running, so it is the caller that was interrupted
                stopped.wait(STOP_SECONDS)
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._finish_tasks())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._finish_tasks())  # of generators that were dropped meanwhile
        self._loop.close()

    async def _finish_tasks(self) -> None:
        """Cancel what still runs, as `asyncio.run` does, which otherwise is complained about on stderr.

        A generator that an error left open is closed by a task, and that drops the generator within, whose task
        comes later. So this goes on until there is none.
        """
        until = self._loop.time() + STOP_SECONDS
        told: set[asyncio.Task[Any]] = set()
        while (left := until - self._loop.time()) > 0:
            for _ in range(2):  # a generator that was dropped gets its task, and the task begins
                await asyncio.sleep(0)
            if not (tasks := asyncio.all_tasks(self._loop) - {asyncio.current_task()}):
                return
            for task in tasks - told:  # once: see the class
                if inspect.iscoroutine(task.get_coro()):
                    task.cancel()  # what closes a generator is none, and may await in its clean-up
            told |= tasks
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)


@cache
def _start_shared_loop() -> LoopThread:
    return LoopThread("adaptive")


def _get_shared_loop() -> LoopThread:
    # Two threads that come first would start one each, and what waits on one would be woken on the other.
    with _STARTING:
        return _start_shared_loop()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, run on one loop that all callers share; see `LoopThread.call`."""
    return _get_shared_loop().call(work)


async def run_concurrently(items: Iterable[T], count: int, do: Callable[[T], Awaitable[None]]) -> None:
    """Call `do` with each item in order, `count` at a time. The first error cancels the rest and is raised."""
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


async def run_in_context(work: Coroutine[Any, Any, T], context: Context) -> T:
    """Return the result of `work`, run in a context. Cancelling the caller cancels it."""
    return await asyncio.get_running_loop().create_task(work, context=context)


async def stream_in_context(
    work: Callable[[Emit[T]], Coroutine[Any, Any, None]], context: Context
) -> AsyncGenerator[T, None]:
    """Yield what `work` emits, run in a context. Closing the generator cancels it."""
    queue: asyncio.Queue[T] = asyncio.Queue()
    task = asyncio.get_running_loop().create_task(work(queue.put_nowait), context=context)
    task.add_done_callback(lambda _: queue.put_nowait(_END))
    try:
        while (item := await queue.get()) is not _END:
            yield item
        await task  # raises what the work failed with
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stream_in_context_blocking(
    work: Callable[[Emit[T]], Coroutine[Any, Any, None]], context: Context
) -> Iterator[T]:
    """Yield what `work` emits, for callers that do not await. The work goes on between two items."""
    items = stream_in_context(work, context)

    async def read_next() -> T:
        return await anext(items, _END)

    try:
        while (item := run_blocking(read_next())) is not _END:
            yield item
    finally:
        run_blocking(items.aclose())
