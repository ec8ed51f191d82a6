"""A guard against tests that hang when the code is broken. It says nothing of speed: nothing comes near it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

GUARD = 120.0
"""Seconds."""
P = ParamSpec("P")


def guarded(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
    """Fail the test if it takes longer than the guard."""

    @wraps(test)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async with asyncio.timeout(GUARD):
            await test(*args, **kwargs)

    return run
