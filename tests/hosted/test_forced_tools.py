"""Claude refuses thinking in a call that forces a tool, as a structured answer by `ToolStrategy` does."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from pydantic import BaseModel

from adaptive.agents import AdaptiveThinkingMiddleware
from tests.hosted.clients import client
from tests.hosted.obliging import obliging
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
