"""What engines have in common: who they are, and calls that run on a loop of the engine's own."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import ClassVar

from adaptive._util.aio import LoopThread
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError


class Engine:
    """A model with the spec `name` and a window of `window` ids."""

    parallel: ClassVar[int] = 1
    """How many solves at once it is worth giving it."""

    def __init__(self, name: str, codec: FolderCodec, window: int) -> None:
        self._name, self._codec, self._window = name, codec, window

    @property
    def name(self) -> str:
        """The model spec it was made from."""
        return self._name

    @property
    def codec(self) -> FolderCodec:
        """Its tokenizer and chat template."""
        return self._codec

    @property
    def context_window(self) -> int:
        """The most ids a sequence may have, prompt and new tokens together."""
        return self._window

    @property
    def facts(self) -> dict[str, str]:
        """What it can do beside that, by name."""
        return {}

    def _build_closed_error(self) -> AdaptiveError:
        """What a call to a closed engine raises."""
        return AdaptiveError(f"the engine of model {self._name!r} is closed: open it again.")


class LoopEngine(Engine, ABC):
    """An engine whose client belongs to the loop `loop` and keeps a cache that all calls share."""

    shares_cache = True

    def __init__(self, name: str, codec: FolderCodec, window: int, loop: LoopThread) -> None:
        super().__init__(name, codec, window)
        self._loop, self._closed = loop, False

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        """Continue `ids` by at most `max_tokens`; the contract is `TokenEngine.generate`'s."""
        if self._closed:
            raise self._build_closed_error()
        asked = GenerationRequest(tuple(ids), max_tokens, frozenset(stop_ids), sampling, self._window)
        told = None if on_token is None else bind_to_callers_loop(on_token)
        growing = GrowingGeneration(asked, told, halt, session)
        return await self._loop.run(self._generate_in_loop(growing))

    async def release(self, session: str) -> None:
        """Nothing to do: what was not used for longest is dropped where the cache is."""

    async def close(self) -> None:
        """Let go of the client and end the loop; calls that are running fail."""
        if not self._closed:
            self._closed = True
            self._shut_down()

    @abstractmethod
    async def _generate_in_loop(self, growing: GrowingGeneration) -> Generation:
        """In the loop: what a call comes to."""

    @abstractmethod
    def _shut_down(self) -> None:
        """Let go of the client and end the loop."""


def bind_to_callers_loop(on_token: OnToken) -> OnToken:
    """`on_token`, called from any thread, runs in the loop and context of who calls this.

    LangGraph keeps what its stream writer needs in the context.
    """
    return partial(_call_soon, asyncio.get_running_loop(), copy_context(), on_token)


def _call_soon(loop: asyncio.AbstractEventLoop, context: Context, on_token: OnToken, token: int) -> None:
    loop.call_soon_threadsafe(on_token, token, context=context)
