"""The middleware with `ModelFallbackMiddleware`, on the wires of both models: each gets what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from pydantic import BaseModel

from adaptive.agents import AdaptiveThinkingMiddleware, read_spending
from adaptive.prices import Price, Prices
from tests.agents.asking import QUESTION, WAYS, ask, last, report
from tests.agents.toy import toy
from tests.hosted.clients import client
from tests.hosted.obliging import obliging
from tests.hosted.script import Asked, Fault, Reply
from tests.hosted.server import Hosted

FIRST = "gpt-5"
OTHERS = {"gpt-4o-mini": "openai", "claude-sonnet-4-6": "anthropic"}


class Sum(BaseModel):
    """A sum."""

    total: int


def brain(asked: Asked) -> Reply:
    """The first model fails; the others do as they are told."""
    return Fault("error") if asked.model == FIRST else obliging(asked)


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(brain) as server:
        yield server


def build_agent(hosted: Hosted, other: str, ours_first: bool, strategy: Any) -> Any:
    fallback = ModelFallbackMiddleware(client(OTHERS[other], hosted, model=other))
    ours = AdaptiveThinkingMiddleware(efforts=["low"])
    middleware = [ours, fallback] if ours_first else [fallback, ours]
    first = client("openai", hosted, model=FIRST)
    return create_agent(first, middleware=middleware, response_format=strategy)


def stream_agent(agent: Any, way: str) -> dict[str, Any]:
    """The agent's last state, streamed with the tokens of its models."""
    given, modes = {"messages": [("user", QUESTION)]}, ["values", "messages"]

    async def collect() -> list[Any]:
        return [part async for part in agent.astream(given, stream_mode=modes)]

    parts = asyncio.run(collect()) if way == "astream" else list(agent.stream(given, stream_mode=modes))
    assert "messages" in [mode for mode, _ in parts]
    state: dict[str, Any] = [data for mode, data in parts if mode == "values"][-1]
    return state


@pytest.mark.parametrize("strategy", [None, ToolStrategy(Sum), ProviderStrategy(Sum)])
@pytest.mark.parametrize("way", [*WAYS, "stream", "astream"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.crossed
def test_each_model_gets_the_arguments_that_it_takes(
    ours_first: bool, other: str, way: str, strategy: Any, hosted: Hosted
) -> None:
    agent = build_agent(hosted, other, ours_first, strategy)
    result = ask(agent, way) if way in WAYS else stream_agent(agent, way)
    first, second = hosted.asked
    assert (first.model, first.effort) == (FIRST, "low")
    assert second.model == other
    assert second.effort == (None if other == "gpt-4o-mini" else "low")
    assert (strategy is None) == ("structured_response" not in result)
    if ours_first:
        (message,) = (m for m in result["messages"] if m.type == "ai")
        notes = message.response_metadata["adaptive"]["notes"]
        assert f"{OTHERS[other]}:{other} was called in place of the model" in notes


def test_a_streamed_agent_falls_back_too(hosted: Hosted) -> None:
    agent = build_agent(hosted, "gpt-4o-mini", ours_first=True, strategy=None)
    parts = list(agent.stream({"messages": [("user", "What is 2 + 2?")]}, stream_mode="messages"))
    assert "".join(chunk.text for chunk, _ in parts) == "It is done."
    assert [asked.effort for asked in hosted.asked] == ["low", None]


@pytest.mark.parametrize(("efforts", "effort"), [(None, "low"), (["high"], "high")])
def test_after_a_model_that_is_left_as_it_is_the_other_is_adapted_and_paid(
    efforts: list[str] | None, effort: str
) -> None:
    plain = toy(
        model_name="plain",
        profile={"reasoning_output": False, "reasoning_effort_levels": []},
        fails={1: RuntimeError("down")},
    )
    other = toy()
    name = f"ToyReasoner:{other.model_name}"
    prices = Prices({"ToyReasoner:plain": Price(1, 1), name: Price(1000, 1000)})
    ours = AdaptiveThinkingMiddleware(efforts=efforts, prices=prices)
    result = ask(create_agent(plain, middleware=[ours, ModelFallbackMiddleware(other)]))
    assert [call["effort"] for call in other.calls] == [effort]
    usage = last(result).usage_metadata
    assert usage is not None
    assert read_spending(result)["run"]["usage"]["cost"] == pytest.approx(usage["total_tokens"] * 1000 / 1e6)
    assert f"{name} was called in place of the model" in report(result)["notes"]


def test_an_effort_that_the_other_refuses_is_learned_after_a_model_that_is_left_as_it_is() -> None:
    def answer(asked: Asked) -> Reply:
        if asked.model == "gpt-4o-mini":
            return Fault("error")
        refused = Fault("effort", value="high", allowed=("low", "medium"))
        return refused if asked.effort == "high" else obliging(asked)

    with Hosted(answer) as hosted:
        first, other = (client("openai", hosted, model=name) for name in ("gpt-4o-mini", FIRST))
        ours = AdaptiveThinkingMiddleware(efforts=["high"])
        result = ask(create_agent(first, middleware=[ours, ModelFallbackMiddleware(other)]))
    assert [asked.effort for asked in hosted.asked if asked.model == FIRST] == ["high", "medium"]
    assert last(result).text == "It is done."


def test_a_cap_of_the_models_own_that_is_raised_is_noted() -> None:
    class Capped(type(toy())):  # type: ignore[misc]
        max_tokens: int | None = None

    model = Capped(**{**toy().model_dump(), "profile": toy().profile, "max_tokens": 50})
    result = ask(create_agent(model, middleware=[AdaptiveThinkingMiddleware(efforts=["low"])]))
    assert model.calls[0]["cap"] > 50
    assert f"the model's own cap of 50 tokens is raised to {report(result)['cap']}" in report(result)["notes"]
    assert last(result).text
