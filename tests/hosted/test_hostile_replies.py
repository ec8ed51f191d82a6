"""A provider's server that sends too much, or what cannot be read: one sentence, whichever client reads it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
from click.testing import CliRunner
from langchain_core.messages import HumanMessage
from langchain_deepseek import ChatDeepSeek
from langchain_ollama import ChatOllama

from adaptive.chat.errors import ChatError
from adaptive.chat.registry import open_chat_model
from adaptive.chat.request import ChatRequest
from adaptive.cli import cli
from adaptive.errors import AdaptiveError, InputError
from tests.hosted.clients import PROVIDERS, Provider
from tests.support.hostile import EVENTS, REPLIES, HostileReply, HostileServer, serving

HOSTILE = {
    **PROVIDERS,
    "deepseek": Provider(
        ChatDeepSeek, "deepseek:deepseek-reasoner", "max_tokens", lambda url: {"base_url": f"{url}/v1"}
    ),
    "ollama": Provider(ChatOllama, "ollama:qwen3", "num_predict", lambda url: {"base_url": url}),
}
NO_LINES = {("ollama", reply) for reply in ("an endless event", "endless empty events", "endless pings")}
KEY = "sk-hostile-0123456789abcdef"
LIMIT = 0.1
ENDLESS = [name for name, reply in REPLIES.items() if reply.endless]


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with serving() as server:
        yield server


def describe(name: str, server: HostileServer) -> dict[str, Any]:
    key = {} if name == "ollama" else {"api_key": KEY}
    return {**HOSTILE[name].locate(server.root), **key, "max_reply": LIMIT}


async def ask(name: str, server: HostileServer, streams: bool) -> AdaptiveError | None:
    """Ask once; return the error, or None if the client made an empty answer of it."""
    model = open_chat_model(HOSTILE[name].spec, retries=0, **describe(name, server))
    on_event = (lambda event: None) if streams else None
    try:
        await model.ask([HumanMessage("What?")], ChatRequest("low", 64, 200), on_event)
    except AdaptiveError as error:
        return error
    return None


@pytest.mark.crossed
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("reply", ENDLESS)
@pytest.mark.parametrize("name", HOSTILE)
async def test_what_has_no_end_is_left(hostile: HostileServer, name: str, reply: str, streams: bool) -> None:
    hostile.replies[None] = REPLIES[reply]
    error = await ask(name, hostile, streams)
    assert isinstance(error, ChatError), error
    told = r"(sent more than [0-9.]+ MB without an answer: raise -o max|compresses its reply \([a-z, -]+\))"
    told = rf"{HOSTILE[name].spec}: the server 127\.0\.0\.1 {told}"
    if (name, reply, streams) == ("google_genai", "endless pings", True) or (name, reply) in NO_LINES:
        # Its client gives up at the first line that is no JSON, or the limit comes first.
        told = rf"{told}|{HOSTILE[name].spec} sent a reply that cannot be read"
    assert re.match(told, str(error)), error
    assert "\n" not in str(error)
    assert KEY not in str(error)
    assert hostile.asked == 1, "it is not asked again, for it would fare the same"
    assert hostile.sent < 50_000_000  # some is under way, and in the buffers of both sockets


@pytest.mark.crossed
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("reply", [name for name in REPLIES if name not in ENDLESS])
@pytest.mark.parametrize("name", HOSTILE)
async def test_what_cannot_be_read_is_one_sentence(
    hostile: HostileServer, name: str, reply: str, streams: bool
) -> None:
    hostile.replies[None] = REPLIES[reply]
    error = await ask(name, hostile, streams)
    if error is None:  # a client made an empty message of it
        return
    assert isinstance(error, ChatError | InputError)
    assert re.match(rf"{HOSTILE[name].spec}:? ", str(error)), error
    assert "\n" not in str(error)
    assert not re.search(r"Traceback|line \d+, in ", str(error))


@pytest.mark.parametrize("streams", [False, True])
async def test_a_long_stream_of_an_answer_is_read(hostile: HostileServer, streams: bool) -> None:
    part = {"choices": [{"index": 0, "delta": {"content": "x" * 50_000}, "finish_reason": None}], "id": "1"}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "id": "1"}
    parts = [part] * 30  # 1.5 MB, each far below the limit
    hostile.stream(*parts, last, b"[DONE]", path="/v1/chat/completions")
    assert hostile.replies["/v1/chat/completions"].kind == EVENTS
    server = describe("openai", hostile) | {"max_reply": 0.5}
    model = open_chat_model("openai:gpt-5", retries=0, streaming=True, **server)
    on_event = (lambda event: None) if streams else None
    response = await model.ask([HumanMessage("What?")], ChatRequest("low", 64, 200), on_event)
    assert len(response.text) == 1_500_000


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("content", "refused"), [("x" * 20_000, False), ("", True)])
async def test_lines_of_an_answer_are_read_and_those_without_an_end_are_not(
    hostile: HostileServer, streams: bool, content: str, refused: bool
) -> None:
    part = {"model": "qwen3", "message": {"role": "assistant", "content": content}, "done": False}
    last = {**part, "done": True, "done_reason": "stop"}
    first, end = (json.dumps(one).encode() + b"\n" for one in (part, last))
    lines = repeat(first) if refused else [first] * 10 + [end]  # 0.2 MB, no line above the limit
    hostile.replies[None] = HostileReply("application/x-ndjson", lambda: lines)
    error = await ask("ollama", hostile, streams)
    assert (error is not None) == refused, error
    if refused:
        assert "ollama:qwen3: the server 127.0.0.1 sent more than 0.4 MB without an answer" in str(error)
        assert hostile.sent < 50_000_000


async def fail_midway(name: str, server: HostileServer) -> None:
    error = await ask(name, server, streams=True)
    assert error is not None


@pytest.mark.parametrize("name", HOSTILE)
def test_what_fails_midway_is_closed(hostile: HostileServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise the event loop closes it at its end, and complains on stderr."""
    hostile.replies[None] = HostileReply(EVENTS, lambda: [b"data: [null]\n\n", *[b"data: 7\n\n"] * 99])
    asyncio.run(fail_midway(name, hostile))
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_the_command_counts_the_call_as_failed(hostile: HostileServer) -> None:
    hostile.replies[None] = REPLIES["a gzip bomb"]
    options = [part for name, value in describe("openai", hostile).items() for part in ("-o", f"{name}={value}")]
    made = CliRunner().invoke(cli, ["solve", "What?", "--no-log", "-m", "openai:gpt-5", *options])
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr.splitlines()[-1].startswith(
        "Error: openai:gpt-5: the server 127.0.0.1 compresses its reply"
    )


@pytest.mark.parametrize("wrong", [0, -1, "many", float("nan")])
def test_a_limit_that_is_none(wrong: Any) -> None:
    with pytest.raises(InputError, match="max_reply must be a number of megabytes above 0, got"):
        open_chat_model("openai:gpt-5", api_key=KEY, max_reply=wrong)
