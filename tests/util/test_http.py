from __future__ import annotations

import json
from typing import ClassVar

import httpx
import pytest

from adaptive._util.http import Part, ServerClient, ServerRetryPolicy
from adaptive.errors import AdaptiveError


class Collected:
    """One request; all parts of its answer."""

    path: ClassVar[str] = "/v1/completions"

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False

    @property
    def received(self) -> int:
        return len(self.parts)

    def request(self) -> Part | None:
        return None if self.ended else {"prompt": [1]}

    def take(self, part: Part) -> bool:
        self.parts.append(part)
        return True

    def on_end(self) -> None:
        self.ended = True


async def stream(body: str, content_type: str) -> Collected:
    client = ServerClient("http://host/v1", None, ServerRetryPolicy(retries=0), 1)
    headers = {"content-type": content_type}
    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=body.encode()))
    client._client = httpx.AsyncClient(transport=answer)
    collected = Collected()
    await client.stream(collected)
    await client.close()
    return collected


async def test_line_separators_inside_a_text_end_no_event() -> None:
    """vLLM writes them as they are; `httpx.Response.aiter_lines` would cut the event there."""
    part = {"text": "a\u2028b\u0085c"}
    body = f": ping\n\ndata: {json.dumps(part, ensure_ascii=False)}\r\n\r\ndata: [DONE]\n\n"
    made = await stream(body, "text/event-stream; charset=utf-8")
    assert (made.parts, made.ended) == ([part], True)


async def test_an_answer_that_is_no_stream_is_one_part() -> None:
    assert (await stream('{"tokens": [1]}', "application/json")).parts == [{"tokens": [1]}]


async def test_what_is_no_event_stream_is_one_sentence() -> None:
    with pytest.raises(AdaptiveError, match=r"http://host/v1 answers with no event stream .*'text/html'"):
        await stream("<html>Welcome</html>", "text/html")
