"""The chat model in other graphs: its tokens are streamed once, counted once, and its solve is nobody's child."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive import build_solver
from adaptive.agents import ChatAdaptive
from adaptive.verify.judge import Judge
from tests.support.judging import ScriptedJudge, opinion
from tests.support.solving import THREAD, PureEngine, ask, profile

pytestmark = pytest.mark.crossed


class NamedJudge(ScriptedJudge):
    """Gives its model's name, as what counts usage wants it."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        made = await super()._agenerate(*args, **kwargs)
        made.generations[0].message.response_metadata["model_name"] = "judge"
        return made


def chat() -> ChatAdaptive:
    """A solver with a chat model inside: its judge, which holds nothing right."""
    judge = Judge(NamedJudge(reply=opinion(0.1)))
    return ChatAdaptive(solver=build_solver(PureEngine(), profile=profile(), judge=judge))


def parent(model: BaseChatModel, **compiled: Any) -> Any:
    """A graph that calls the model in a node that can be awaited or not."""

    def called(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("called", called)
    return graph.add_edge(START, "called").add_edge("called", END).compile(**compiled)


def awaiting(model: BaseChatModel, **compiled: Any) -> Any:
    async def called(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("called", called)
    return graph.add_edge(START, "called").add_edge("called", END).compile(**compiled)


MODES: Any = {"stream_mode": ["messages", "custom", "updates"], "subgraphs": True}


@pytest.mark.parametrize("awaited", [False, True])
async def test_its_tokens_are_streamed_once(awaited: bool) -> None:
    given: Any = (ask("2+2?"), THREAD)
    if awaited:
        graph = awaiting(chat(), checkpointer=InMemorySaver())
        parts = [part async for part in graph.astream(*given, **MODES)]
    else:
        graph = parent(chat(), checkpointer=InMemorySaver())
        parts = list(graph.stream(*given, **MODES))
    assert {(namespace, mode) for namespace, mode, _ in parts} == {((), "messages"), ((), "updates")}
    chunks = [data[0] for _, mode, data in parts if mode == "messages"]
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    message = graph.get_state(THREAD).values["messages"][-1]
    assert "".join(chunk.text for chunk in chunks) == message.text
    thoughts = [block["reasoning"] for chunk in chunks for block in chunk.content if block["type"] == "reasoning"]
    assert "".join(thoughts) == message.response_metadata["adaptive"]["attempts"][-1]["thinking"]
    assert {checkpoint.config["configurable"]["checkpoint_ns"] for checkpoint in graph.checkpointer.list({})} == {
        ""
    }


@pytest.mark.parametrize("how", ["invoke", "stream", "graph"])
def test_its_tokens_are_counted_once(how: str) -> None:
    model = chat()
    with get_usage_metadata_callback() as counted:
        if how == "invoke":
            message = model.invoke("2+2?")
        elif how == "stream":
            *_, message = model.stream("2+2?")
        else:
            message = parent(model).invoke(ask("2+2?"))["messages"][-1]
    usage = message.response_metadata["adaptive"]["usage"]
    assert usage["verifier"] > 0
    assert counted.usage_metadata == {"scripted": message.usage_metadata}
    assert message.usage_metadata["total_tokens"] == usage["total"]


async def test_its_tokens_are_counted_once_where_it_is_awaited() -> None:
    model = chat()
    with get_usage_metadata_callback() as counted:
        message = await model.ainvoke("2+2?")
        *_, last = [chunk async for chunk in model.astream("2+2?")]
    assert message.usage_metadata == last.usage_metadata
    assert counted.usage_metadata["scripted"]["total_tokens"] == 2 * last.usage_metadata["total_tokens"]
    assert set(counted.usage_metadata) == {"scripted"}
