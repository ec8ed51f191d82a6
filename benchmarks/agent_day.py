"""A day of an agent's work in short: many solves in one process, many at once, and what it holds on to.

    python -m benchmarks.agent_day --solves 3000 --at-once 200

Each solve is a run of an agent on a thread of its own: `create_agent` with the middleware and the solver as its
tool, on a scripted model, with a checkpointer that forgets a thread once it is over. After each tenth of the
solves it measures memory, open files and threads. The trend of memory is the slope of a straight line through
the last half of the measurements.

The control is a tenth of the same agents, whose tool makes the same solves in threads. What is late beyond it is
late in bursts: 200 solves that begin in the same moment put up to 800 short callbacks into one turn of the loop,
most of them LangGraph's, and no beat comes before the last of them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver

from adaptive import Result, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, adaptive_tool
from benchmarks.heartbeat import PAUSE

PAGE = os.sysconf("SC_PAGE_SIZE")
TOOL = "think_hard"


class Planner(BaseChatModel):
    """Passes the question to the tool, and returns what it said."""

    @property
    def _llm_type(self) -> str:
        return "planner"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        call = {"name": TOOL, "args": {"question": str(last.text)}, "id": f"call-{len(messages)}"}
        message = AIMessage(str(last.text)) if last.type == "tool" else AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


@dataclass(frozen=True)
class Held:
    """What the process holds: megabytes of memory, open files, threads, and objects that Python tracks."""

    solves: int
    seconds: float
    memory: float
    files: int
    threads: int
    objects: int

    @classmethod
    def measure(cls, solves: int, seconds: float) -> Held:
        """Measure this process, after a collection."""
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6
        files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
        return cls(solves, seconds, resident, files, threads, len(gc.get_objects()))


def make_questions(count: int) -> Iterator[str]:
    """Different sums, so that no cache has them all."""
    rng = np.random.default_rng(6)
    for a, b, c in rng.integers(10, 99, size=(count, 3)):
        yield f"What is {a} + {b} - {c}?"


def make_threaded_tool() -> BaseTool:
    """Return the tool of the control: it makes the same solve in a thread."""
    solver = build_solver("embedded")

    def solve(question: str) -> str:
        return str(Result.of(solver.invoke({"messages": [("user", question)]})).answer)

    async def solve_in_thread(question: str) -> str:
        return await asyncio.to_thread(solve, question)

    return StructuredTool.from_function(solve, solve_in_thread, name=TOOL, description="The same, in a thread.")


async def run_day(
    solves: int, at_once: int, parts: int, *, threaded: bool = False
) -> tuple[list[Held], list[float]]:
    """Make all solves; return the measurements and how late the heartbeat was, in seconds."""
    saver = InMemorySaver()
    tool = make_threaded_tool() if threaded else adaptive_tool("embedded", name=TOOL)
    agent: Any = create_agent(Planner(), [tool], middleware=[AdaptiveThinkingMiddleware()], checkpointer=saver)
    slots, began = asyncio.Semaphore(at_once), time.perf_counter()

    async def solve(number: int, question: str) -> None:
        async with slots:
            thread: Any = {"configurable": {"thread_id": str(number)}}
            done = await agent.ainvoke({"messages": [("user", question)]}, thread)
            assert done["messages"][-1].text
            await saver.adelete_thread(str(number))

    late: list[float] = []
    questions = list(enumerate(make_questions(solves)))
    held = [Held.measure(0, 0.0)]
    for part in np.array_split(np.arange(solves), parts):
        heart = asyncio.create_task(beat(late))
        await asyncio.gather(*(solve(*questions[i]) for i in part))
        heart.cancel()
        held.append(Held.measure(int(part[-1]) + 1, time.perf_counter() - began))
    return held, late


async def beat(late: list[float]) -> None:
    """Note how late each beat is."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(PAUSE)
        late.append(time.perf_counter() - began - PAUSE)


def describe_trend(held: Sequence[Held]) -> str:
    """What the last half of the solves added, in words."""
    half = held[len(held) // 2 :]
    slope = np.polyfit([h.solves for h in half], [h.memory for h in half], 1)[0]
    files, threads, objects = (
        getattr(half[-1], name) - getattr(half[0], name) for name in ("files", "threads", "objects")
    )
    return (
        f"the last {half[-1].solves - half[0].solves} solves: {1000 * slope:+.1f} MB a thousand solves, "
        f"{files:+d} open files, {threads:+d} threads, {objects:+d} objects"
    )


@click.command(help=__doc__)
@click.option("--solves", default=3000, show_default=True)
@click.option("--at-once", default=200, show_default=True)
@click.option("--parts", default=10, show_default=True, help="How often it measures.")
def main(solves: int, at_once: int, parts: int) -> None:
    held, late = asyncio.run(run_day(solves, at_once, parts))
    print("| solves | seconds | memory (MB) | open files | threads | objects |\n|---|---|---|---|---|---|")
    for h in held:
        print(f"| {h.solves} | {h.seconds:.0f} | {h.memory:.0f} | {h.files} | {h.threads} | {h.objects} |")
    print(describe_trend(held))
    _, control = asyncio.run(run_day(max(at_once, solves // 10), at_once, 1, threaded=True))
    for name, beats in (("the day", late), ("the control, in threads", control)):
        median, most = 1000 * np.quantile(beats, [0.5, 0.99])
        print(f"heartbeat late in {name}: median {median:.1f} ms, p99 {most:.1f} ms")


if __name__ == "__main__":
    main()
