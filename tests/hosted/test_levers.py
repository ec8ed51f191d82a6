"""What the real clients send for each effort is what the table says (`tests.hosted.lever_table`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from adaptive import Options, build_solver
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.profile.untrained import build_untrained_chat_profile, takes_budget
from tests.hosted.lever_table import (
    ASKED,
    BUDGET,
    CAP,
    CHAT_CAP,
    CLIENTS,
    ROWS,
    Body,
    LeverRow,
    bedrock_adaptive,
    claude_budget,
)
from tests.hosted.recorder import Recorder

LEVERS = (
    "reasoning_effort", "reasoning", "thinking", "output_config", "think", "additionalModelRequestFields",
    "generationConfig.thinkingConfig",
)  # fmt: skip
"""All parts of a request by which a provider takes an effort or a budget."""


@pytest.fixture(autouse=True)
def _own_price_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched


def get(body: Body, path: str) -> Any:
    """The part of a request at a path; None if it is not there."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def open_row(row: LeverRow, url: str) -> ChatModel:
    client = CLIENTS[row.client]
    kind = getattr(pytest.importorskip(client.package), client.cls)
    return ChatModel(kind(model=row.model, **client.locate(url)))


async def ask_all(model: ChatModel, requests: Sequence[ChatRequest]) -> list[str]:
    """The answers; the client is closed, as one would warn of its connections when it is gone."""
    try:
        return [(await model.ask([HumanMessage("What is 2 + 2?")], request)).text for request in requests]
    finally:
        if close := getattr(model.chat, "aclose", None):
            await close()


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.client}-{row.model}")


@pytest.mark.filterwarnings("default")  # some clients use what is deprecated
@each_row
def test_what_is_sent_for_each_effort(row: LeverRow) -> None:
    thinking = {effort: BUDGET * (effort != "none") for effort in ASKED}
    requests = [ChatRequest(effort, budget, budget + CAP - BUDGET) for effort, budget in thinking.items()]  # type: ignore[arg-type]
    with Recorder() as recorder:
        answers = asyncio.run(ask_all(open_row(row, recorder.url), requests))
    assert answers == ["It is four."] * len(ASKED)
    sent = [{n: value for n in LEVERS if (value := get(body, n)) is not None} for body in recorder.requests]
    assert dict(zip(ASKED, sent, strict=True)) == row.sent
    assert [get(body, row.cap) for body in recorder.requests] == [request.cap for request in requests]


@pytest.mark.filterwarnings("default")
@each_row
def test_a_model_of_its_own_way_is_sent_nothing(row: LeverRow) -> None:
    with Recorder() as recorder:
        asyncio.run(ask_all(open_row(row, recorder.url), [ChatRequest("default", BUDGET, None)]))
    (body,) = recorder.requests
    assert [name for name in LEVERS if get(body, name) is not None] == []


@pytest.mark.filterwarnings("default")
@each_row
def test_a_model_with_any_lever_is_adapted(row: LeverRow) -> None:
    model = open_row(row, "http://127.0.0.1:9")
    try:
        assert takes_budget(model) == any(row.sent.values())
        rungs = build_untrained_chat_profile(model).ladder.rungs
        assert any(rung.thinks for rung in rungs) == any(row.sent.values())
    finally:
        asyncio.run(ask_all(model, []))


INVOKED: dict[str, list[tuple[ChatRequest, Body]]] = {
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": [
        (ChatRequest("high", BUDGET, CAP), claude_budget("high")),
        (ChatRequest("none", 0, CAP), {}),
        (ChatRequest("default", 0, CAP), {}),
    ],
    "us.anthropic.claude-opus-5": [
        (ChatRequest("high", BUDGET, CAP), bedrock_adaptive("high")),
        (ChatRequest("none", 0, CAP), bedrock_adaptive("none")),
    ],
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", INVOKED)
def test_what_bedrock_is_sent_by_its_older_interface(name: str) -> None:
    kind, one = pytest.importorskip("langchain_aws").ChatBedrock, CLIENTS["Bedrock"]
    requests, sent = zip(*INVOKED[name], strict=True)
    with Recorder() as recorder:
        chat = kind(model=name, max_tokens=500, **one.locate(recorder.url))
        answers = asyncio.run(ask_all(ChatModel(chat), requests))
    assert answers == ["It is four."] * len(requests)
    for body, levers in zip(recorder.requests, sent, strict=True):
        own = {"anthropic_version", "max_tokens", "messages"}
        assert {field: value for field, value in body.items() if field not in own} == levers
        assert body["max_tokens"] == CAP


async def test_a_solve_says_that_of_an_effort_only_the_cap_counts() -> None:
    with Recorder() as recorder:
        chat = ChatOpenAI(model="gpt-4o", **CLIENTS["OpenAI"].locate(recorder.url))
        solver = build_solver(chat, options=Options(effort="high"))
        result = (await solver.ainvoke({"messages": [("user", "What is 2 + 2?")]}))["adaptive_result"]
    assert "the model takes no efforts: of effort high only the cap counts" in result["notes"]
    assert recorder.requests[0][CHAT_CAP] > 0


def test_each_client_has_a_model() -> None:
    assert {row.client for row in ROWS} == CLIENTS.keys()
    assert len(CLIENTS) == 14
