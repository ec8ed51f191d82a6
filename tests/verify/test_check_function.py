"""Functions and Runnables as checks, whatever they do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from adaptive.errors import InputError
from adaptive.types.verdict import Verdict
from adaptive.verify.check_function import Function
from tests.verify.attempts import attempt

pytestmark = pytest.mark.crossed


async def check(test: Any, answer: str | None = "73", timeout: float = 30.0) -> Verdict:
    return await Function(test, timeout).verify("What is 47 + 26?", attempt(answer), [])


def sync(value: Any) -> Any:
    return lambda question, answer: value


def awaited(value: Any) -> Any:
    async def test(question: str, answer: str) -> Any:
        await asyncio.sleep(0)
        return value

    return test


def returns_awaitable(value: Any) -> Any:
    return lambda question, answer: awaited(value)(question, answer)


def runnable(value: Any) -> Any:
    return RunnableLambda(lambda given: value)


def async_runnable(value: Any) -> Any:
    async def test(given: dict[str, str]) -> Any:
        return value

    return RunnableLambda(test)


KINDS = [sync, awaited, returns_awaitable, runnable, async_runnable]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("value", "accepted", "score", "reason"),
    [
        (True, True, 1.0, "the check passes"),
        (False, False, 0.0, "the check fails"),
        (1, True, 1.0, "the check gives 1.000"),
        (0.5, True, 0.5, "the check gives 0.500"),
        (0.25, False, 0.25, "the check gives 0.250"),
        (Fraction(3, 4), True, 0.75, "the check gives 0.750"),
    ],
)
async def test_what_it_says(
    kind: Callable[[Any], Any], value: Any, accepted: bool, score: float, reason: str
) -> None:
    verdict = await check(kind(value))
    assert (verdict.accepted, verdict.score, verdict.reason) == (accepted, score, reason)
    assert verdict.decided
    assert verdict.verifier == "check"


NONSENSE = [
    "yes",
    "",
    None,
    float("nan"),
    float("inf"),
    -0.1,
    1.1,
    2,
    10**400,
    10**5000,
    [True],
    {"ok": True},
    object(),
    1j,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", NONSENSE, ids=lambda v: type(v).__name__)
async def test_nonsense(kind: Callable[[Any], Any], value: Any) -> None:
    verdict = await check(kind(value))
    assert (verdict.accepted, verdict.decided, verdict.score) == (None, False, 0.5)
    assert verdict.reason.startswith("not verified: the check answered nonsense (")
    assert len(verdict.reason) < 300


async def test_question_and_answer_are_given() -> None:
    seen: list[Any] = []
    await check(lambda question, answer: seen.append((question, answer)) or True)
    await check(RunnableLambda(lambda given: seen.append(given) or True))
    question = "What is 47 + 26?"
    assert seen == [(question, "73"), {"question": question, "answer": "73"}]


class BrokenError(Exception):
    pass


class Outcome(BaseException):
    """As test frameworks have them."""


ERRORS = [
    BrokenError("no\nsecond line"),
    AssertionError(),
    SystemExit(1),
    StopIteration(),
    Outcome("failed"),
    TimeoutError("its own"),
    asyncio.CancelledError(),
    BrokenError("Authorization: Bearer abcdef012345"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("kind", ["sync", "async", "runnable"])
async def test_whatever_is_raised_is_no_verdict_on_the_answer(error: BaseException, kind: str) -> None:
    def test(question: str, answer: str) -> bool:
        raise error

    async def awaited_test(question: str, answer: str) -> bool:
        raise error

    async def in_runnable(given: dict[str, str]) -> bool:
        raise error

    if kind == "runnable" and isinstance(error, SystemExit | Outcome):
        pytest.skip("LangChain makes tasks of its own, and the event loop ends at these")
    verdict = await check({"sync": test, "async": awaited_test, "runnable": RunnableLambda(in_runnable)}[kind])
    assert (verdict.accepted, verdict.decided) == (None, False)
    assert verdict.reason.startswith("not verified: the check raised ")
    assert "second" not in verdict.reason
    assert "abcdef" not in verdict.reason


async def test_the_loop_goes_on_while_a_sync_function_works() -> None:
    event = threading.Event()
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert (await check(lambda question, answer: event.wait(60))).accepted


@pytest.mark.parametrize("kind", ["sync", "async", "stubborn", "runnable"])
async def test_what_hangs(kind: str) -> None:
    released, over = threading.Event(), asyncio.Event()

    async def hangs(question: str, answer: str) -> bool:
        return await asyncio.Event().wait()

    async def stubborn(question: str, answer: str) -> bool:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue
        return True

    tests: dict[str, Any] = {
        "sync": lambda question, answer: released.wait(),
        "async": hangs,
        "stubborn": stubborn,
        "runnable": RunnableLambda(lambda given: released.wait()),
    }
    verdict = await check(tests[kind], timeout=0.05)
    assert verdict.reason == "not verified: the check took more than 0.05 s"
    assert not verdict.decided
    released.set()
    over.set()


async def test_a_check_that_is_cancelled_cancels_what_it_asked() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def test(question: str, answer: str) -> bool:
        begun.set()
        try:
            return await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(check(test))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ended.wait()


HANGS = """
import asyncio, json, sys, threading
from adaptive.types.attempt import Attempt
from adaptive.verify.check_function import Function
one = Attempt.from_json(json.loads(sys.argv[1]))
hung = Function(lambda question, answer: threading.Event().wait(), timeout=0.05)
print(asyncio.run(hung.verify("?", one, [])).decided)
"""


def test_a_hung_function_keeps_no_program_from_ending() -> None:
    program = [sys.executable, "-c", HANGS, json.dumps(attempt().to_json())]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == ("False\n", "")


@pytest.mark.parametrize("answer", [None, "", "  "])
async def test_without_an_answer_nothing_is_called(answer: str | None) -> None:
    verdict = await check(lambda question, answer: 1 / 0, answer)
    assert verdict == Verdict(False, 0.0, "check", "there is no final answer")


@given(st.text(), st.text(min_size=1), st.floats(0, 1))
async def test_no_words_change_a_verdict(question: str, answer: str, value: float) -> None:
    verdict = await Function(sync(value)).verify(question, attempt(answer), [])
    assert verdict.accepted == (value >= 0.5 and bool(answer.strip()))


@pytest.mark.parametrize("kind", ["function", "runnable"])
async def test_models_that_it_calls_are_counted(kind: str) -> None:
    usage = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    model: Any = GenericFakeChatModel(messages=iter([AIMessage("right", usage_metadata=usage)]))

    def test(question: str, answer: str) -> bool:
        return "right" in model.invoke(question).text

    chain = (lambda given: given["question"]) | model | (lambda message: message.text == "right")
    verdict = await check(test if kind == "function" else chain)
    assert verdict.accepted
    assert verdict.usage is not None
    assert (verdict.usage.verifier, verdict.usage.cost, verdict.usage.estimated) == (16, None, ())


@pytest.mark.parametrize(
    ("test", "timeout", "said"), [("yes", 1.0, "'yes' cannot test an answer"), (sync(1), -1.0, "-1.0 s")]
)
def test_what_cannot_be_a_check(test: Any, timeout: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Function(test, timeout)
