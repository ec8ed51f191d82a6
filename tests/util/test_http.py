from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import ClassVar

import httpx
import pytest

from adaptive._util.http import Part, ServerClient, ServerRetryPolicy
from adaptive._util.served_models import pick_model
from adaptive.errors import AdaptiveError, InputError


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


async def stream(body: str, content_type: str, size: int = 2**20) -> Collected:
    client = ServerClient("http://host/v1", None, ServerRetryPolicy(retries=0), 1)
    headers = {"content-type": content_type}
    data = body.encode()

    async def send() -> AsyncIterator[bytes]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=send()))
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


async def test_they_end_no_line_either() -> None:
    """Ollama writes them as they are."""
    parts = [{"response": "a\u0085b\u2028"}, {"response": "c", "done": True}]
    body = "\n".join(json.dumps(part, ensure_ascii=False) for part in parts)
    assert (await stream(f"{body}\r\n\n", "application/x-ndjson")).parts == parts
    assert (await stream(body, "application/x-ndjson", size=1)).parts == parts


def test_names_of_models_are_fit_to_be_shown() -> None:
    key = "sk-planted-secret-0123456789"
    models = [{"id": f"\x1b[2J\n{key}{'x' * 9_000}"}, *({"id": f"model/{n}/{'y' * 900}"} for n in range(9_000))]
    for wanted, said in (
        (None, "serves 9001 models: name one of"),
        ("other", "serves no model 'other': it serves"),
    ):
        with pytest.raises(InputError) as caught:
            pick_model(models, wanted, "http://host/v1")
        text = str(caught.value)
        assert said in text
        assert text.isprintable()
        assert len(text) < 2_000
        assert key not in text
        assert "model/1/y" in text
        assert text.endswith(", and 8981 more.")


def test_a_long_name_of_a_model_is_no_key() -> None:
    name = "Qwen3-235B-A22B-Thinking-2507-FP8"
    with pytest.raises(InputError, match=f"it serves {name}"):
        pick_model([{"id": name}], "other", "http://host/v1")


async def test_an_answer_that_is_no_stream_is_one_part() -> None:
    assert (await stream('{"tokens": [1]}', "application/json")).parts == [{"tokens": [1]}]


async def test_what_is_no_event_stream_is_one_sentence() -> None:
    with pytest.raises(AdaptiveError, match=r"http://host/v1 answers with no event stream .*'text/html'"):
        await stream("<html>Welcome</html>", "text/html")
