"""The server in front of hosted models: tools, images, forms, refusals, errors and what they cost."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from adaptive.agents import ChatAdaptive
from adaptive.chat.model import ChatModel
from adaptive.serve.errors import ApiError
from adaptive.serve.keys import KeyEntry, Keyring
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.verify import Verifier
from adaptive.verify.check_function import Function
from tests.hosted.brains import always, in_order
from tests.hosted.clients import client
from tests.hosted.obliging import obliging
from tests.hosted.script import Brain, Fault, Spoken
from tests.hosted.server import Hosted
from tests.serve.serving import chat, serving_here, wait_until

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501
LOOK_UP = {"name": "look_up", "parameters": {"type": "object", "properties": {"word": {"type": "string"}}}}
SUM = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
QUESTION = "What is 47 + 38?"
CALLED = "Please look_up 'sum'."
PROVIDERS = ("openai", "openai_responses", "anthropic", "google_genai")
KEY = "0123456789abcdef"


@contextmanager
def served(
    brain: Brain,
    provider: str = "openai",
    keyring: Keyring | None = None,
    concurrency: int = 8,
    checks: Mapping[str, Verifier] | None = None,
    **options: Any,
) -> Iterator[tuple[OpenAI, Hosted]]:
    """A client of a server in front of a provider, and the provider."""
    with Hosted(brain) as hosted:
        how = Options(**{"max_attempts": 1, **options})
        solver = build_solver(client(provider, hosted), options=how, engine={"shows_thinking": True})
        with (
            serving_here({"m": ChatAdaptive(solver=solver)}, keyring, concurrency, checks) as address,
            OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0, timeout=60) as opened,
        ):
            yield opened, hosted


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tools_in_chat_completions(provider: str) -> None:
    tools: Any = [{"type": "function", "function": LOOK_UP}]
    with served(obliging, provider) as (opened, _):
        create = opened.chat.completions.create
        reply = create(model="m", messages=chat(CALLED), tools=tools)
        (choice,) = reply.choices
        (call,) = choice.message.tool_calls or ()
        assert choice.finish_reason == "tool_calls"
        assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {"word": "sum"})
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
        chunks = list(create(model="m", messages=chat(CALLED), tools=tools, stream=True))
        (delta,) = [d for chunk in chunks for d in chunk.choices[0].delta.tool_calls or ()]
        assert (delta.function.name, json.loads(delta.function.arguments)) == ("look_up", {"word": "sum"})
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
        result = {"role": "tool", "tool_call_id": call.id, "content": "sum: four"}
        turns = [*chat(CALLED), choice.message.to_dict(), result]
        done = create(model="m", messages=turns, tools=tools)
        assert (done.choices[0].message.content, done.choices[0].finish_reason) == ("It is done.", "stop")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tools_in_responses(provider: str) -> None:
    tools: Any = [{"type": "function", **LOOK_UP, "strict": None}]
    with served(obliging, provider) as (opened, hosted):
        create = opened.responses.create
        response = create(model="m", input=CALLED, tools=tools, tool_choice="required")
        (call,) = [item for item in response.output if item.type == "function_call"]
        assert (call.name, json.loads(call.arguments), response.status) == (
            "look_up",
            {"word": "sum"},
            "completed",
        )
        events = list(create(model="m", input=CALLED, tools=tools, stream=True))
        (done,) = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert json.loads(done.arguments) == {"word": "sum"}
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "sum: four"}
        turns = [*chat(CALLED), *(item.to_dict() for item in response.output), output]
        assert create(model="m", input=turns, tools=tools).output_text == "It is done."
    assert "sum: four" in json.dumps(hosted.asked[-1].body)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_images(provider: str) -> None:
    with served(always(Spoken("A red pixel.", thought=3)), provider) as (opened, hosted):
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
        messages: Any = [{"role": "user", "content": parts}]
        reply = opened.chat.completions.create(model="m", messages=messages)
        assert reply.choices[0].message.content == "A red pixel."
        parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PIXEL}]
        items: Any = [{"role": "user", "content": parts}]
        assert opened.responses.create(model="m", input=items).output_text == "A red pixel."
        assert [asked.images for asked in hosted.asked] == [1, 1]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_form_is_filled_whatever_the_interface(provider: str) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "sum", "schema": SUM}}
    with served(obliging, provider) as (opened, _):
        create = opened.chat.completions.create
        reply = create(model="m", messages=chat(QUESTION), response_format=form)
        assert json.loads(reply.choices[0].message.content) == {"a": 47, "b": 38}
        assert (reply.choices[0].finish_reason, reply.choices[0].message.tool_calls) == ("stop", None)
        *_, last = create(model="m", messages=chat(QUESTION), response_format=form, stream=True)
        assert last.choices[0].finish_reason == "stop"
        text: Any = {"format": {"type": "json_schema", "name": "sum", "schema": SUM, "strict": True}}
        response = opened.responses.create(model="m", input=QUESTION, text=text)
        assert json.loads(response.output_text) == {"a": 47, "b": 38}
        assert response.text.format.name == "sum"


def test_any_json_object_where_the_provider_has_it() -> None:
    form: Any = {"type": "json_object"}
    question = chat("What is 47 + 38? Answer as JSON with the key 'sum'.")
    with served(obliging) as (opened, hosted):
        reply = opened.chat.completions.create(model="m", messages=question, response_format=form)
        assert list(json.loads(reply.choices[0].message.content)) == ["sum"]
        assert hosted.asked[-1].body["response_format"] == {"type": "json_object"}
    with served(obliging, "anthropic") as (opened, hosted):
        with pytest.raises(openai.BadRequestError, match="ChatAnthropic takes a schema, and has no mode"):
            opened.chat.completions.create(model="m", messages=question, response_format=form)
        assert hosted.asked == []


def test_a_form_beside_tools_is_refused() -> None:
    with served(obliging) as (opened, hosted):
        tools: Any = [{"type": "function", "function": LOOK_UP}]
        form: Any = {"type": "json_object"}
        with pytest.raises(openai.BadRequestError, match="response_format cannot be set beside tools"):
            opened.chat.completions.create(model="m", messages=chat(), tools=tools, response_format=form)
        assert hosted.asked == []


def test_finish_reasons() -> None:
    with served(in_order(Spoken(refusal="I cannot do that."), Spoken("42", thought=10**9))) as (opened, _):
        reply = opened.chat.completions.create(model="m", messages=chat())
        assert reply.choices[0].finish_reason == "content_filter"
        assert reply.choices[0].message.content == "I cannot do that."
        response = opened.responses.create(model="m", input=QUESTION, reasoning={"effort": "low"})
        assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_fails_is_an_error_in_openais_shape(stream: bool) -> None:
    with served(always(Fault("model", value="m"))) as (opened, _):
        with pytest.raises(openai.BadRequestError, match="is not known to its provider"):
            opened.chat.completions.create(model="m", messages=chat(), stream=stream)
        with pytest.raises(openai.BadRequestError, match="is not known to its provider"):
            opened.responses.create(model="m", input=QUESTION, stream=stream)


def test_a_request_names_its_check() -> None:
    checks = {
        "right": Function(lambda _, answer: answer == "85"),
        "other": Function(lambda _, answer: answer == "7"),
    }
    with served(always(Spoken(r"\boxed{85}", thought=9)), checks=checks) as (opened, _):

        def ask(**own: Any) -> Any:
            body = {"adaptive": {"result": True, **own}}
            reply: Any = opened.chat.completions.create(model="m", messages=chat(QUESTION), extra_body=body)
            response: Any = opened.responses.create(model="m", input=QUESTION, extra_body=body)
            assert response.adaptive["accepted"] is reply.adaptive["accepted"]
            return reply.adaptive["accepted"]

        assert [ask(), ask(check="right"), ask(check="other"), ask()] == [None, True, False, None]
        for name, said in (
            ("wrong", "has no check 'wrong': it has right, other."),
            (1, "the name of a check, got 1."),
        ):
            with pytest.raises(openai.BadRequestError, match=said):
                ask(check=name)
    with (
        served(always(Spoken("85"))) as (opened, _),
        pytest.raises(openai.BadRequestError, match=r"in \[checks\]"),
    ):
        ask(check="right")


def make_keyring(**limits: Any) -> tuple[Keyring, Any]:
    """A keyring with one key, and whose it is."""
    keyring = Keyring({"alice": KeyEntry(KEY, **limits)})
    return keyring, keyring.find_client([f"Bearer {KEY}"])


@pytest.mark.parametrize("after", ["", "3600"])
@pytest.mark.parametrize("tools", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_providers_rate_limit_is_ours(
    provider: str, tools: bool, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(_: float) -> None:
        """Wait for no other try."""

    monkeypatch.setitem(ChatModel.__init__.__kwdefaults__ or {}, "sleep", sleep)
    given: Any = {"tools": [{"type": "function", "function": LOOK_UP}]} if tools else {}
    with (
        served(always(Fault("rate", after=after)), provider) as (opened, _),
        pytest.raises(openai.RateLimitError) as caught,
    ):
        opened.chat.completions.create(model="m", messages=chat(QUESTION), **given)
    assert caught.value.response.headers.get("retry-after") == (after or None)
    assert caught.value.code == "rate_limit_exceeded"
    assert "is over its rate limit (429)" in caught.value.message


@pytest.mark.parametrize("tools", [False, True])
def test_a_client_that_hangs_up_pays_for_what_was_begun(tools: bool) -> None:
    """The provider hangs in the middle of its thinking: what came is charged, and the prompt."""
    keyring, alice = make_keyring(max_tokens=40)
    words = "word " * 100
    brain = always(Fault("hang", midway=True, spoken=Spoken("", thinking=words, thought=100)))
    more: Any = {"tools": [{"type": "function", "function": LOOK_UP}]} if tools else {}
    with served(brain, "anthropic", keyring, effort="low") as (opened, hosted):
        with send(opened, {"model": "m", "messages": chat(words), "stream": True, **more}) as connection:
            assert hosted.hanging.acquire(timeout=60)
            while not tools and b"reasoning_content" not in connection.recv(2**16):
                pass
        assert hosted.left.acquire(timeout=60)
        wait_until(lambda: alice.spent.total > 0)
    assert alice.spent.prompt >= 100
    assert alice.spent.cost > 0
    assert "prompt" in alice.spent.estimated
    assert tools or alice.spent.thinking > 0
    with pytest.raises(ApiError, match=r"'alice' is used up .reached the limit of 40 tokens, \d+ spent"):
        alice.check_limits()


def send(opened: OpenAI, body: Any) -> socket.socket:
    """Send a request to chat completions; the client may leave whenever it likes."""
    address, data = opened.base_url, json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.host}\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    connection = socket.create_connection((address.host, address.port), timeout=60)
    connection.sendall(head.encode() + data)
    return connection


def test_a_request_that_waited_is_refused_if_its_keys_limit_was_reached_meanwhile() -> None:
    keyring, _ = make_keyring(max_tokens=1)
    both_are_in = threading.Event()

    def think(_: Any) -> Spoken:
        assert both_are_in.wait(60)
        return Spoken("85", thought=9)

    with served(think, keyring=keyring, concurrency=1) as (opened, _), ThreadPoolExecutor() as pool:
        create = opened.chat.completions.create
        sent = [pool.submit(create, model="m", messages=chat(QUESTION)) for _ in range(2)]
        page, headers = str(opened.base_url.join("/metrics")), {"Authorization": f"Bearer {KEY}"}
        wait_until(lambda: 'adaptive_waiting{model="m"} 1.0' in httpx.get(page, headers=headers).text)
        both_are_in.set()
        (refused,) = [error for one in sent if (error := one.exception()) is not None]
    assert isinstance(refused, openai.RateLimitError)
    assert refused.code == "insufficient_quota"


def test_a_finished_solve_is_charged_as_it_is_reported() -> None:
    keyring, alice = make_keyring()
    with served(always(Spoken("85", thought=9)), "openai", keyring) as (opened, _):
        usage = [opened.chat.completions.create(model="m", messages=chat(QUESTION)).usage for _ in range(2)]
    assert alice.spent.total == sum(one.total_tokens for one in usage)
    assert alice.spent.cost > 0


def test_a_step_with_tools_is_charged_with_its_price() -> None:
    keyring, alice = make_keyring()
    tools: Any = [{"type": "function", "function": LOOK_UP}]
    with served(obliging, "openai", keyring) as (opened, _):
        usage = opened.chat.completions.create(model="m", messages=chat(CALLED), tools=tools).usage
    assert alice.spent.total == usage.total_tokens
    assert alice.spent.cost > 0
