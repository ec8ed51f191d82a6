"""A tool loop has one thinking configuration on Claude: what began without thinking gets no budget later."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive
from adaptive.chat.adapters.anthropic import BARE_NOTE
from adaptive.chat.response import resumes_bare
from adaptive.solver.build import build_solver
from adaptive.verify.check_function import Function
from tests.agents.asking import look_up
from tests.hosted.clients import client
from tests.hosted.script import Asked, Reply, Spoken, Tool
from tests.hosted.server import Hosted

CHECK = Function(lambda question, answer: "42" in answer)


def brain(asked: Asked) -> Reply:
    """Looks up, then answers wrong."""
    if len(asked.body["messages"]) == 1:
        return Spoken(thinking="let me see", thought=20, tools=(Tool("look_up", {"word": "sum"}),))
    return Spoken("It is 41.", thinking="so it is", thought=20)


def run_agent(hosted: Hosted, **settings: Any) -> AIMessage:
    middleware: Any = AdaptiveThinkingMiddleware(check=CHECK, **settings)
    agent = create_agent(client("anthropic", hosted, model="claude-haiku-4-5"), [look_up], middleware=[middleware])
    message: AIMessage = agent.invoke({"messages": [("user", "What is 40 + 2?")]})["messages"][-1]
    return message


def test_an_answer_that_is_rejected_is_asked_for_again_without_a_budget() -> None:
    with Hosted(brain) as hosted:
        report = run_agent(hosted).response_metadata["adaptive"]
        asked = hosted.asked
    assert report["attempts"] > 1
    assert len(asked) == 1 + report["attempts"]  # none was refused
    assert [one.body.get("thinking") for one in asked] == [None] * len(asked)
    assert any(BARE_NOTE in note for note in report["notes"])


def test_a_loop_that_began_with_thinking_goes_on_with_it() -> None:
    with Hosted(brain) as hosted:
        report = run_agent(hosted, efforts=["high"], max_escalations=0).response_metadata["adaptive"]
        asked = hosted.asked
    assert [one.body["thinking"]["type"] for one in asked] == ["enabled", "enabled"]
    assert not any(BARE_NOTE in note for note in report["notes"])


def test_the_chat_model_does_the_same() -> None:
    messages = [
        HumanMessage("What is 40 + 2?"),
        AIMessage("", tool_calls=[{"name": "look_up", "args": {"word": "sum"}, "id": "toolu_1"}]),
        ToolMessage("42", tool_call_id="toolu_1"),
    ]
    with Hosted(brain) as hosted:
        solver = build_solver(client("anthropic", hosted, model="claude-haiku-4-5"))
        message = ChatAdaptive(solver=solver, effort="high").bind_tools([look_up]).invoke(messages)
        (asked,) = hosted.asked
    assert asked.body.get("thinking") is None
    assert any(BARE_NOTE in note for note in message.response_metadata["adaptive"]["notes"])


CALL = {"name": "look_up", "args": {}, "id": "1"}
THINKS = [{"type": "thinking", "thinking": "so", "signature": "c2ln"}]


@pytest.mark.parametrize(
    ("messages", "bare"),
    [
        ([HumanMessage("Q")], False),
        ([HumanMessage("Q"), AIMessage("", tool_calls=[CALL]), ToolMessage("1", tool_call_id="1")], True),
        ([HumanMessage("Q"), AIMessage(THINKS, tool_calls=[CALL]), ToolMessage("1", tool_call_id="1")], False),
        # Without interleaved thinking only the first message of a turn has any.
        ([HumanMessage("Q"), AIMessage(THINKS, tool_calls=[CALL]), AIMessage("", tool_calls=[CALL])], False),
        ([AIMessage("", tool_calls=[CALL]), HumanMessage("Q")], False),  # another turn
    ],
)
def test_where_a_turn_began_without_thinking(messages: Any, bare: bool) -> None:
    assert resumes_bare(messages) == bare
