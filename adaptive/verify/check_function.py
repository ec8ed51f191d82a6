"""The user's own test of an answer, as a Python function or a LangChain Runnable."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.runnables import Runnable

from adaptive._util.deadline import check_time_limit
from adaptive._util.redact import redact_error
from adaptive.answers.grader import describe_value, parse_score
from adaptive.errors import InputError
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import CannotTell
from adaptive.verify.external import Assessment, ExternalVerifier
from adaptive.verify.metering import run_metered

T = TypeVar("T")

AnswerTest = Callable[[str, str], bool | float | Awaitable[bool | float]]
"""Takes the question and the answer; returns whether the answer is right, or how likely that is, in 0..1."""


@dataclass(frozen=True)
class Function(ExternalVerifier):
    """Accepts an answer if `test` returns True or a number from 0.5 to 1; rejects it at False or a smaller number.

    If the test raises, takes too long or returns anything else, the verdict is undecided.

    A sync function runs in a thread, so that it does not block the event loop. A thread that hangs cannot be
    killed: it is abandoned and runs on until the program ends. (If a sync Runnable hangs, Python waits at exit for
    LangChain's thread.) A test that may hang is better written as a command, which is killed.
    Chat models called inside are counted, and their tokens do not show in the caller's stream.

    Attributes:
        test: A sync or async function of the question and the answer, or a Runnable whose input is
            `{"question": ..., "answer": ...}`.
        timeout: Seconds that it may take.

    Raises:
        InputError: If `test` cannot be called, or the time limit is out of range.
    """

    test: AnswerTest | Runnable[Any, Any]
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        if not (callable(self.test) or isinstance(self.test, Runnable)):
            raise InputError(f"{self.test!r} cannot test an answer: give a function or a LangChain Runnable.")

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """Run the test and judge by what it returns. Raise `CannotTell` if that is no bool and no score."""
        value, usage = await run_metered(self._call_test(question, answer), "the check", self.timeout)
        score = parse_score(value)
        if score is None:
            why = f"the check answered nonsense ({describe_value(value)}), not a bool or a number from 0 to 1"
            raise CannotTell(why, usage)
        words = f"gives {score:.3f}" if not isinstance(value, bool) else "passes" if value else "fails"
        return Assessment(score >= 0.5, score, f"the check {words}", usage)

    async def _call_test(self, question: str, answer: str) -> Any:
        if isinstance(self.test, Runnable):
            return await self.test.ainvoke({"question": question, "answer": answer})
        value = await _run_in_thread(self.test, question, answer)
        try:
            return await value if inspect.isawaitable(value) else value
        except (Exception, asyncio.CancelledError, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit would end the event loop
            raise RuntimeError(redact_error(error)) from error


async def _run_in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run `function` in a daemon thread and return what it returns, or raise what it raises.

    `asyncio.to_thread` will not do: its threads are few, so hung ones starve the rest, and Python waits for
    them at exit.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    result: asyncio.Future[T] = loop.create_future()

    def deliver(set_outcome: Callable[[Any], None], outcome: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if result.done() else set_outcome(outcome))

    def work() -> None:
        try:
            value = context.run(function, *arguments)
        except BaseException as error:  # noqa: BLE001 -- it is raised in the task that awaits the result
            # A future refuses StopIteration, and an event loop ends at SystemExit.
            passed_on = isinstance(error, Exception) and not isinstance(error, StopIteration)
            deliver(result.set_exception, error if passed_on else RuntimeError(redact_error(error)))
        else:
            deliver(result.set_result, value)

    threading.Thread(target=work, name="check", daemon=True).start()
    return await result
