"""What the graph and the classifier cost on top of the engine: `python -m benchmarks.overhead` prints medians.

The embedded model answers each question once, and an engine that plays that back at once, tokenizer and chat
template included, stands in for it: what is left of a solve is ours. Each question is solved, called and awaited,
and then a plain LangGraph graph runs: two nodes that only count take turns for as many super-steps, in a state
that holds the same. A ratio is of two runs side by side, so that a busy machine slows both; the processor's time
tells what was not waiting for others.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from langgraph.graph import END, START, StateGraph

from adaptive.engines.protocol import Codec, Generation, Halt, OnToken, Prompt, Sampling, TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.profile.profile import Profile
from adaptive.solver.build import build_solver
from adaptive.solver.state import SolverInput, SolverOutput, SolverState
from adaptive.types.ladder import Effort, Ladder, Rung
from adaptive.types.options import Options

RUNS = 9
COUNT = 40
SOLVE_TARGET, STEP_TARGET = 5.0, 1.25  # milliseconds a question; times a plain super-step
QUESTIONS = Path(__file__).parents[1] / "models" / "abacus" / "questions" / "fresh.jsonl"


class Remembered:
    """A codec that renders and decodes each thing once."""

    def __init__(self, codec: Codec) -> None:
        self.markers, self.efforts, self.encode = codec.markers, codec.efforts, cache(codec.encode)
        self._render, self._decode = cache(codec.render), cache(codec.decode)

    def render(self, messages: Sequence[tuple[str, str]], effort: Effort) -> Prompt:
        """What the codec makes of them."""
        return self._render(tuple(messages), effort)

    def decode(self, ids: Sequence[int]) -> str:
        """What the codec makes of them."""
        return self._decode(tuple(ids))


class Instant:
    """A token engine that asks another one once for each thing, and from then on plays that back at once."""

    shares_cache = True

    def __init__(self, engine: TokenEngine) -> None:
        self._engine = engine
        self.name, self.codec, self.context_window = engine.name, Remembered(engine.codec), engine.context_window
        self._known: dict[Any, Generation] = {}

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        """What the other one made of it, told token by token."""
        key = (tuple(ids), max_tokens, tuple(stop_ids), sampling)
        if key not in self._known:
            self._known[key] = await self._engine.generate(
                ids, max_tokens=max_tokens, stop_ids=stop_ids, sampling=sampling, session=session, halt=halt
            )
            return self._known[key]
        for token in self._known[key].ids:
            if on_token:
                on_token(token)
            if halt:
                halt(token)
        return self._known[key]

    async def can_guide(self) -> bool:
        """Whether the other one can."""
        return await self._engine.can_guide()

    async def release(self, session: str) -> None:
        """Nothing is held here, and nothing is asked of the other one any more."""

    async def close(self) -> None:
        """Passed on."""
        await self._engine.close()


@dataclass
class Took:
    """Milliseconds of each run, by the clock and of the processor, and super-steps of each."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, begun: tuple[float, float], steps: int) -> None:
        """A run that began then and has just ended."""
        wall, processor = clocks()
        self.wall.append(1000 * (wall - begun[0]))
        self.processor.append(1000 * (processor - begun[1]))
        self.steps.append(steps)

    def a_step(self) -> list[float]:
        """Milliseconds of the processor for each super-step."""
        return [ms / steps for ms, steps in zip(self.processor, self.steps, strict=True)]


def clocks() -> tuple[float, float]:
    """Seconds, by the clock and of the processor."""
    return time.perf_counter(), time.process_time()


def plain(values: dict[str, Any], steps: int) -> Any:
    """Two nodes that take turns for so many super-steps; the first fills the state with `values`."""
    written = {key: value for key, value in values.items() if key != "adaptive_steps"}  # LangGraph counts that

    async def one(state: SolverState) -> dict[str, Any]:
        taken = state.get("adaptive_sample", 0)
        return {**({} if taken else written), "adaptive_sample": taken + 1}

    async def after(state: SolverState) -> str:
        taken = state["adaptive_sample"]
        return END if taken >= steps else "other" if taken % 2 else "one"

    graph: Any = StateGraph(SolverState, input_schema=SolverInput, output_schema=SolverOutput)
    graph.add_node("one", one).add_node("other", one).add_edge(START, "one")
    for node in ("one", "other"):
        graph.add_conditional_edges(node, after, ["one", "other", END])
    return graph.compile()


