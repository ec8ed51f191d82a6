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
"""Given the question and the answer: whether the answer is right, or how likely that is, from 0 to 1."""


@dataclass(frozen=True)
class Function(ExternalVerifier):
    """Accepts what `test` says is right: True, or a number from 0.5 to 1; rejects at False or a smaller one.

    test: called with the question and the answer, sync or async; or a Runnable, given `{"question": ...,
    "answer": ...}`. What raises, takes longer than `timeout` seconds or returns anything else could not tell.

    A sync function runs in a thread, so that it does not block the event loop. A thread that hangs cannot be
    killed: it is left behind and runs on until the program ends (and where a sync Runnable hangs, Python waits
    at its end for LangChain's thread). A test that may hang is better a command, which is killed.
    Chat models called inside are counted, and their tokens do not show in the caller's stream.
    """

    test: AnswerTest | Runnable[Any, Any]
    timeout: float = 30.0
    name: str = "check"

    def __post_init__(self) -> None:
        check_time_limit(self.timeout)
        if not (callable(self.test) or isinstance(self.test, Runnable)):
            raise InputError(f"{self.test!r} cannot test an answer: give a function or a LangChain Runnable.")

    async def assess(self, question: str, answer: str, attempt: Attempt) -> Assessment:
        """What the test says."""
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
    """What `function` returns or raises, from a thread that keeps no program from ending.

    `asyncio.to_thread` will not do: its threads are few, so hung ones starve the rest, and Python waits for
    them before it ends.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    result: asyncio.Future[T] = loop.create_future()

    def tell(deliver: Callable[[Any], None], value: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if result.done() else deliver(value))

    def work() -> None:
        try:
            value = context.run(function, *arguments)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the result is awaited
            # A future refuses StopIteration, and an event loop ends at SystemExit.
            passed_on = isinstance(error, Exception) and not isinstance(error, StopIteration)
            tell(result.set_exception, error if passed_on else RuntimeError(redact_error(error)))
        else:
            tell(result.set_result, value)

    threading.Thread(target=work, name="check", daemon=True).start()
    return await result
