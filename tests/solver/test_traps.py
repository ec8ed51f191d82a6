"""What LangGraph does that a graph inside another one can trip over, each thing by its name.

Elsewhere: foreign contexts, contexts of JSON (`test_context.py`); an interrupt runs its node again
(`test_approve.py`); v3, cut streams, tokens of judges (`test_streamed.py`); samples and
max_concurrency, the samples of the turn before (`test_votes.py`); turns (`test_in_graphs.py`).
"""

from __future__ import annotations

import operator
import socket
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import RetryPolicy, Send
from typing_extensions import TypedDict

from adaptive import build_solver
from adaptive.engines.protocol import Generation
from adaptive.errors import AdaptiveError, InputError, LimitReached, NoAnswerInTime
from adaptive.types.options import Options
from tests.support.solving import NODES, SURE, THREAD, PureEngine, ask, profile
from tests.support.voting import SeededEngine, same

ANSWER = rf"\boxed{{{SURE}2}}"


def around(solver: Any, state: Any = MessagesState, **node: Any) -> Any:
    return StateGraph(state).add_node("solve", solver, **node).add_edge(START, "solve")


def solver(engine: Any = None, **more: Any) -> Any:
    return build_solver(engine or PureEngine(), profile=profile(), **more)


class Adding(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], operator.add]
    notes: Annotated[list[str], operator.add]
    adaptive_samples: Annotated[list[Any], operator.add]


def test_lists_that_a_parent_adds_up_are_not_doubled() -> None:
    """A subgraph gives back whole channels: a shared list that is added to comes twice. Only `messages` is shared,
    and those of `MessagesState` are told apart by their ids; nothing else of a parent's is touched."""
    given: Any = {"messages": [HumanMessage("2+2?", id="1")], "notes": ["mine"], "adaptive_samples": ["mine too"]}
    state = around(solver(), Adding).compile().invoke(given)
    assert (state["notes"], state["adaptive_samples"]) == (["mine"], ["mine too"])
    assert [m.type for m in around(solver()).compile().invoke(ask("2+2?"))["messages"]] == ["human", "ai"]
    assert [m.text for m in state["messages"]] == ["2+2?", "2+2?", ANSWER], "what such a parent gets"


def test_a_strict_checkpointer_reads_all_of_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """LANGGRAPH_STRICT_MSGPACK: other types than plain ones and messages come back as something else."""
    monkeypatch.setattr(_msgpack, "STRICT_MSGPACK_ENABLED", True)
    saver = InMemorySaver(serde=JsonPlusSerializer())
    expected = solver().invoke(ask("2+2?"))["messages"][-1]
    for engine in (PureEngine(), SeededEngine(says=same)):
        for node in (*NODES, "sample", "tally"):
            thread: Any = {"configurable": {"thread_id": f"{type(engine).__name__} {node}"}}
            asked: Any = {"checkpointer": saver, "interrupt_after": [node], "options": Options(samples=4)}
            given: Any = ask("2+2?")
            while (graph := solver(engine, **asked)).get_state(thread).next or given:
                state = graph.invoke(given, thread)
                given = None
            assert isinstance(state["messages"][-1], AIMessage)
            if isinstance(engine, PureEngine) and not isinstance(engine, SeededEngine):
                assert state["messages"][-1].content == expected.content


def test_a_parents_recursion_limit_counts_for_the_solve_too() -> None:
    """The default is 10007 steps: what bounds a solve is `max_attempts`. A limit that is too small is an error."""
    graph = around(solver()).compile()
    with pytest.raises(GraphRecursionError, match="Recursion limit of 3 reached"):
        graph.invoke(ask("2+2?"), {"recursion_limit": 3})
    assert graph.invoke(ask("2+2?"), {"recursion_limit": 20})["messages"][-1].text == ANSWER


@dataclass
class Failing(PureEngine):
    """Raises `error` as often as `times`."""

    error: Exception | None = None
    times: int = 1

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        if self.error and self.times > 0:
            self.times -= 1
            raise self.error
        return await super().generate(ids, **asked)


