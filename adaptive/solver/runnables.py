"""Nodes that graphs can await and call. Calls run on one event loop, so that engines never change loops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.config import get_stream_writer

from adaptive._util.aio import T, run_blocking
from adaptive.types.events import OnEvent

S = TypeVar("S")


class SyncAsyncRunnable(Runnable[S, T]):
    """A step that a graph can both call and await.

    A `RunnableLambda` would be a run of its own in traces, which costs more than most of our nodes do.
    """

    def __init__(self, sync_call: Callable[[S], T], async_call: Callable[[S], Awaitable[T]], name: str) -> None:
        self._sync_call, self._async_call, self.name = sync_call, async_call, name

    def invoke(self, input: S, config: RunnableConfig | None = None, **kwargs: Any) -> T:
        """Call it."""
        return self._sync_call(input)

    async def ainvoke(self, input: S, config: RunnableConfig | None = None, **kwargs: Any) -> T:
        """Await it."""
        return await self._async_call(input)


def make_node_runnable(node: Callable[[S, OnEvent], Awaitable[T]], name: str) -> Runnable[S, T]:
    """Return a node that graphs can both invoke and await."""

    async def awaited(state: S) -> T:
        return await node(state, _make_stream_writer())

    def invoked(state: S) -> T:
        write = _make_stream_writer()  # bound to the calling thread: fetch it here

        async def run() -> T:
            return await node(state, write)

        return run_blocking(run())

    return SyncAsyncRunnable(invoked, awaited, name)


def _make_stream_writer() -> OnEvent:
    """Return the stream writer of this node; it works in any context.

    LangGraph's own looks for its run in the current context, and work in another one (`adaptive._util.aio`) has
    none.
    """
    write, context = get_stream_writer(), copy_context()
    # A copy for each event: samples write side by side, and a context cannot be entered twice at once.
    return lambda event: context.copy().run(write, event)


def make_nonblocking_node(step: Callable[[S], Any]) -> Runnable[S, Any]:
    """Return a node, or a router, that never blocks; an awaited graph calls other nodes in a thread."""

    async def awaited(state: S) -> Any:
        return step(state)

    return SyncAsyncRunnable(step, awaited, step.__name__)
