"""The parts of the server: requests, keys, metrics, turns and responses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from adaptive.errors import AdaptiveError, InputError, NoAnswerInTime
from adaptive.serve import held_response, responses_request
from adaptive.serve.body import read_json_body
from adaptive.serve.chat_request import ONLY_VALUES, ChatBody, parse_completion_request
from adaptive.serve.errors import ApiError
from adaptive.serve.held_response import EVENT_STREAM, JSON, HeldResponse
from adaptive.serve.keys import Keyring
from adaptive.serve.metrics import Metrics
from adaptive.serve.responses_reply import ResponsesReply
from adaptive.serve.responses_request import ResponsesBody, parse_response_request
from adaptive.serve.solve import TextPiece
from adaptive.serve.solve_queue import SolveQueue
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.types.result import Result
from adaptive.verify.check_function import Function
from tests.support.guard import guarded

KEY = "0123456789abcdef"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("role", "content", "type", "text", "function", "name")), inner, max_size=3
        )
    ),
    max_leaves=8,
)
FIELDS = (*ChatBody.__dataclass_fields__, *ONLY_VALUES, "user", "other")


RESPONSE_FIELDS = (*ResponsesBody.__dataclass_fields__, *responses_request.ONLY_VALUES, "user", "other")


def explain_refusal(body: Any, parse: Callable[[Any], object] = parse_completion_request) -> str | None:
    """Return why a body is refused; None if it is a request."""
    try:
        parse(body)
    except (ApiError, InputError) as error:
        return str(error)
    return None


@given(ANYTHING | st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=4), ANYTHING)
def test_any_json_is_a_request_or_a_sentence(body: Any, content: Any) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": content}]}
    for sent in (body, request, {**request, **(body if isinstance(body, dict) else {})}):
        why = explain_refusal(sent)
        assert why is None or (why.endswith(".") and "\n" not in why)


@given(
    st.dictionaries(st.sampled_from(RESPONSE_FIELDS), ANYTHING, max_size=4),
    ANYTHING,
    st.sampled_from(("message", "function_call", "function_call_output", "reasoning", "item_reference", None)),
)
def test_so_is_any_json_of_responses(body: dict[str, Any], content: Any, kind: str | None) -> None:
    item = {"type": kind, "role": "user", "content": content, "output": content, "name": content, "call_id": "1"}
    for sent in (body, {"model": "m", "input": [item, item], **body}, {"model": "m", "input": content}):
        why = explain_refusal(sent, parse_response_request)
        assert why is None or (why.endswith(".") and "\n" not in why)


def test_a_stream_of_responses_that_breaks_says_failed() -> None:
    request = parse_response_request({"model": "m", "input": "1 + 1?", "stream": True})
    reply = ResponsesReply(request)
    events = [*reply.convert_piece(TextPiece("reasoning", "so")), reply.format_error(ApiError(504, "too late."))]
    *_, last = (json.loads(event.partition(b"data: ")[2]) for event in events)
    assert (last["type"], last["sequence_number"]) == ("response.failed", len(events) - 1)
    assert (last["response"]["status"], last["response"]["error"]["message"]) == ("failed", "too late.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no key: write a table"),
        ("[alice", "is no TOML file"),
        ('[alice]\nkey = "short"', "a key has 16 or more ASCII characters without blanks, this one has 5."),
        (f'[alice]\nkey = "{KEY}"\n[bob]\nkey = "{KEY}"', "have the same key: give each its own."),
        (f'[alice]\nkey = "{KEY}"\nmax_cost = 0', "'max_cost' in [alice]"),
        ("[alice]\nmax_tokens = 9", "has no key 'key'"),
        ("alice = 1", "[alice]"),
    ],
)
def test_a_file_of_keys_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    (file := tmp_path / "keys.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        Keyring.load(file)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "sent", [[], ["Bearer"], [KEY], [f"Basic {KEY}"], [f"Bearer {KEY}"] * 2, [f"Bearer {KEY}x"]]
)
def test_only_a_bearer_key_opens(sent: list[str], tmp_path: Path) -> None:
    (file := tmp_path / "keys.toml").write_text(f'[alice]\nkey = "{KEY}"')
    keyring = Keyring.load(file)
    assert keyring.find_client([f"bearer {KEY}"]).name == "alice"
    with pytest.raises(ApiError) as caught:
        keyring.find_client(sent)
    assert caught.value.status == 401


@guarded
async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.serve.body.BODY_SECONDS", 0.01)

    async def receive() -> Any:
        await asyncio.Event().wait()

    headers = [(b"content-type", b"application/json")]
    with pytest.raises(ApiError, match=r"the body was not complete within 0.01 s: send it again\.") as caught:
        await read_json_body(Request({"type": "http", "headers": headers}, receive), 100)
    assert caught.value.status == 408


def test_the_metrics_of_a_solve_are_those_of_its_result() -> None:
    solver = build_solver("embedded", check=Function(lambda *_: False), options=Options(max_attempts=1))
    result = Result.of(solver.invoke({"messages": [("user", "What is 12 + 7?")]}))
    result = replace(result, attempts=result.attempts[:1] * 3)
    metrics = Metrics()
    metrics.count_first_token("m", 0.2)
    metrics.count_result("m", result)
    page = metrics.render().decode()
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    found = {(sample.name.removeprefix("adaptive_"), *sample.labels.values()): sample.value for sample in samples}
    assert found["rungs_total", "m", str(result.rung)] == 1
    assert found["verdicts_total", "m", "rejected"] == 1
    assert found["statuses_total", "m", result.status] == 1
    assert found["escalations_total", "m"] == 2
    assert found["saved_tokens", "m"] == result.difficulty.tokens[-1] - result.usage.total
    assert (found["first_token_seconds_count", "m"], found["first_token_seconds_sum", "m"]) == (1, 0.2)


@guarded
async def test_a_turn_goes_to_who_waits_and_back_from_who_leaves() -> None:
    queue, order = SolveQueue(concurrency=1, queue=2), list[str]()

    async def solve(name: str, ends: asyncio.Event) -> None:
        async with queue.admit():
            order.append(name)
            await ends.wait()

    ends = asyncio.Event()
    tasks = {}
    for name in ("first", "second", "third"):
        tasks[name] = asyncio.create_task(solve(name, ends))
        await asyncio.sleep(0)
    assert (queue.running, queue.waiting) == (1, 2)
    with pytest.raises(ApiError, match="the server is full: 1 solves run and 2 wait") as caught:
        await solve("fourth", ends)
    assert int(caught.value.headers["Retry-After"]) >= 1
    for left in ("second", "first"):  # one that waits, and the one that runs
        tasks[left].cancel()
        await asyncio.gather(tasks[left], return_exceptions=True)
    ends.set()
    await tasks["third"]
    assert (order, queue.running, queue.waiting) == (["first", "third"], 0, 0)


def format_error(error: ApiError) -> bytes:
    return b"data: " + json.dumps(error.to_json()).encode() + b"\n\n"


async def respond(response: HeldResponse, leaves: asyncio.Event | None = None) -> tuple[int | None, bytes, bool]:
    """Return the status, the body, and whether it is complete."""
    sent: list[Any] = []

    async def receive() -> Any:
        await (leaves or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await response({"type": "http"}, receive, send)
    status = sent[0]["status"] if sent else None
    return status, b"".join(m.get("body", b"") for m in sent), bool(sent) and not sent[-1].get("more_body", False)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("the question is empty."), 400, "the question is empty."),
        (NoAnswerInTime("no answer within 1 s."), 504, "no answer within 1 s."),
        (AdaptiveError("the engine is gone."), 500, "the engine is gone."),
        (ValueError("secret"), 500, "the server failed (ValueError): its log says more."),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
@guarded
async def test_an_error_is_the_response_or_the_streams_last_event(
    error: Exception, status: int, said: str, begun: bool
) -> None:
    async def make_parts() -> AsyncGenerator[bytes, None]:
        if begun:
            yield b"data: {}\n\n"
        raise error

    got, body, complete = await respond(HeldResponse(make_parts, EVENT_STREAM, format_error))
    assert (got, complete) == (200 if begun else status, True)
    event = body.removeprefix(b"data: {}\n\n").removeprefix(b"data: ")
    assert json.loads(event)["error"]["message"] == said


@guarded
async def test_work_stops_when_the_client_leaves_and_its_clean_up_is_waited_for() -> None:
    leaves, steps = asyncio.Event(), list[str]()

    async def make_parts() -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            leaves.set()
            await asyncio.Event().wait()
        finally:
            steps.append("stopped")
            await asyncio.sleep(0)
            steps.append("cleaned up")

    status, _, complete = await respond(HeldResponse(make_parts, JSON, format_error), leaves)
    assert (status, complete, steps) == (200, False, ["stopped", "cleaned up"])


@guarded
async def test_a_silent_stream_is_pinged_and_a_silent_reply_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_response, "PING_SECONDS", 0.0)

    async def make_parts() -> AsyncGenerator[bytes, None]:
        for _ in range(9):
            await asyncio.sleep(0)
        yield b"text"

    _, streamed, _ = await respond(HeldResponse(make_parts, EVENT_STREAM, format_error))
    assert streamed.startswith(held_response.PING)
    assert streamed.endswith(b"text")
    assert await respond(HeldResponse(make_parts, JSON, format_error)) == (200, b"text", True)
