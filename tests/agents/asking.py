"""Agents with the middleware, asked in either way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import tool

from adaptive.agents import AdaptiveThinkingMiddleware
from adaptive.reason import starvation
from adaptive.verify.check_function import Function

CALL = ToolCall(name="look_up", args={"word": "sum"}, id="call-1", type="tool_call")
LOW = 12_288
"""The cap of the toy's lowest rung."""
LARGER = int(LOW * starvation.CAP_GROWTH)
"""The cap of its one retry."""
QUESTION = "What is 2 + 2?"
WAYS = ("invoke", "ainvoke")


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    if word == "nothing":
        raise ValueError("there is no such word")
    return f"{word}: four"


def agent(model: Any, *, tools: Sequence[Any] = (look_up,), around: Sequence[Any] = (), inside: Sequence[Any] = (),
          more: dict[str, Any] | None = None, **middleware: Any) -> Any:  # fmt: skip
    """An agent with our middleware; others are `around` it or `inside` of it.

    Without a profile it names all efforts of the toy, so that a step begins with the lowest.
    """
    named = {} if "profile" in middleware else {"efforts": ["low", "medium", "high"]}
    ours = AdaptiveThinkingMiddleware(**{**named, **middleware})
    return create_agent(model, list(tools), middleware=[*around, ours, *inside], **(more or {}))


def ask(agent: Any, way: str = "invoke", question: str = QUESTION, config: Any = None) -> dict[str, Any]:
    """What the agent returns."""
    given = {"messages": [("user", question)]}
    return asyncio.run(agent.ainvoke(given, config)) if way == "ainvoke" else agent.invoke(given, config)


def last(result: dict[str, Any]) -> AIMessage:
    message = result["messages"][-1]
    assert isinstance(message, AIMessage)
    return message


def report(result: dict[str, Any]) -> dict[str, Any]:
    """What the last message says of its step."""
    return last(result).response_metadata["adaptive"]


def efforts(model: Any) -> list[str]:
    """The effort of each call."""
    return [call["effort"] for call in model.calls]


def scored(scores: dict[str, float]) -> Function:
    """A check that gives answers these scores."""
    return Function(lambda question, answer: scores[answer])


def accepts(*answers: str) -> Function:
    """A check that accepts these answers alone."""
    return Function(lambda question, answer: answer in answers)


def events(
    agent: Any, question: str = QUESTION, want: Callable[[dict[str, Any]], bool] | None = None
) -> list[Any]:
    """What the custom stream says."""
    said = list(agent.stream({"messages": [("user", question)]}, stream_mode="custom"))
    return [one for one in said if want is None or want(one)]
