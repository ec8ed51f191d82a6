"""The middleware with each of LangChain's, before and after it, in each way of asking and form of answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.exceptions import ModelAPIError
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from adaptive.agents import AdaptiveThinkingMiddleware, read_spending
from tests.agents.asking import CALL, accepts, efforts, look_up
from tests.agents.toy import ToyReasoner, toy

pytestmark = pytest.mark.crossed

WRONG, RIGHT = '{"total": 5}', '{"total": 4}'
STRATEGIES: dict[str, Any] = {"text": None, "tool": ToolStrategy, "provider": ProviderStrategy}
WAYS = ("invoke", "ainvoke", "stream", "astream")


class Sum(BaseModel):
    """A sum."""

    total: int


class Adder(ToyReasoner):
    """Calls `look_up` first, and is right from medium effort on; answers in a tool's call if `by_tool`."""

    by_tool: bool = False

    def _said(self, messages: Any, effort: str) -> AIMessageChunk:
        if self.by_tool and messages[-1].type != "human":
            call = {"name": "Sum", "args": self.answers[effort], "id": f"sum-{effort}", "index": 1}
            return AIMessageChunk(content=[], tool_call_chunks=[{**call, "type": "tool_call_chunk"}])  # type: ignore[typeddict-item]
        return super()._said(messages, effort)


def build_adder(**fields: Any) -> Adder:
    given = {"answers": {"low": WRONG, "medium": RIGHT, "high": RIGHT}, "tool": CALL, **fields}
    known = toy(profile={"structured_output": True}).profile
    return Adder(profile=known, model_name=f"adder-{uuid.uuid4().hex}", **given)


class Selector(FakeMessagesListChatModel):
    """Selects the one tool."""

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Any:
        from langchain_core.runnables import RunnableLambda

        return RunnableLambda(lambda _: {"tools": ["look_up"]})


class Summary(FakeMessagesListChatModel):
    """Sums up what was said."""


def summarise() -> AgentMiddleware[Any, Any]:
    model = Summary(responses=[AIMessage("They asked for a sum.")])
    return SummarizationMiddleware(model=model, trigger=("messages", 3), keep=("messages", 2))


def edit_context() -> AgentMiddleware[Any, Any]:
    return ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=1, keep=0)])


OTHERS: dict[str, Callable[[], AgentMiddleware[Any, Any]]] = {
    "context editing": edit_context,
    "human in the loop": lambda: HumanInTheLoopMiddleware(interrupt_on={"look_up": True}),
    "model call limit": lambda: ModelCallLimitMiddleware(run_limit=2),
    "model fallback": lambda: ModelFallbackMiddleware(build_adder()),
    "model retry": lambda: ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False),
    "pii": lambda: PIIMiddleware("email", strategy="redact"),
    "summarization": summarise,
    "todo list": TodoListMiddleware,
    "tool call limit": lambda: ToolCallLimitMiddleware(run_limit=1),
    "tool retry": lambda: ToolRetryMiddleware(max_retries=1, initial_delay=0, jitter=False),
    "tool selector": lambda: LLMToolSelectorMiddleware(model=Selector(responses=[])),
}


async def run_agent(agent: Any, way: str, given: Any) -> None:
    """Run an agent to its end or to an interrupt."""
    thread: Any = {"configurable": {"thread_id": "1"}}
    if way == "invoke":
        await asyncio.to_thread(agent.invoke, given, thread)
    elif way == "ainvoke":
        await agent.ainvoke(given, thread)
    elif way == "stream":
        await asyncio.to_thread(lambda: list(agent.stream(given, thread, stream_mode=["messages", "updates"])))
    else:
        assert [part async for part in agent.astream(given, thread, stream_mode=["messages", "updates"])]


async def ask(agent: Any, way: str) -> dict[str, Any]:
    """The state at the end; what a human is asked is approved."""
    thread: Any = {"configurable": {"thread_id": "1"}}
    await run_agent(agent, way, {"messages": [("user", "What is 2 + 2, ada@example.com?")]})
    while agent.get_state(thread).next:
        await run_agent(agent, way, Command(resume={"decisions": [{"type": "approve"}]}))
    values: dict[str, Any] = agent.get_state(thread).values
    return values


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ours_first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("other", OTHERS)
async def test_beside_any_other_a_step_adapts_and_counts(
    other: str, ours_first: bool, way: str, strategy: str
) -> None:
    """A call of the tool at low effort; then a wrong answer at low, which is rejected, and the right one."""
    model = build_adder(
        by_tool=strategy == "tool", fails={1: ModelAPIError("down")} if other == "model retry" else {}
    )
    ours = AdaptiveThinkingMiddleware(efforts=["low", "medium", "high"], check=accepts(RIGHT))
    middleware = [ours, OTHERS[other]()] if ours_first else [OTHERS[other](), ours]
    form = STRATEGIES[strategy]
    agent = create_agent(
        model, [look_up], middleware=middleware, checkpointer=InMemorySaver(),
        response_format=form(Sum) if form else None,
    )  # fmt: skip
    done = await ask(agent, way)
    tried_again = ["low"] if other == "model retry" else []
    assert efforts(model) == [*tried_again, "low", "low", "medium"]
    assert done.get("structured_response") == (Sum(total=4) if form else None)
    kept = next(m for m in reversed(done["messages"]) if isinstance(m, AIMessage))
    if strategy != "tool":
        assert kept.text == RIGHT
    report = kept.response_metadata["adaptive"]
    assert (report["effort"], report["accepted"], report["attempts"]) == ("medium", True, 2)
    run = read_spending(done)["run"]
    resumed = other == "human in the loop"  # a run that is resumed counts from zero again
    assert run["escalations"] == 1
    assert run["calls"] == (2 if resumed else 3)
