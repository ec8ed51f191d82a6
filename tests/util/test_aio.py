from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import cache
from traceback import walk_stack
from typing import Any

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive._util import aio
from adaptive._util.aio import LoopThread, run_blocking, run_in_context
from adaptive.solver.runnables import make_node_runnable
from adaptive.types.events import OnEvent


async def test_inside_a_running_loop_too() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert run_blocking(work()) == 7


def test_an_error_comes_out() -> None:
    async def work() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run_blocking(work())


def test_all_calls_run_on_one_loop() -> None:
    async def work() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert run_blocking(work()) is run_blocking(work())


@pytest.mark.parametrize("held", [True, False], ids=["the error is held", "the error is gone"])
def test_a_loop_that_stops_closes_generators_in_generators(held: bool, caplog: pytest.LogCaptureFixture) -> None:
    closed: list[int] = []

    async def generate(depth: int) -> AsyncGenerator[int, None]:
        try:
            if depth == 0:
                yield 1
            else:
                async for one in generate(depth - 1):
                    yield one
        finally:
            await asyncio.sleep(0)
            closed.append(depth)

    async def leave_open() -> None:
        async for _ in generate(6):
            raise ValueError("left open")

    async def wait_until_cancelled() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)  # a second cancel would end it here
            closed.append(99)

    loop = LoopThread("closing")
    waiting = asyncio.run_coroutine_threadsafe(wait_until_cancelled(), loop._loop)
    with pytest.raises(ValueError, match="left open") as caught:
        loop.call(leave_open())
    if not held:
        del caught
    loop.stop()
    assert sorted(closed) == [*range(7), 99]
    assert waiting.cancelled()
    assert not caplog.records  # no task that was destroyed while it was pending


def test_threads_that_call_first_at_once_share_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[LoopThread] = []

    def start(name: str) -> LoopThread:
        time.sleep(0.05)  # the others are here before it is over
        started.append(LoopThread(name))
        return started[-1]

    async def work() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    monkeypatch.setattr(aio, "_start_shared_loop", cache(lambda: start("racing")))
    with ThreadPoolExecutor(8) as pool:
        loops = set(pool.map(lambda _: run_blocking(work()), range(8)))
    assert len(loops) == len(started) == 1
    started[0].stop()


async def test_what_runs_apart_writes_to_the_stream_of_its_node() -> None:
    async def node(state: MessagesState, write: OnEvent) -> MessagesState:
        async def work() -> None:
            write({"told": "apart"})

        await run_in_context(work(), Context())
        return {"messages": []}

    graph: Any = StateGraph(MessagesState).add_node("node", make_node_runnable(node, "node"))
    made = graph.add_edge(START, "node").add_edge("node", END).compile()
    asked: Any = {"messages": []}
    assert [part async for part in made.astream(asked, stream_mode="custom")] == [{"told": "apart"}]
    assert list(made.stream(asked, stream_mode="custom")) == [{"told": "apart"}]


@pytest.fixture
def signals() -> Iterator[None]:
    """SIGINT as Python has it, where whoever started the tests had it ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def interrupt_the_waiting() -> None:
    """SIGINT to the main thread, once that waits for a result."""
    main = threading.main_thread().ident or 0
    while all(frame.f_code.co_name != "result" for frame, _ in walk_stack(sys._current_frames()[main])):
        time.sleep(0.01)
    signal.pthread_kill(main, signal.SIGINT)


@pytest.mark.usefixtures("signals")
def test_when_the_caller_is_interrupted_the_work_has_stopped() -> None:
    ended = []

    async def work() -> None:
        try:
            threading.Thread(target=interrupt_the_waiting).start()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.2)
            ended.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run_blocking(work())
    assert ended == ["cleaned up"]
