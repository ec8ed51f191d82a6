"""A prompt cache as providers play it: what a call finds of the beginnings of earlier ones, and what it leaves.

OpenAI's begins with the effort (developers.openai.com/cookbook/examples/prompt_caching_201, "Changes to reasoning
effort"). Anthropic's has tools and system prompt before it, and is there if the request asks for it
(platform.claude.com/docs/en/build-with-claude/prompt-caching, "What invalidates the cache").
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from adaptive.types.usage import Usage
from tests.hosted.script import Asked, Body, Brain, Reply, Spoken, said, words
from tests.hosted.wire import text_of

LEAST = 1024
"""Tokens of the shortest beginning that is cached."""

Part = tuple[str, int]
"""What a part of a prompt is, and its tokens."""


@dataclass
class Caching:
    """A brain behind a prompt cache. billed: what each call took, as the provider counts it."""

    brain: Brain
    billed: list[Usage] = field(default_factory=list)
    prompts: list[list[Part]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Reply:
        reply = self.brain(asked)
        if not isinstance(reply, Spoken):
            return reply
        with self._lock:
            reply = self._serve(asked, reply)
            one = said(asked, reply)
            self.billed.append(
                Usage(one.prompt, one.cached, one.written, thinking=one.thought, answer=one.answered)
            )
        return reply

    def _serve(self, asked: Asked, reply: Spoken) -> Spoken:
        """The reply with what was in the cache, and what is now."""
        if not _caches(asked):
            return reply
        prompt = list(_parts(asked))
        cached = max((_count_common(prompt, earlier) for earlier in self.prompts), default=0)
        self.prompts.append(prompt)
        written = asked.prompt - cached if asked.provider == "anthropic" and asked.prompt >= LEAST else 0
        return replace(reply, cached=cached, written=written)


def _caches(asked: Asked) -> bool:
    return asked.provider != "anthropic" or "cache_control" in json.dumps(asked.body)


def _count_common(one: list[Part], other: list[Part]) -> int:
    """How many tokens both prompts begin with; 0 where they are too few."""
    pairs = zip(one, other, strict=False)
    tokens = sum(mine[1] for mine, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return tokens if tokens >= LEAST else 0


def _parts(asked: Asked) -> Iterator[Part]:
    """The prompt from its beginning."""
    body, system = asked.body, [text for role, text in asked.messages if role == "system"]
    effort = json.dumps([asked.effort, body.get("thinking")])
    tools = (json.dumps([asked.model, _without_marks(body.get("tools"))]), 0)
    if asked.provider == "anthropic":
        yield from (tools, (json.dumps(system[:1]), sum(map(words, system[:1]))), (effort, 0))
    else:
        yield from ((effort, 0), tools)
    if asked.provider in ("openai_responses", "google_genai"):  # beside the messages
        yield json.dumps(system[:1]), sum(map(words, system[:1]))
    items: list[Body] = body.get("messages") or body.get("input") or body.get("contents") or []
    for item in items:
        content = item.get("content", item.get("output")) or [
            p for p in item.get("parts", ()) if not p.get("thought")
        ]
        yield json.dumps(_without_marks(item)), words(text_of(content))


def _without_marks(value: Any) -> Any:
    """The same without the marks of what is to be cached, which are no part of a prompt."""
    if isinstance(value, dict):
        return {name: _without_marks(one) for name, one in value.items() if name != "cache_control"}
    return [_without_marks(one) for one in value] if isinstance(value, list) else value
