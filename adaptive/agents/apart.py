"""Work apart from the graph that it is called in, for callers that await and for those that do not.

A solver that is run inside a node of another graph would be taken for a part of that graph: its tokens would be
streamed and counted beside the ones that its caller reports of it, its state kept by the other's checkpointer. In
a context of its own it is nobody's child.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar

from adaptive.blocking import run_blocking

T = TypeVar("T")
Tell = Callable[[T], None]
_OVER: Any = object()


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run in an empty context; cancelling the caller cancels it."""
    return await asyncio.get_running_loop().create_task(work, context=Context())


async def told(work: Callable[[Tell[T]], Coroutine[Any, Any, None]]) -> AsyncGenerator[T, None]:
    """What `work` tells, as it tells it, run in an empty context. Closing the generator cancels it."""
    queue: asyncio.Queue[T] = asyncio.Queue()
    task = asyncio.get_running_loop().create_task(work(queue.put_nowait), context=Context())
    task.add_done_callback(lambda _: queue.put_nowait(_OVER))
    try:
        while (item := await queue.get()) is not _OVER:
            yield item
        await task  # raises what it failed with
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def told_blocking(work: Callable[[Tell[T]], Coroutine[Any, Any, None]]) -> Iterator[T]:
    """What `work` tells, for callers that do not await; between two items it goes on on our own loop."""
    items = told(work)

    async def following() -> T:
        return await anext(items, _OVER)

    try:
        while (item := run_blocking(following())) is not _OVER:
            yield item
    finally:
        run_blocking(items.aclose())
