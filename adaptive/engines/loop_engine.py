"""Base classes of engines: what all have in common, and those whose calls run on a loop of their own."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import ParamSpec

from adaptive._util.aio import LoopThread
from adaptive.engines.generation import GenerationRequest, GrowingGeneration
from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling
from adaptive.engines.steering import OnPart, RequestSteering
from adaptive.engines.tokenizer import FolderCodec
from adaptive.errors import AdaptiveError

P = ParamSpec("P")
UNREPORTED_BATCH = 256
"""Concurrent solves on a server that does not say how many it batches: vLLM's smallest `max_num_seqs` on an
accelerator. What is more waits there."""


class Engine:
    """A model with the spec `name` and a window of `window` ids."""

    parallel: int = 1
    """How many concurrent solves make use of it: what its class says, or what the opened engine was asked."""

    def __init__(self, name: str, codec: FolderCodec, window: int) -> None:
        self._name, self._codec, self._window = name, codec, window

    @property
    def name(self) -> str:
        """The model spec it was opened with."""
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
        """Its other abilities, by name."""
        return {}

    async def can_guide(self) -> bool:
        """Whether the engine has guided decoding."""
        return False

    def _build_closed_error(self) -> AdaptiveError:
        """Return the error that a call to a closed engine raises."""
        return AdaptiveError(f"the engine of model {self._name!r} is closed: open it again.")


class LoopEngine(Engine, ABC):
    """An engine whose client belongs to the event loop `loop`, with a cache that all calls share."""

    shares_cache = True
    parallel = UNREPORTED_BATCH

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
        request = GenerationRequest(tuple(ids), max_tokens, frozenset(stop_ids), sampling, self._window)
        bound = None if on_token is None else bind_to_callers_loop(on_token)
        growing = GrowingGeneration(request, bound, halt, session)
        return await self._loop.run(self._generate_in_loop(growing))

    @property
    def steers(self) -> bool:
        """Whether the engine steers a chain of thinking inside a request (`adaptive.in_vllm`)."""
        return False

    async def generate_steered(
        self,
        ids: Sequence[int],
        *,
        steering: RequestSteering,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_part: OnPart,
    ) -> Generation:
        """Continue `ids` as a steered chain; the contract is `SteeringEngine.generate_steered`'s."""
        if self._closed:
            raise self._build_closed_error()
        request = GenerationRequest(tuple(ids), max_tokens, frozenset(stop_ids), sampling, self._window, steering)
        growing = GrowingGeneration(request, session=session, on_part=bind_to_callers_loop(on_part))
        return await self._loop.run(self._generate_in_loop(growing))

    async def release(self, session: str) -> None:
        """Do nothing: the shared cache drops what has not been used for longest."""

    async def close(self) -> None:
        """Close the client and end the loop; running calls fail."""
        if not self._closed:
            self._closed = True
            self._shut_down()

    @abstractmethod
    async def _generate_in_loop(self, growing: GrowingGeneration) -> Generation:
        """Run a call, in the loop."""

    @abstractmethod
    def _shut_down(self) -> None:
        """Close the client and end the loop."""


def bind_to_callers_loop(listener: Callable[P, None]) -> Callable[P, None]:
    """Return a listener for any thread, which runs the given one in the loop and context of this call's caller.

    The context, because LangGraph keeps there what its stream writer needs.
    """
    loop, context = asyncio.get_running_loop(), copy_context()

    def call_soon(*args: P.args, **kwargs: P.kwargs) -> None:
        loop.call_soon_threadsafe(partial(listener, *args, **kwargs), context=context)

    return call_soon
