"""OpenAI's two interfaces: Chat Completions refuses reasoning with function tools from gpt-5.4 on.

The refusals are quoted in public: github.com/openai/openai-openapi/issues/541 and
github.com/BerriAI/litellm/pull/34569.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from langchain.agents.middleware import wrap_model_call
from langchain_core.messages import HumanMessage

from adaptive import Options, build_solver
from adaptive.agents import ChatAdaptive
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from tests.agents.asking import agent, ask, last, look_up
from tests.hosted.clients import client
from tests.hosted.script import Asked, Fault, Reply, Spoken, Tool
from tests.hosted.server import Hosted

REFUSAL = "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. {}"
PLEASE = "Please use /v1/responses instead."
OR_NONE = "To use function tools, use /v1/responses or set reasoning_effort to 'none'."
REASON_UNASKED = ("gpt-5.5", "gpt-5.6", "gpt-5.9")
HIGH = ChatRequest("high", 100, 200)
QUESTION = [HumanMessage("What?")]


def brain(asked: Asked) -> Reply:
    """Refuses as OpenAI does; else calls the tool first, and then answers with its effort."""
    effort = asked.effort or ("medium" if asked.model.startswith(REASON_UNASKED) else "none")
    if asked.provider == "openai" and asked.body.get("tools") and effort != "none":
        return Fault("effort", REFUSAL.format(asked.model, OR_NONE if "5.6" in asked.model else PLEASE))
    if asked.body.get("tools") and "sum: four" not in json.dumps(asked.body):
        return Spoken(tools=(Tool("look_up", {"word": "sum"}),), thinking="a tool", thought=20)
    return Spoken(str(asked.effort), thinking="let me see", thought=50)


def without_responses(asked: Asked) -> Reply:
    """Nothing is at the address of the Responses interface, and the other takes tools."""
    if asked.provider == "openai_responses":
        return Fault("model", "Not Found")
    return brain(replace(asked, model="gpt-5", effort=None))


def list_calls(hosted: Hosted) -> list[tuple[str, str | None]]:
    return [(asked.provider, asked.effort) for asked in hosted.asked]


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-5.4-mini", "gpt-5.5", "gpt-5.6-terra"])
@pytest.mark.parametrize("effort", ["high", None])
def test_an_agent_of_a_known_model_is_never_refused(model: str, effort: str | None) -> None:
    with Hosted(brain) as hosted:
        done = ask(agent(client("openai", hosted, model=model), efforts=effort and [effort]))
    assert list_calls(hosted) == [("openai_responses", effort)] * 2
    assert last(done).text == str(effort)
    kinds = [item["type"] for item in hosted.asked[1].body["input"] if "type" in item]
    assert kinds[-3:] == ["reasoning", "function_call", "function_call_output"]


def test_a_model_that_no_table_knows_is_refused_once_in_a_process() -> None:
    with Hosted(brain) as hosted:
        for _ in range(2):
            ask(agent(client("openai", hosted, model="gpt-5.9"), efforts=["high"]))
    assert list_calls(hosted) == [("openai", "high"), *[("openai_responses", "high")] * 4]


def test_the_chat_model_with_a_tool_goes_the_same_way() -> None:
    with Hosted(brain) as hosted:
        solver = build_solver(client("openai", hosted, model="gpt-5.6"), options=Options(effort="max"))
        message = asyncio.run(ChatAdaptive(solver=solver).bind_tools([look_up]).ainvoke("What is the sum?"))
    assert [call["args"] for call in message.tool_calls] == [{"word": "sum"}]
    assert list_calls(hosted) == [("openai_responses", "max")]


def test_a_refusal_with_tools_says_nothing_of_calls_without() -> None:
    with Hosted(brain) as hosted:
        chat = client("openai", hosted, model="gpt-5.4", use_responses_api=False)
        done = ask(agent(chat, efforts=["high"]))
        asyncio.run(ChatModel(chat).ask(QUESTION, HIGH))
    assert list_calls(hosted) == [("openai", "high"), ("openai", None), ("openai", None), ("openai", "high")]
    refused = "does not take effort high with tools on Chat Completions: it takes no effort at all"
    notes = done["messages"][1].response_metadata["adaptive"]["notes"]
    assert any(refused in note for note in notes)


def test_a_server_without_responses_is_asked_on_chat_completions() -> None:
    with Hosted(without_responses) as hosted:
        done = ask(agent(client("openai", hosted, model="gpt-5.4"), efforts=["high"]))
    assert last(done).text == "None"
    assert [provider for provider, _ in list_calls(hosted)] == ["openai_responses", "openai", "openai"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_effort_joins_the_summaries_that_the_user_asked_for(stream: bool) -> None:
    told: list[Any] = []
    with Hosted(brain) as hosted:
        model = ChatModel(client("openai", hosted, model="gpt-5.4", reasoning={"summary": "auto"}))
        turn = asyncio.run(model.ask(QUESTION, HIGH, told.append if stream else None))
    assert [asked.body["reasoning"] for asked in hosted.asked] == [{"summary": "auto", "effort": "high"}]
    assert "reasoning_effort" not in hosted.asked[0].body
    assert turn.thinking == "let me see"


def test_an_effort_joins_the_reasoning_of_a_request() -> None:
    @wrap_model_call
    def summed_up(request: Any, handler: Any) -> Any:
        return handler(request.override(model_settings={"reasoning": {"summary": "auto"}}))

    with Hosted(brain) as hosted:
        ask(agent(client("openai", hosted, model="gpt-5.4"), efforts=["high"], around=[summed_up]))
    assert [asked.body["reasoning"] for asked in hosted.asked] == [{"summary": "auto", "effort": "high"}] * 2
    assert not any("reasoning_effort" in asked.body for asked in hosted.asked)
