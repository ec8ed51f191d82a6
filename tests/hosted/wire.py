"""A wire format: how a request is read, and how an answer and an error are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.hosted.script import Asked, Body, Fault, Said


@dataclass(frozen=True)
class Wire:
    """One provider's format.

    path: matches the addresses of the calls. keys: the headers that may hold the key. asked: reads a request.
    whole: the answer as one body. frames: the answer as server-sent events. problem: status and body of an error.
    broken: an error in the middle of a stream. check: what the provider itself finds wrong with a request. after:
    the header that says when to come back, if it is said in one.
    """

    path: re.Pattern[str]
    keys: tuple[str, ...]
    asked: Callable[[re.Match[str], Mapping[str, str], Body], Asked]
    whole: Callable[[Asked, Said], Body]
    frames: Callable[[Asked, Said], list[str]]
    problem: Callable[[Asked, Fault], tuple[int, Body]]
    broken: Callable[[Asked, Fault], str]
    check: Callable[[Asked], Fault | None] = lambda _: None
    after: str | None = "retry-after"


def frame(data: Any, event: str = "") -> str:
    """A server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {event}\n" if event else "") + f"data: {text}\n\n"


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or blocks, some of which hold blocks."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        content = [content]
    texts = (block if isinstance(block, str) else _block_text(block) for block in content)
    return "\n".join(text for text in texts if text)


def _block_text(block: Body) -> str:
    return str(block["text"]) if "text" in block else text_of(block.get("content"))


def images_in(contents: Iterable[Any], kinds: tuple[str, ...]) -> int:
    """How many blocks are images: of a type named in `kinds`, or with a key named so."""
    blocks = (block for content in contents if isinstance(content, list) for block in content)
    return sum(block.get("type") in kinds or any(kind in block for kind in kinds) for block in blocks)


def quoted(values: tuple[str, ...], last: str = ", and ") -> str:
    """'low', 'medium', and 'high'."""
    names = [f"'{value}'" for value in values]
    return last.join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
