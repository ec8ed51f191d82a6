"""An agent of each provider's own client, through the middleware, over the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from adaptive import Options, build_solver
from adaptive.agents import ChatAdaptive, read_spending
from tests.agents.asking import WAYS, accepts, agent, ask, last, look_up, report
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Asked, Fault, Reply, Spoken, Tool
from tests.hosted.server import Hosted

pytestmark = pytest.mark.crossed

STARVES = 25_000
"""Thinking that fills the cap of the lowest rung, and no other."""


def brain(asked: Asked) -> Spoken:
    """Calls the tool first, and then answers with its effort."""
    if "sum: four" not in json.dumps(asked.body):  # providers differ in the role of a tool's result
        return Spoken(tools=(Tool("look_up", {"word": "sum"}),), thought=20)
    return Spoken(str(asked.effort), thinking="let me see", thought=STARVES if asked.effort == "low" else 50)


# Not the Responses interface: the server gives all of its answers one id, and a graph keeps one message of an id.
@pytest.fixture(params=[name for name in NAMES if name != "openai_responses"])
def hosted(request: Any) -> Iterator[tuple[Any, Hosted]]:
    with Hosted(brain) as server:
        yield client(request.param, server), server


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call_a_recovery_and_an_escalation(hosted: tuple[Any, Hosted], way: str) -> None:
    model, server = hosted
    done = ask(agent(model, efforts=["low", "high"], check=accepts("high")), way)
    assert [m.type for m in done["messages"]] == ["human", "ai", "tool", "ai"]
    assert [call["args"] for call in done["messages"][1].tool_calls] == [{"word": "sum"}]
    assert done["messages"][2].text == "sum: four"
    assert last(done).text == "high"
    assert [a.effort for a in server.asked] == ["low", "low", "low", "high"]
    caps = [a.cap or 0 for a in server.asked]
    assert caps[0] == caps[1] < caps[2]
    assert report(done)["accepted"] is True


def test_what_is_counted_is_what_the_provider_counts(hosted: tuple[Any, Hosted]) -> None:
    model, server = hosted
    run = read_spending(ask(agent(model, efforts=["low", "high"], check=accepts("high"))))["run"]
    assert (run["steps"], run["calls"], run["starved"], run["escalations"]) == (2, 4, 1, 1)
    assert run["calls"] == len(server.asked)
    assert run["usage"]["prompt"] == sum(a.prompt for a in server.asked)
    out = run["usage"]["thinking"] + run["usage"]["answer"]
    assert out == (20 + 2) + (server.asked[1].cap or 0) + (STARVES + 1) + (50 + 1)


def test_streamed_and_over_two_turns_of_a_thread(hosted: tuple[Any, Hosted]) -> None:
    model, server = hosted
    talk = agent(model, efforts=["high"], more={"checkpointer": InMemorySaver()})
    config: Any = {"configurable": {"thread_id": "one"}}

    async def streamed() -> str:
        asked = {"messages": [("user", "What is 2 + 2?")]}
        parts = talk.astream(asked, config, stream_mode="messages")
        return "".join([chunk.text async for chunk, _ in parts if chunk.type == "AIMessageChunk"])

    assert "high" in asyncio.run(streamed())
    assert "high" in asyncio.run(streamed())
    counts = read_spending(talk.get_state(config).values)
    assert counts["thread"]["calls"] == len(server.asked)
    assert counts["thread"]["usage"]["prompt"] == sum(a.prompt for a in server.asked)


@pytest.mark.parametrize("kind", ["middleware", "chat model"])
def test_one_long_conversation_does_not_shrink_the_caps_of_others(kind: str) -> None:
    def small(asked: Asked) -> Reply:
        says = f"must be <= 4096. Given: {asked.prompt} `inputs` tokens and {asked.cap} `max_new_tokens`"
        fits = asked.prompt + (asked.cap or 0) <= 4096
        return Spoken("It is 73.") if fits else Fault("page", status=400, body={"error": {"message": says}})

    with Hosted(small) as server:
        chat = client("openai", server)
        for question in ("word " * 3900, "What is 47 + 26?"):
            if kind == "middleware":
                ask(agent(chat, efforts=["low"]), question=question)
            else:
                solver = build_solver(chat, options=Options(effort="low"))
                ChatAdaptive(solver=solver).bind_tools([look_up]).invoke(question)
        caps = [asked.cap for asked in server.asked if asked.prompt + (asked.cap or 0) <= 4096]
        long = server.asked[0].prompt
    assert caps[0] == 4096 - long < 4000 < (caps[1] or 0) < 4096
