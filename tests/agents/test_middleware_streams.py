"""The middleware in agents that stream: every attempt's tokens come, and the events say which were kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.agents.asking import CALL, accepts, agent
from tests.agents.toy import toy

ASKED = {"messages": [("user", "What is 2 + 2?")]}


def streaming() -> Any:
    return agent(toy(tool=CALL), check=accepts("medium"))


def v1() -> list[tuple[str, Any]]:
    return list(streaming().stream(ASKED, stream_mode=["custom", "messages"]))


def v2() -> list[tuple[str, Any]]:
    parts = streaming().stream(ASKED, stream_mode=["custom", "messages"], version="v2")
    return [(part["type"], part["data"]) for part in parts]


def awaited() -> list[tuple[str, Any]]:
    async def run() -> list[tuple[str, Any]]:
        return [part async for part in streaming().astream(ASKED, stream_mode=["custom", "messages"])]

    return asyncio.run(run())


@pytest.mark.parametrize("stream", [v1, v2, awaited])
def test_the_kept_tokens_are_those_with_the_kept_ids(stream: Any) -> None:
    said = stream()
    kept = {data["message"] for mode, data in said if mode == "custom" and data["event"] == "kept"}
    chunks = [data[0] for mode, data in said if mode == "messages" and data[0].type == "AIMessageChunk"]
    assert "".join(c.text for c in chunks) == "lowmedium"
    assert "".join(c.text for c in chunks if c.id in kept) == "medium"
    assert len({c.id for c in chunks} - kept) == 1
    calls = [call for c in chunks if c.id in kept for call in c.tool_call_chunks if call["name"]]
    assert [call["name"] for call in calls] == ["look_up"]


@pytest.mark.parametrize("stream", [v1, v2, awaited])
def test_a_verdict_comes_after_the_tokens_that_it_is_on_and_before_the_next_ones(stream: Any) -> None:
    order: list[str] = []
    for mode, data in stream():
        one = data["event"] if mode == "custom" else data[0].text if data[0].type == "AIMessageChunk" else ""
        order += [one] if one and one != "start" else []
    assert order == ["kept", "low", "verdict", "escalate", "medium", "verdict", "kept"]


def test_a_stream_brings_no_message_twice() -> None:
    """The kept message is a copy with our report: it must not come as another one."""
    ids = [data[0].id for mode, data in v1() if mode == "messages" and data[0].type == "ai"]
    assert ids == []


@pytest.mark.filterwarnings("ignore:.*v3.*")
def test_the_newest_stream_of_events_has_every_attempt_as_a_message_of_its_own() -> None:
    async def run() -> list[str]:
        stream = await streaming().astream_events(ASKED, version="v3")
        return ["".join([text async for text in message.text]) async for message in stream.messages]

    texts = asyncio.run(run())
    assert [text for text in texts if text] == ["low", "medium"]
