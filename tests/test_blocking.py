from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from adaptive.blocking import run_blocking


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


def test_when_the_caller_is_interrupted_the_work_has_stopped() -> None:
    started, ended = threading.Event(), []

    async def work() -> None:
        try:
            started.set()
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0.2)
            ended.append("cleaned up")

    def interrupt() -> None:
        started.wait()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_blocking(work())
    assert ended == ["cleaned up"]
