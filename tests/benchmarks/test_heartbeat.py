"""The benchmarks of the heartbeat and of a day of agents see what they are there to see."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.agent_day import Held, describe_trend, run_day
from benchmarks.heartbeat import measure


async def spin(seconds: float) -> None:
    """Hold the loop up for so much of the processor's time."""
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


async def test_a_step_that_holds_the_loop_up_is_measured() -> None:
    held, free = await measure(spin(0.05)), await measure(asyncio.sleep(0.02))
    assert held.longest_step >= 0.05
    assert free.longest_step < held.longest_step
    assert max(held.late) >= 0.04
    assert held.quantile(0.0) <= held.quantile(0.99) <= held.quantile(1.0)


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_short_day_is_measured_after_each_part(threaded: bool) -> None:
    held, late = await run_day(4, 2, parts=2, threaded=threaded)
    assert [h.solves for h in held] == [0, 2, 4]
    assert all(h.memory > 0 and h.files > 0 and h.threads > 0 for h in held)
    assert late


@pytest.mark.parametrize(("grown", "said"), [(0.0, "+0.0 MB"), (0.5, "+50.0 MB")])
def test_the_trend_is_that_of_the_last_half(grown: float, said: str) -> None:
    held = [Held(10 * n, n, 100 + grown * n, 9, 3, 50) for n in range(11)]
    assert (
        describe_trend(held)
        == f"the last 50 solves: {said} a thousand solves, +0 open files, +0 threads, +0 objects"
    )
