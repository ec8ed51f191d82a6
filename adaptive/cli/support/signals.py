"""Runs solves until they end or a signal arrives, and counts what was spent until then."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, TypeVar, cast

from adaptive.cli.support.errors import Interrupted
from adaptive.cli.support.report import Result
from adaptive.errors import AdaptiveError, InputError, NoAnswerInTime
from adaptive.solver.spent import SpentTokens
from adaptive.types.events import OnEvent

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOP_SECONDS = 0.7  # how long an engine may take to stop before the process ends without it


async def solve_one(
    solver: Any,
    question: str,
    on_event: OnEvent,
    images: Sequence[dict[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> Result:
    """Return the result object.

    Args:
        solver: The compiled graph.
        question: The text of the question.
        on_event: Called with each event of the custom stream.
        images: Content blocks to send with the question.
        settings: Options of this question alone.

    Raises:
        AdaptiveError: The solve failed; the message says what was spent.
    """
    tally = SpentTokens()
    inputs: dict[str, Any] = {"messages": [_build_message(question, images)]}
    if settings:
        inputs["adaptive_options"] = dict(settings)
    try:
        return await _stream_solve(solver, inputs, (tally.count_event, on_event))
    except NoAnswerInTime:  # its message already says what was spent
        raise
    except AdaptiveError as error:
        from adaptive.chat.errors import ChatError  # langchain is loaded if one is raised

        if not tally.attempts or (isinstance(error, ChatError) and error.usage.total):  # it says so itself
            raise
        kind = InputError if isinstance(error, InputError) else AdaptiveError
        raise kind(f"{error} ({tally})") from error


def _build_message(question: str, images: Sequence[dict[str, Any]]) -> tuple[str, Any]:
    """The user's message; images are content blocks of LangChain."""
    content = [{"type": "text", "text": question}, *images] if images else question
    return "user", content


async def _stream_solve(solver: Any, inputs: Mapping[str, Any], listeners: Sequence[OnEvent]) -> Result:
    state: dict[str, Any] = {}
    async for mode, data in solver.astream(inputs, stream_mode=["custom", "values"]):
        if mode == "custom":
            for on_event in listeners:
                on_event(data)
        else:
            state = data
    return cast(Result, state["adaptive_result"])


def run_until_signal(work: Coroutine[Any, Any, T], tally: SpentTokens) -> T:
    """Run `work`. A first SIGINT or SIGTERM cancels it and raises `Interrupted`, a second ends it all."""
    with _SignalGuard(tally) as guard:
        try:
            return asyncio.run(guard.run(work))
        except asyncio.CancelledError:
            if guard.caught is None:
                raise
            raise Interrupted(str(tally), guard.caught) from None


class _SignalGuard:
    """Turns signals into a cancelled task, and ends the process if the task does not end in time.

    The handlers are set before `asyncio.run` starts, which then leaves SIGINT alone, until the loop is closed.
    """

    def __init__(self, tally: SpentTokens) -> None:
        self.caught: int | None = None
        self._tally = tally
        self._cancel: Callable[[], object] = lambda: None
        self._alarm = threading.Timer(STOP_SECONDS, self._exit_process)
        self._alarm.daemon = True

    def __enter__(self) -> _SignalGuard:
        self._former = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._alarm.cancel()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` in a task that a signal cancels."""
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        # The handler runs between two bytecodes of the main thread: only this call also wakes a waiting loop.
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.caught is not None:
            task.cancel()
        return await task

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.caught is not None:
            os._exit(128 + number)
        self.caught = number
        self._alarm.start()
        self._cancel()

    def _exit_process(self) -> None:
        """End at once: a model in native code cannot be cancelled, and its thread is not waited for."""
        if self.caught is not None:
            os._exit(Interrupted(str(self._tally), self.caught).report())