@dataclass(frozen=True)
class Case:
    """A question, the super-steps that it takes, and the plain graph that takes as many."""

    asked: dict[str, Any]
    steps: int
    plain: Any

    @classmethod
    async def of(cls, solver: Any, question: str) -> Case:
        """The question, solved once."""
        asked = {"messages": [("user", question)]}
        *_, last = [part async for part in solver.astream(asked, stream_mode="debug")]
        *_, state = [part async for part in solver.astream(asked, stream_mode="tasks") if "input" in part]
        values = {k: v for k, v in state["input"].items() if k != "messages"}
        return cls(asked, last["step"], plain(values, last["step"]))


@dataclass
class Measured:
    """All runs of one solver, and of the plain graphs beside it."""

    called: Took = field(default_factory=Took)
    awaited: Took = field(default_factory=Took)
    plain: Took = field(default_factory=Took)

    async def awaiting(self, solver: Any, case: Case) -> None:
        """Await the solve, and the plain graph after it."""
        begun = clocks()
        await solver.ainvoke(case.asked)
        self.awaited.add(begun, case.steps)
        begun = clocks()
        await case.plain.ainvoke(case.asked)
        self.plain.add(begun, case.steps)

    def calling(self, solver: Any, case: Case) -> None:
        """Call the solve."""
        begun = clocks()
        solver.invoke(case.asked)
        self.called.add(begun, case.steps)

    @property
    def ratio(self) -> float:
        """How many times a plain super-step one of ours takes: the median over pairs of runs."""
        pairs = zip(self.awaited.a_step(), self.plain.a_step(), strict=True)
        return median(ours / plain for ours, plain in pairs)


def measured(solver: Any, questions: Sequence[str]) -> Measured:
    """Every question `RUNS` times, after once to warm up."""
    taken = Measured()

    async def awaiting() -> list[Case]:
        cases = [await Case.of(solver, question) for question in questions]
        for _ in range(RUNS):
            for case in cases:
                await taken.awaiting(solver, case)
        return cases

    for case in asyncio.run(awaiting()) * RUNS:
        taken.calling(solver, case)
    return taken


def bare(engine: TokenEngine) -> Any:
    """A solver with next to nothing to do but the graph: one short answer, no classifier, form alone judged."""
    ladder = Ladder((Rung("none", 0, answer_room=24),))
    return build_solver(engine, profile=Profile("bare", engine.name, ladder), options=Options(verify="rules"))


def main() -> None:
    """Print what a solve and a super-step take."""
    engine = Instant(open_engine("embedded"))
    rows = QUESTIONS.read_text(encoding="utf-8").splitlines()[:COUNT]
    questions = [json.loads(row)["question"] for row in rows]
    print(f"{COUNT} questions, {RUNS} runs of each, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    whole, alone = measured(build_solver(engine), questions), measured(bare(engine), questions)
    for name, took in (("called", whole.called), ("awaited", whole.awaited)):
        told = f"median {median(took.wall):.2f} ms a question, {median(took.processor):.2f} ms of the processor"
        print(f"{f'a solve, {name}':36} {told} (target {SOLVE_TARGET:g} ms)")
    for name, taken, target in (("with its work", whole, ""), ("bare", alone, f" (target {STEP_TARGET:g})")):
        ours, other = median(taken.awaited.a_step()), median(taken.plain.a_step())
        told = f"median {ours:.2f} ms of the processor, a plain one {other:.2f} ms, ratio {taken.ratio:.2f}"
        print(f"{f'a super-step, {name}':36} {told}{target}")


if __name__ == "__main__":
    main()
