"""How long the embedded engine's solves hold the event loop up.

    python -m benchmarks.heartbeat --questions 40 --at-once 8

Solves are awaited on the loop, and as a control the same solves are called in threads beside it. There the loop
has nothing to do but the heartbeat: it waits for the processor and Python's lock alone. A beat is late by what
passed beyond its pause. The longest step is the most processor time that one callback of the loop took, which
other programs on the machine do not change. First solves load the engine, the profile and the difficulty model.
"""

from __future__ import annotations

import asyncio
import time
from asyncio.events import Handle
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from adaptive import Result, build_solver

PAUSE = 0.005
"""Seconds between two beats."""
QUESTIONS = ("What is 47 + 38 - 12?", "What is 9 * 8 * 7 - 6 * (5 + 4) + 3?", "What is 26/19 in lowest terms?")


@dataclass
class Beats:
    """What the heartbeat measured, in seconds: how late each beat was, and the longest step of the loop."""

    late: list[float] = field(default_factory=list)
    longest_step: float = 0.0
    where: str = ""

    def quantile(self, share: float) -> float:
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def timed_steps(beats: Beats) -> Iterator[None]:
    """Measure the processor time of each callback of the loop."""
    run: Callable[[Handle], None] = Handle._run  # type: ignore[attr-defined]

    def timed(handle: Handle) -> None:
        began = time.thread_time()
        run(handle)
        if (took := time.thread_time() - began) > beats.longest_step:
            beats.longest_step, beats.where = took, repr(handle)

    Handle._run = timed  # type: ignore[attr-defined]
    try:
        yield
    finally:
        Handle._run = run  # type: ignore[attr-defined]


async def measure(work: Awaitable[None]) -> Beats:
    """Let the heart beat while `work` runs."""
    beats, task = Beats(), asyncio.ensure_future(work)
    with timed_steps(beats):
        while not task.done():
            began = time.perf_counter()
            await asyncio.sleep(PAUSE)
            beats.late.append(time.perf_counter() - began - PAUSE)
    await task
    return beats


async def solve_all(solve: Callable[[Any], Awaitable[Any]], questions: int, at_once: int) -> None:
    """Solve so many questions, some at once."""
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with slots:
            asked = {"messages": [("user", QUESTIONS[number % len(QUESTIONS)])]}
            assert Result.of(await solve(asked)).status

    await asyncio.gather(*map(one, range(questions)))


async def run(questions: int, at_once: int) -> dict[str, Beats]:
    """All rows of the table."""

    async def nothing() -> None:
        await asyncio.sleep(1)

    def in_thread(solver: Any) -> Callable[[Any], Awaitable[Any]]:
        return lambda asked: asyncio.to_thread(solver.invoke, asked)

    first, second = build_solver("embedded"), build_solver("embedded")
    await asyncio.sleep(PAUSE)
    rows = {"nothing": await measure(nothing())}
    rows["first solve, in a thread"] = await measure(solve_all(in_thread(first), 1, 1))
    rows["first solve, awaited"] = await measure(solve_all(second.ainvoke, 1, 1))
    rows["solves, in threads"] = await measure(solve_all(in_thread(first), questions, at_once))
    rows["solves, awaited"] = await measure(solve_all(second.ainvoke, questions, at_once))
    return rows


@click.command(help=__doc__)
@click.option("--questions", default=40, show_default=True)
@click.option("--at-once", default=8, show_default=True)
@click.option("--where", is_flag=True, help="Print the callback of each longest step.")
def main(questions: int, at_once: int, where: bool) -> None:
    rows = asyncio.run(run(questions, at_once))
    print(f"| {'beside':<26} | beats | late, median | p99 | most | longest step |\n|---|---|---|---|---|---|")
    for name, beats in rows.items():
        late = " | ".join(f"{1000 * beats.quantile(share):.1f} ms" for share in (0.5, 0.99, 1.0))
        print(f"| {name:<26} | {len(beats.late)} | {late} | {1000 * beats.longest_step:.1f} ms |")
        if where:
            print(f"  {beats.where}")


if __name__ == "__main__":
    main()
