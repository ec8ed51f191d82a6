"""What a call asks for and what it brings, whatever the wire format.

A brain is a function from what was asked to what is said: `Spoken`, or a `Fault`. It thinks as long as it likes:
the cap is held by `said`, as a provider holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Body = dict[str, Any]
Provider = Literal["openai", "openai_responses", "azure_openai", "anthropic", "google_genai"]
Finish = Literal["stop", "length", "refusal", "filtered", "tools"]
FaultKind = Literal[
    "effort", "budget", "cap", "image", "temperature", "key", "denied", "model", "context", "quota", "rate",
    "error", "overloaded", "unavailable", "gateway", "garbage", "reset", "cut", "ended", "hang", "page",
    "in full", "failed",
]  # fmt: skip

IMAGE = 100
"""Tokens of one image."""


@dataclass(frozen=True)
class Asked:
    """One request.

    messages: role (system, user, assistant, tool) and text of each. budget: thinking tokens, where they are asked
    for. cap: most completion tokens, thinking included. thinks: whether thinking is on. shows: whether the text
    (or a summary) of any thinking is wanted. headers: names in lower case.
    """

    provider: Provider
    model: str
    messages: tuple[tuple[str, str], ...]
    effort: str | None = None
    budget: int | None = None
    cap: int | None = None
    images: int = 0
    stream: bool = False
    thinks: bool = True
    shows: bool = False
    temperature: float | None = None
    seed: int | None = None
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What the user said first: follow-up turns have the same."""
        return next((text for role, text in self.messages if role == "user"), "")

    @property
    def turns(self) -> int:
        """How often the user spoke: 1 without follow-up turns."""
        return sum(role == "user" for role, _ in self.messages)

    @property
    def prompt(self) -> int:
        """Prompt tokens: words, and each image."""
        return sum(words(text) for _, text in self.messages) + IMAGE * self.images


@dataclass(frozen=True)
class Tool:
    """A tool call."""

    name: str
    args: Body


@dataclass(frozen=True)
class Spoken:
    """What a model says when no cap cuts it.

    thinking: the text that is shown of the thinking, where it is shown. thought: tokens of thinking (None: the
    words of its text). answered: tokens of the answer (None: its words). refusal: said in place of an answer.
    filtered: a filter ends the answer here; where a provider tells of no filter it is a refusal without a word.
    cached: prompt tokens read from a cache. written: prompt tokens written to one. ends: the finish reason in
    place of the right one; "null" for none. usage: what is reported in place of the right figures.
    """

    answer: str = ""
    thinking: str = ""
    thought: int | None = None
    answered: int | None = None
    refusal: str | None = None
    filtered: bool = False
    tools: tuple[Tool, ...] = ()
    cached: int = 0
    written: int = 0
    ends: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    text: the provider's words, where they are not the usual ones. value: what was wrong (an effort, a model).
    allowed: what would be right; () where there is no such lever. after: seconds until another call is welcome;
    "" where that is not said.
    midway: in a stream, the error or the hanging comes after half of the answer. spoken: what a cut, an ended or a
    hanging call was going to say. status, body: of a "page", and the status of an error that is told "in full".

    "gateway": a page of the gateway's in place of an error. "garbage": such a page in place of an answer; a stream
    ends with half of an event. "reset": the connection ends without a reply. "cut": it ends in the middle.
    "ended": the stream ends in the middle, and well-formed, as behind some proxies; what is not streamed is cut.
    "hang": nothing comes until `Hosted.release`, or the client leaves. "page": a body of any shape. "in full": the
    provider's error of its own, with a status that says something else. "failed": a response of the Responses
    interface that ends in an error.
    """

    kind: FaultKind
    text: str = ""
    value: str = ""
    allowed: tuple[str, ...] = ()
    after: str = "1"
    midway: bool = False
    spoken: Spoken = Spoken("one two three four", thinking="and so on")
    status: int = 200
    body: Any = ""


Reply = Spoken | Fault
Brain = Callable[[Asked], Reply]


@dataclass(frozen=True)
class Said:
    """What is left of `Spoken` within the cap, with all its counts."""

    thinking: str
    thought: int
    answer: str
    answered: int
    finish: Finish
    prompt: int
    cached: int = 0
    written: int = 0
    refusal: str = ""
    tools: tuple[Tool, ...] = ()
    ends: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def completion(self) -> int:
        return self.thought + self.answered

    def ending(self, right: str) -> str | None:
        """The finish reason as it is sent."""
        return right if self.ends is None else None if self.ends == "null" else self.ends


def said(asked: Asked, spoken: Spoken) -> Said:
    """What is said within the cap: thinking comes first, and the answer gets what it leaves."""
    text = spoken.refusal or spoken.answer
    thought = _count(spoken.thought, spoken.thinking) if asked.thinks else 0
    answered = _count(spoken.answered, text) + sum(1 + len(tool.args) for tool in spoken.tools)
    thinking = spoken.thinking if asked.thinks and asked.shows else ""
    finish = _finish(spoken)
    cached = min(spoken.cached, asked.prompt)
    written = min(spoken.written, asked.prompt - cached)
    whole = Said(
        thinking, thought, spoken.answer, answered, finish, asked.prompt, cached, written, spoken.refusal or "",
        spoken.tools, spoken.ends, spoken.usage,
    )  # fmt: skip
    return whole if asked.cap is None or whole.completion <= asked.cap else _cut(whole, asked.cap)


def _finish(spoken: Spoken) -> Finish:
    if spoken.refusal:
        return "refusal"
    return "filtered" if spoken.filtered else "tools" if spoken.tools else "stop"


def _cut(whole: Said, cap: int) -> Said:
    thought = min(whole.thought, cap)
    room = cap - thought
    return Said(
        _first(whole.thinking, thought, whole.thought), thought, _first(whole.answer, room, whole.answered), room,
        "length", whole.prompt, whole.cached, whole.written, usage=whole.usage,
    )  # fmt: skip


def words(text: str) -> int:
    """How tokens are counted here."""
    return len(text.split())


def pieces(text: str) -> list[str]:
    """The text word by word, with the spaces after each."""
    return re.findall(r"\s*\S+\s*", text)


def _count(given: int | None, text: str) -> int:
    return words(text) if given is None else given


def _first(text: str, tokens: int, of: int) -> str:
    """So much of the text as is in the first `tokens` of its tokens."""
    if tokens >= of:
        return text
    parts = pieces(text)
    return "".join(parts[: len(parts) * tokens // of]).rstrip()
