"""The solver as a part of something larger: parent graphs, threads, other processes, failures, several at once."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from adaptive import build_solver
from adaptive.types.ladder import Rung
from tests.support.solving import (
    NODES,
    RUNGS,
    SURE,
    THREAD,
    BrokenEngine,
    PureEngine,
    ask,
    is_plain,
    profile,
    question,
    uncached,
)

ARMS = ["first", "budget", "budget", "wait"]
PATH = ["classify", "allocate", *["think", "verify", "escalate"] * 3, "think", "verify", "finish"]


class ParentState(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    topic: str
    seen: Annotated[list[str], operator.add]


@dataclass
class ParentContext:
    user: str


def parent() -> Any:
    """A graph of another state and another context, with the solver in its middle."""
    graph: Any = StateGraph(ParentState, context_schema=ParentContext)
    graph.add_node("before", lambda state: {"seen": ["before"]})
    graph.add_node("solve", build_solver(PureEngine(), profile=profile()))
    graph.add_node("after", lambda state: {"seen": ["after"], "topic": state["topic"] + "!"})
    graph.add_edge(START, "before").add_edge("before", "solve").add_edge("solve", "after").add_edge("after", END)
    return graph


def check_parent(state: dict[str, Any]) -> None:
    assert set(state) == {"messages", "topic", "seen"}
    assert (state["topic"], state["seen"]) == ("sums!", ["before", "after"])
    assert [m.type for m in state["messages"]] == ["human", "ai"]
    assert SURE + "2" in state["messages"][-1].text


async def test_as_a_node_of_another_graph() -> None:
    graph, asked, context = parent().compile(), {**ask("2+2?"), "topic": "sums"}, ParentContext("me")
    check_parent(graph.invoke(asked, context=context))
    check_parent(await graph.ainvoke(asked, context=context))


def test_events_come_through_a_parent() -> None:
    streamed = parent().compile().stream({**ask("2+2?"), "topic": "sums"}, stream_mode="custom", subgraphs=True)
    events = [event for _, event in streamed]
    assert (events[0]["event"], events[-1]["event"]) == ("difficulty", "done")


def test_a_parents_checkpointer_keeps_turns_apart() -> None:
    graph = parent().compile(checkpointer=InMemorySaver())
    for turn in (1, 2):
        state = graph.invoke({**ask("2+2?"), "topic": "sums"}, THREAD, context=ParentContext("me"))
        assert [m.type for m in state["messages"]] == ["human", "ai"] * turn


def test_a_second_turn_starts_afresh() -> None:
    engine = PureEngine()
    solver = build_solver(engine, profile=profile(), checkpointer=InMemorySaver())
    first = solver.invoke(ask("2+2?"), THREAD)
    second = solver.invoke(ask("3+3?"), THREAD)
    for state in (first, second):
        assert [a["arm"] for a in state["adaptive_result"]["attempts"]] == ARMS
    assert second["adaptive_result"]["question"] == "3+3?"
    assert second["adaptive_result"]["answer"] == SURE + "3"
    assert [m.type for m in second["messages"]] == ["human", "ai"] * 2
    assert f"boxed{{{SURE}2}}" in engine.codec.decode(engine.calls[-1].ids)
    assert len(engine.released) == len(set(engine.released)) == 2


@dataclass
class Run:
    """What a solve in several processes visited and called."""

    visited: list[str]
    calls: list[tuple[int, ...]]
    result: dict[str, Any]
    starts: int


def resumed(node: str, file: Path) -> Run:
    """A solve that stops after each visit of `node` and goes on with another engine and another graph."""
    visited: list[str] = []
    calls: list[tuple[int, ...]] = []
    given: Any = ask("2+2?")
    for starts in range(1, 30):
        engine = PureEngine()
        with SqliteSaver.from_conn_string(str(file)) as saver:
            solver = build_solver(engine, profile=profile(), checkpointer=saver, interrupt_after=[node])
            updates = list(solver.stream(given, THREAD, stream_mode="updates"))
            state = solver.get_state(THREAD)
        visited += [name for update in updates for name in update if name in NODES]
        calls += [call.ids for call in engine.calls]
        given = None
        assert is_plain(state.values)
        if not state.next:
            return Run(visited, calls, state.values["adaptive_result"], starts)
    raise AssertionError("it never ended")


@pytest.mark.parametrize("node", NODES)
def test_cut_off_after_any_node_it_goes_on_from_there(node: str, tmp_path: Path) -> None:
    whole = PureEngine()
    result = build_solver(whole, profile=profile()).invoke(ask("2+2?"))["adaptive_result"]
    run = resumed(node, tmp_path / "threads.db")
    assert run.visited == PATH
    assert run.starts == PATH.count(node) + (node != "finish")
    assert run.calls == [call.ids for call in whole.calls]
    assert uncached(run.result) == uncached(result)


@pytest.mark.parametrize("fails_at", range(7))
async def test_after_a_failure_what_was_finished_is_not_done_again(fails_at: int, tmp_path: Path) -> None:
    whole, broken, fresh = PureEngine(), BrokenEngine(fails_at=fails_at), PureEngine()
    expected = build_solver(whole, profile=profile()).invoke(ask("2+2?"))["adaptive_result"]
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
        with pytest.raises(RuntimeError, match="out of memory"):
            await build_solver(broken, profile=profile(), checkpointer=saver).ainvoke(ask("2+2?"), THREAD)
        state = await build_solver(fresh, profile=profile(), checkpointer=saver).ainvoke(None, THREAD)
    assert uncached(state["adaptive_result"]) == uncached(expected)
    finished = len(broken.calls) - (fails_at in (2, 4, 6))  # the round of an attempt that failed answering
    assert [c.ids for c in fresh.calls] == [c.ids for c in whole.calls][finished:]


@pytest.mark.parametrize("fails_at", [0, 1, 4])
async def test_the_error_of_an_engine_comes_out_and_its_session_is_let_go(fails_at: int) -> None:
    for awaited in (True, False):
        engine = BrokenEngine(fails_at=fails_at)
        solver = build_solver(engine, profile=profile())
        with pytest.raises(RuntimeError, match="out of memory"):
            await solver.ainvoke(ask("2+2?")) if awaited else solver.invoke(ask("2+2?"))
        assert len(set(engine.released)) == 1
        assert {call.session for call in engine.calls} <= set(engine.released)


async def test_a_solve_that_is_cancelled_lets_its_session_go() -> None:
    engine = PureEngine(ends=(), yields=True)
    solver = build_solver(engine, profile=profile(p_solved=(), rungs=(Rung("low", 50_000),)))
    solving = asyncio.ensure_future(solver.ainvoke(ask("2+2?")))
    while not engine._sessions:
        await asyncio.sleep(0)
    solving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await solving
    assert len(engine.released) == 1
    assert not engine._sessions


def check_unmixed(engine: PureEngine, texts: Sequence[str], states: Sequence[dict[str, Any]]) -> None:
    results = [state["adaptive_result"] for state in states]
    assert [(r["question"], r["answer"]) for r in results] == [(t, SURE + t[0]) for t in texts]
    asked = {(call.session, question(call.ids)[:1]) for call in engine.calls}
    assert len(asked) == len({session for session, _ in asked}) == len(texts)
    assert len(set(engine.released)) == len(texts)


async def test_several_at_once_do_not_mix() -> None:
    engine, texts = PureEngine(yields=True), ["A?", "B?", "C?"]
    solver = build_solver(engine, profile=profile(rungs=RUNGS))
    check_unmixed(engine, texts, await asyncio.gather(*(solver.ainvoke(ask(t)) for t in texts)))


def test_several_threads_at_once_do_not_mix() -> None:
    engine, texts = PureEngine(yields=True), ["A?", "B?", "C?"]
    solver = build_solver(engine, profile=profile(rungs=RUNGS))
    with ThreadPoolExecutor(3) as pool:
        check_unmixed(engine, texts, list(pool.map(solver.invoke, [ask(t) for t in texts])))


def test_solvers_side_by_side_share_messages_alone() -> None:
    """A parent with `adaptive_result` would get two of them in one step, which LangGraph refuses."""
    graph: Any = StateGraph(MessagesState)
    for name in ("one", "two"):
        graph.add_node(name, build_solver(PureEngine(), profile=profile(), name=name)).add_edge(START, name)
    state = graph.compile().invoke(ask("2+2?"))
    assert sorted(m.name for m in state["messages"][1:]) == ["one", "two"]
