"""Claude refuses thinking in a call that forces a tool, as a structured answer by `ToolStrategy` does."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from adaptive import Options, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive
from adaptive.chat.adapters.anthropic import FORCED_NOTE, NEVER_FORCED_NOTE
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from tests.agents.asking import look_up
from tests.hosted.clients import client
from tests.hosted.lever_table import CLIENTS
from tests.hosted.obliging import obliging
from tests.hosted.recorder import Recorder
from tests.hosted.script import Asked, Fault, Reply
from tests.hosted.server import Hosted

REFUSAL = "Thinking may not be enabled when tool_choice forces tool use."


class Answer(BaseModel):
    """The answer."""

    value: int


def brain(asked: Asked) -> Reply:
    """Refuses as Anthropic does; else fills the form."""
    forced = (asked.body.get("tool_choice") or {}).get("type") in ("any", "tool")
    thinks = (asked.body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    return Fault("budget", REFUSAL) if forced and thinks else obliging(asked)


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("claude-haiku-4-5", None),
        ("claude-opus-4-5", {"effort": "high"}),
        ("claude-sonnet-4-6", {"effort": "high"}),
        ("claude-opus-4-8", {"effort": "high"}),
        ("claude-opus-5", {"effort": "high"}),
    ],
)
def test_thinking_is_left_out_of_a_call_that_forces_a_tool(model: str, config: Any) -> None:
    with Hosted(brain) as hosted:
        middleware = AdaptiveThinkingMiddleware(efforts=["high"])
        agent = create_agent(
            client("anthropic", hosted, model=model),
            [],
            middleware=[middleware],
            response_format=ToolStrategy(Answer),
        )
        done = agent.invoke({"messages": [("user", "What is 42?")]})
    assert done["structured_response"] == Answer(value=42)
    (asked,) = hosted.asked
    assert asked.body["tool_choice"] == {"type": "any"}
    assert "thinking" not in asked.body
    assert asked.body.get("output_config") == config
    notes = next(m for m in done["messages"] if m.type == "ai").response_metadata["adaptive"]["notes"]
    assert any("a tool call is forced, which goes without thinking" in note for note in notes)


def test_a_structured_answer_in_a_format_of_its_own_keeps_its_thinking() -> None:
    with Hosted(brain) as hosted:
        agent = create_agent(
            client("anthropic", hosted, model="claude-opus-5"), [], response_format=Answer,
            middleware=[AdaptiveThinkingMiddleware(efforts=["high"])],
        )  # fmt: skip
        done = agent.invoke({"messages": [("user", "What is 42?")]})
    assert done["structured_response"] == Answer(value=42)
    (asked,) = hosted.asked
    assert asked.body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert (asked.body["output_config"]["effort"], "tool_choice" in asked.body) == ("high", False)


OWN = {
    "claude-haiku-4-5": {"type": "enabled", "budget_tokens": 2000},
    "claude-opus-5": {"type": "adaptive", "display": "summarized"},
}
"""Thinking that is set on the model itself, whose client would send it whatever a call says."""


@pytest.mark.parametrize("efforts", [["high"], None], ids=["adapted", "plain"])
@pytest.mark.parametrize("model", OWN)
def test_thinking_that_is_set_on_the_model_is_left_out_too(model: str, efforts: Any) -> None:
    with Hosted(brain) as hosted:
        agent = create_agent(
            client("anthropic", hosted, model=model, thinking=OWN[model]), [],
            middleware=[AdaptiveThinkingMiddleware(efforts=efforts)], response_format=ToolStrategy(Answer),
        )  # fmt: skip
        done = agent.invoke({"messages": [("user", "What is 42?")]})
    assert done["structured_response"] == Answer(value=42)
    (asked,) = hosted.asked
    assert (asked.body["tool_choice"], "thinking" in asked.body) == ({"type": "any"}, False)
    notes = next(m for m in done["messages"] if m.type == "ai").response_metadata["adaptive"]["notes"]
    assert any("a tool call is forced, which goes without thinking" in note for note in notes)


@pytest.mark.parametrize(
    ("model", "own", "request_", "sent"),
    [
        (
            "claude-haiku-4-5", {"type": "enabled", "budget_tokens": 10_000}, ChatRequest("high", 2000, 3000),
            {"type": "enabled", "budget_tokens": 2000},
        ),
        ("claude-haiku-4-5", {"type": "enabled", "budget_tokens": 10_000}, ChatRequest("none", 0, 1000), None),
        ("claude-opus-5", OWN["claude-opus-5"], ChatRequest("none", 0, 1000), {"type": "disabled"}),
        ("claude-opus-5", {"type": "disabled"}, ChatRequest("high", 2000, 3000), OWN["claude-opus-5"]),
        ("claude-opus-5", {"type": "disabled"}, ChatRequest("default", 0, None), {"type": "disabled"}),
        ("claude-haiku-4-5", OWN["claude-haiku-4-5"], ChatRequest("default", 0, None), OWN["claude-haiku-4-5"]),
    ],
)  # fmt: skip
async def test_a_call_replaces_the_thinking_that_is_set_on_the_model(
    model: str, own: Any, request_: ChatRequest, sent: Any
) -> None:
    with Hosted(obliging) as hosted:
        chat = client("anthropic", hosted, model=model, thinking=own)
        await ChatModel(chat).ask([HumanMessage("What is 42?")], request_)
    assert hosted.asked[0].body.get("thinking") == sent
    assert chat.thinking == own  # type: ignore[attr-defined]


def test_the_chat_model_leaves_thinking_out_of_a_call_that_forces_a_tool() -> None:
    with Hosted(brain) as hosted:
        solver = build_solver(client("anthropic", hosted, model="claude-opus-5"), options=Options(effort="high"))
        message = ChatAdaptive(solver=solver).bind_tools([look_up], tool_choice="any").invoke("What is 42?")
    (asked,) = hosted.asked
    assert (asked.body["tool_choice"], asked.body["output_config"]) == ({"type": "any"}, {"effort": "high"})
    assert ("thinking" in asked.body, bool(message.tool_calls)) == (False, True)
    assert FORCED_NOTE in "".join(message.response_metadata["adaptive"]["notes"])


@pytest.mark.parametrize(
    ("model", "note"),
    [("us.anthropic.claude-opus-5", FORCED_NOTE), ("us.anthropic.claude-opus-5-5", NEVER_FORCED_NOTE)],
)
async def test_bedrock_leaves_thinking_out_of_a_call_that_forces_a_tool(model: str, note: str) -> None:
    aws, bedrock = pytest.importorskip("langchain_aws"), CLIENTS["Bedrock"]
    with Recorder() as recorder:
        chat = ChatModel(aws.ChatBedrockConverse(model=model, **bedrock.locate(recorder.url)), has_tools=True)
        call = chat.build_call(ChatRequest("high", 2000, 3000, forces_tool=True))
        await chat.call([HumanMessage("What is 42?")], call.arguments)
    (body,) = recorder.requests
    assert "additionalModelRequestFields" not in body
    assert chat.notes() == [f"{chat.name}: {note}"]


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"])
def test_a_model_that_refuses_forced_tools_is_told_as_that(model: str) -> None:
    chat = ChatModel(ChatAnthropic(model=model, api_key="k"))  # type: ignore[call-arg,arg-type]
    chat.build_call(ChatRequest("high", 2000, 3000, forces_tool=True))
    assert chat.notes() == [f"{chat.name}: {NEVER_FORCED_NOTE}"]
