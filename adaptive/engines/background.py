"""An event loop in a thread of its own, for clients that belong to one loop while engines are called from many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

from adaptive.engines.protocol import OnToken

T = TypeVar("T")
STOP_SECONDS = 5.0
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
            self._thread.join(STOP_SECONDS)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.close()


def in_callers_loop(on_token: OnToken) -> OnToken:
    """`on_token`, called from any thread, runs in the loop and context of who calls this.

    LangGraph keeps what its stream writer needs in the context.
    """
    return partial(_tell, asyncio.get_running_loop(), copy_context(), on_token)


def _tell(loop: asyncio.AbstractEventLoop, context: Context, on_token: OnToken, token: int) -> None:
    loop.call_soon_threadsafe(on_token, token, context=context)