@pytest.mark.parametrize("awaited", [True, False])
async def test_what_a_retry_policy_of_the_parent_retries(awaited: bool) -> None:
    """LangGraph's default retries all but some builtin errors: what failed is tried again, what was asked wrongly
    is not."""
    retry = RetryPolicy(initial_interval=0, jitter=False, max_attempts=3)

    async def state(engine: Failing) -> Any:
        graph = around(solver(engine), retry_policy=retry).compile()
        return await graph.ainvoke(ask("2+2?")) if awaited else graph.invoke(ask("2+2?"))

    mended = Failing(error=AdaptiveError("the server is away."), times=2)
    assert (await state(mended))["messages"][-1].text == ANSWER
    for kind in (InputError, NoAnswerInTime, LimitReached):
        hopeless = Failing(error=kind("it would only fail again."), times=2)
        with pytest.raises(kind, match="fail again"):
            await state(hopeless)
        assert hopeless.times == 1


async def test_a_timeout_of_the_parent_is_for_awaited_runs() -> None:
    """LangGraph cannot stop a sync node, and refuses. Awaited, the solve is cancelled and lets its session go."""
    graph = around(solver(), timeout=60).compile()
    assert (await graph.ainvoke(ask("2+2?")))["messages"][-1].text == ANSWER
    with pytest.raises(ValueError, match="only supported for async nodes"):
        graph.invoke(ask("2+2?"))


@pytest.mark.parametrize("durability", ["async", "exit"])
def test_durability_without_a_checkpointer_only_warns(durability: Any) -> None:
    """With "sync" it fails inside LangGraph 1.2.24, with any graph: there is nothing of ours to test."""
    with pytest.warns(UserWarning, match="no effect when no checkpointer"):
        state = solver().invoke(ask("2+2?"), durability=durability)
    assert state["messages"][-1].text == ANSWER


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_any_durability(durability: Any) -> None:
    graph = solver(checkpointer=InMemorySaver())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state = graph.invoke(ask("2+2?"), THREAD, durability=durability)
    assert state["messages"][-1].text == ANSWER


def test_it_is_drawn_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is made by a service; the text is not."""

    def no(*_: Any) -> Any:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", no)
    monkeypatch.setattr(socket.socket, "connect", no)
    text = around(solver()).compile().get_graph(xray=1).draw_mermaid()
    assert all(f"\\3a{name}" in text or f"{name}(" in text for name in (*NODES, "sample", "tally", "approve"))


class Many(TypedDict, total=False):
    questions: list[str]
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_a_parent_that_fans_out(limit: int) -> None:
    """With Send and max_concurrency, as maps do: no more at once, and none gets another's answer."""
    engine = SeededEngine(says=str, shares_cache=True)
    graph: Any = StateGraph(Many).add_node("solve", build_solver(engine, profile=profile(p_solved=())))
    graph.add_conditional_edges(
        START, lambda state: [Send("solve", ask(text)) for text in state["questions"]], ["solve"]
    )
    texts = ["A?", "B?", "C?", "D?", "E?"]
    state = await graph.compile().ainvoke({"questions": texts}, {"max_concurrency": limit})
    asked = [m.text for m in state["messages"] if m.type == "human"]
    assert sorted(asked) == texts
    assert [m.type for m in state["messages"]] == ["human", "ai"] * 5
    assert engine.most <= limit
    assert not engine.held


@pytest.mark.parametrize(
    "messages",
    [
        [HumanMessage("2+2?")],
        [SystemMessage("Be brief."), HumanMessage("2+2?")],
        [HumanMessage("Hi."), AIMessage("Hello."), HumanMessage([{"type": "text", "text": "2+2?"}])],
        [HumanMessage("2+2?"), AIMessage("Let me think.")],
    ],
)
async def test_a_parent_that_knows_nothing_of_it(messages: list[AnyMessage]) -> None:
    graph = around(solver()).compile()
    for state in (graph.invoke({"messages": messages}), await graph.ainvoke({"messages": messages})):
        assert set(state) == {"messages"}
        assert len(state["messages"]) == len(messages) + 1
        assert state["messages"][-1].text
