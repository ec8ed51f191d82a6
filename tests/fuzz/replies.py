"""Replies of servers: JSON with fields that cannot be, events in any framing, and bytes that are neither."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.nasty import changed, damaged
from tests.support.hostile import EVENTS, JSON, PAGE, REPLIES, HostileReply

TYPES = (EVENTS, EVENTS, EVENTS, JSON, PAGE, "text/event-stream; charset=utf-16", "", "application/x-ndjson")
LINES = "application/x-ndjson"
LINE_TYPES = (LINES, LINES, LINES, "application/x-ndjson; charset=utf-16", JSON, EVENTS, "")
STATUSES = (200,) * 8 + (201, 204, 299, 400, 401, 404, 418, 429, 500, 503, 529)
LINE_ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\r")
HEADERS: tuple[Mapping[str, str], ...] = (
    {}, {}, {}, {}, {"content_encoding": "gzip"}, {"retry_after": "0"}, {"retry_after": "x" * 500},
    {"content_length": "3"}, {"x_request_id": "\x85" * 9}, {"location": "/v1/models"}, {"set_cookie": "a=b"},
)  # fmt: skip
WITHOUT_BODY = (204,)


@dataclass(frozen=True)
class Sent:
    """A reply as it is sent."""

    kind: str
    parts: tuple[bytes, ...]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    def to_reply(self) -> HostileReply:
        parts = () if self.status in WITHOUT_BODY else self.parts
        return HostileReply(self.kind, lambda: parts, dict(self.headers), self.status)


def to_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()  # half a surrogate, NaN and huge numbers too


@st.composite
def framed(draw: st.DrawFn, events: Sequence[tuple[bytes, bytes]], lines: bool) -> tuple[bytes, ...]:
    """Events, each a name and data, in any framing: line ends, comments, names, cuts, and chunks of any size.

    lines: the data alone is sent, each in a line.
    """
    end = draw(st.sampled_from(LINE_ENDS))
    made = []
    for name, data in events:
        if lines:
            made.append(draw(st.sampled_from([b""] * 4 + [b"\n", b" \n", b"\xef\xbb\xbf"])) + data + end)
            continue
        head = b"event: " + name + end if name else b""
        odd = draw(
            st.sampled_from(
                [b""] * 8 + [b": ping" + end, b"id: 1" + end, b"retry: x" + end, b"\xef\xbb\xbf", b"data" + end]
            )
        )
        made.append(odd + head + draw(st.sampled_from([b"data: ", b"data: ", b"data:"])) + data + end + end)
    body = b"".join(made)
    if draw(st.sampled_from([False, False, True])):
        body = draw(damaged(body))
    size = draw(st.sampled_from([len(body), len(body), 1, 7, 64])) or 1
    return tuple(body[at : at + size] for at in range(0, len(body), size))


@st.composite
def sent(
    draw: st.DrawFn, events: Sequence[tuple[str, Any]], whole: Any, streams: bool, lines: bool = False
) -> Sent:
    """A reply that should have been these events, each in a line if it is one of lines, or this object."""
    if draw(st.sampled_from([False] * 9 + [True])):
        name = draw(st.sampled_from([name for name, reply in REPLIES.items() if not reply.endless]))
        reply = REPLIES[name]
        return Sent(reply.kind, tuple(reply.parts()), reply.status, tuple(reply.headers.items()))
    status, headers = draw(st.sampled_from(STATUSES)), tuple(draw(st.sampled_from(HEADERS)).items())
    if not streams or draw(st.sampled_from([False] * 7 + [True])):
        body = to_bytes(draw(changed(whole)))
        return Sent(
            JSON, (draw(damaged(body)) if draw(st.sampled_from([False] * 4 + [True])) else body,), status, headers
        )
    wrong = draw(st.sets(st.integers(0, len(events) - 1), max_size=2))
    made = [
        (name.encode(), to_bytes(draw(changed(data)) if at in wrong else data))
        for at, (name, data) in enumerate(events)
    ]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1]))):
        at = draw(st.integers(0, len(made) - 1))
        made = draw(
            st.sampled_from([made[:at], made[at:], made[:at] + made[at + 1 :], [*made, made[at]], made[::-1]])
        )
    kind = draw(st.sampled_from(LINE_TYPES if lines else TYPES)) if status == 200 else JSON
    return Sent(kind, draw(framed(made, lines)), status, headers)


def judge_call(call: Callable[[], object], name: str) -> str:
    """Call; return what is wrong with what came of it."""
    from adaptive.errors import AdaptiveError

    try:
        call()
    except AdaptiveError as error:
        text = str(error)
        if "\n" in text or len(text) > 2000:
            return "more than one sentence"
        if name not in text:
            return f"nobody is named: {text[:80]}"
        if re.search("[\x00-\x1f\x7f-\x9f]", text):
            return "control characters"
        found = re.search(r"\b[A-Z]\w+(Error|Exception)\b", text)
        return f"an exception's name: {found[0]}: {text[:80]}" if found else ""
    except AssertionError as error:
        return f"a wrong result: {str(error)[:80]}"
    except Exception as error:  # noqa: BLE001 -- what is looked for
        return f"{type(error).__name__}: {str(error)[:60]}"
    return ""


@contextmanager
def collecting_complaints() -> Iterator[list[str]]:
    """What an event loop complains of, which would stand on stderr."""
    made: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: made.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("asyncio").addHandler(handler)
    try:
        yield made
    finally:
        logging.getLogger("asyncio").removeHandler(handler)


def take_complaint(complaints: list[str]) -> str:
    """Return the last complaint as a problem; "" if there is none."""
    return f"the loop complains: {complaints.pop()[:600]}" if complaints else ""
