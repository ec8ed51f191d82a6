"""Runs coroutines for callers that cannot await, on one loop of its own, so that engines never change loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="adaptive", daemon=True).start()
    return loop


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; interrupting the caller cancels it and waits until it has stopped."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
