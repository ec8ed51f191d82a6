"""One call of `ChatAdaptive`: a solve, or a step of an agent if it has tools or a form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import AnyMessage
from langchain_core.outputs import ChatGenerationChunk

from adaptive._util.aio import Emit
from adaptive.agents.chunks import message_to_chunk, stream_chunks
from adaptive.agents.step.bound_tools import BoundArguments, has_tool_calls
from adaptive.agents.step.report import describe_step
from adaptive.errors import AdaptiveError
from adaptive.types.usage import Usage

if TYPE_CHECKING:
    from adaptive.agents.step.chat_model_step import StepRunner

T = TypeVar("T")


@dataclass(frozen=True)
class AdaptedCall:
    """A call.

    Attributes:
        messages: The conversation.
        bound: Tools or a form, if any.
        options: Options of the solve, by name.
        stops: Strings before the first of which the text is cut.
        timeout: Seconds that it may take; None: any.
        on_spent: Is sent what it spent, at its end.
    """

    messages: Sequence[AnyMessage]
    bound: BoundArguments | None
    options: dict[str, Any]
    stops: Sequence[str]
    timeout: float | None
    on_spent: Callable[[Usage], None]

    @property
    def is_step(self) -> bool:
        """Whether the call is a step of an agent if a chat model is underneath."""
        return self.bound is not None or has_tool_calls(self.messages)

    async def make_step(self, runner: StepRunner, emit: Emit[ChatGenerationChunk]) -> dict[str, Any]:
        """Make a step, emit its message, and return what its span says of it."""
        timeouts = [t for t in (self.timeout, runner.options.timeout) if t is not None]
        step = runner.run(self.messages, self.bound or BoundArguments(), self.on_spent)
        message = await _run_with_timeout(step, min(timeouts, default=None))
        emit(message_to_chunk(message, self.stops))
        return describe_step(message)

    async def solve(self, graph: Any, emit: Emit[ChatGenerationChunk]) -> dict[str, Any]:
        """Solve with a solver's graph, emit the chunks, and return what its span says of it."""
        state = {"messages": self.messages, "adaptive_options": self.options}
        return await _run_with_timeout(stream_chunks(graph, state, self.stops, emit, self.on_spent), self.timeout)


async def _run_with_timeout(work: Coroutine[Any, Any, T], seconds: float | None) -> T:
    """Return the result of `work`; raises `AdaptiveError` if it takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():  # somebody else's time limit
            raise
        raise AdaptiveError(f"no answer within {seconds:g} s: raise timeout or lower budget.") from error
