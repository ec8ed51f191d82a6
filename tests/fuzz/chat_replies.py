"""Replies of providers to calls of their own clients, whole and streamed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.harness import Check
from tests.fuzz.replies import Sent, collecting_complaints, judge_call, sent, take_complaint
from tests.hosted.clients import PROVIDERS
from tests.hosted.script import Spoken, said
from tests.hosted.server import WIRES
from tests.support.hostile import REPLIES, serving

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", {"model": "gpt-5", "messages": [{"role": "user", "content": "q"}]}),
    "openai_responses": ("/v1/responses", {"model": "gpt-5", "input": [{"role": "user", "content": "q"}]}),
    "azure_openai": (
        "/openai/deployments/gpt-5/chat/completions?api-version=2025-04-01-preview",
        {"model": "gpt-5", "messages": [{"role": "user", "content": "q"}]},
    ),
    "anthropic": (
        "/v1/messages",
        {"model": "claude-sonnet-4-6", "max_tokens": 900, "messages": [{"role": "user", "content": "q"}],
         "thinking": {"type": "adaptive"}},
    ),
    "google_genai": (
        "/v1beta/models/gemini-3-flash-preview:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "q"}]}],
         "generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    ),
}  # fmt: skip
SPOKEN = Spoken("It is 42.", thought=30, thinking="six times seven")


@cache
def _build_right(provider: str) -> tuple[Any, list[tuple[str, Any]]]:
    path, body = ASKED[provider]
    wire, match = next((wire, match) for wire in WIRES if (match := wire.path.fullmatch(path)))
    asked = wire.asked(match, {}, body)
    return wire.whole(asked, said(asked, SPOKEN)), read_events(wire.frames(asked, said(asked, SPOKEN)))


def read_events(frames: Sequence[str]) -> list[tuple[str, Any]]:
    """The name and the data of each event of ours."""
    events = []
    for frame in frames:
        name, data = re.search(r"^event: (.*)$", frame, re.M), re.search(r"^data: (.*)$", frame, re.M)
        if data and data[1] != "[DONE]":
            events.append((name[1] if name else "", json.loads(data[1])))
    return events


@dataclass(frozen=True)
class ChatReply:
    """The reply of a provider to a call."""

    provider: str
    streams: bool
    reply: Sent


@st.composite
def chat_replies(draw: st.DrawFn) -> ChatReply:
    provider, streams = draw(st.sampled_from(sorted(ASKED))), draw(st.booleans())
    whole, events = _build_right(provider)
    return ChatReply(provider, streams, draw(sent(events, whole, streams)))


@contextmanager
def open_check(folder: Path) -> Iterator[Check]:
    """The check of chat servers: an answer with counts that can be, or one sentence that names the model."""
    from langchain_core.messages import HumanMessage

    from adaptive.chat import capabilities
    from adaptive.chat.registry import open_chat_model
    from adaptive.chat.request import ChatRequest

    with serving() as server, collecting_complaints() as complaints:
        models = {
            name: open_chat_model(
                provider.spec, retries=0, max_reply=0.3, api_key="sk-0123456789", timeout=5,
                **provider.locate(server.root),
            )
            for name, provider in PROVIDERS.items()
        }  # fmt: skip

        async def ask(case: ChatReply) -> None:
            on_event = (lambda event: None) if case.streams else None
            response = await models[case.provider].ask([HumanMessage("q")], ChatRequest("low", 64, 200), on_event)
            assert f"{response.text}{response.thinking}".encode() is not None, "half a character"
            counts = {
                name: value for name, value in vars(response.usage).items() if isinstance(value, int | float)
            }
            assert all(0 <= value < 1e10 for value in counts.values()), f"a count that cannot be: {counts}"
            json.dumps(counts, allow_nan=False)

        def check(case: ChatReply) -> str:
            capabilities._CAPABILITIES.clear()
            server.replies = {None: case.reply.to_reply()}
            problem = judge_call(lambda: asyncio.run(ask(case)), PROVIDERS[case.provider].spec)
            return problem or take_complaint(complaints)

        yield check


CASES = chat_replies()
CORPUS = [
    ChatReply(name, streams, Sent(one.kind, tuple(one.parts()), one.status, tuple(one.headers.items())))
    for name in ASKED for streams in (False, True) for one in REPLIES.values() if not one.endless
]  # fmt: skip
"""Each reply of `REPLIES` that ends, for each provider, whole and streamed."""
CORPUS.append(
    ChatReply("openai_responses", False, Sent("application/json", (b"\0" * 4,), 500, (("content_length", "3"),)))
)
