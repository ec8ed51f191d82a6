"""Real clients at a real server: what they get is what `adaptive solve` answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_openai import ChatOpenAI

from adaptive.solver.build import build_solver
from tests.serve.serving import QUESTION, Served, serving, solve, usage_of
from tests.support.solving import timeless

pytestmark = pytest.mark.slow  # a server of its own


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


def read_usage(usage: Any) -> tuple[int, int, int, int]:
    reasoning = usage.completion_tokens_details.reasoning_tokens
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, reasoning


@pytest.mark.parametrize(
    ("sent", "options"),
    [
        ({}, {}),
        ({"reasoning_effort": "high"}, {"effort": "high"}),
        ({"reasoning_effort": "none"}, {"effort": "none"}),
        ({"extra_body": {"adaptive": {"budget": 24, "waits": 0}}}, {"budget": 24, "waits": 0}),
        ({"max_completion_tokens": 40}, {"max_output_tokens": 40}),
        ({"temperature": 0.7, "seed": 7}, {"temperature": 0.7, "seed": 7}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_is_the_solvers(
    server: Served, sent: dict[str, Any], options: dict[str, Any], stream: bool
) -> None:
    extra = {"adaptive": {**sent.get("extra_body", {}).get("adaptive", {}), "result": True}}
    fields = {**sent, "extra_body": extra}
    if stream:
        chunks = list(server.ask(stream=True, stream_options={"include_usage": True}, **fields))
        *parts, end, last = chunks
        deltas = [chunk.choices[0].delta for chunk in parts]
        text = "".join(delta.content or "" for delta in deltas)
        reasoning = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
        finish, report, usage = end.choices[0].finish_reason, end.adaptive, last.usage
        assert all(chunk.usage is None for chunk in chunks[:-1])
        assert last.choices == []
        assert len({chunk.id for chunk in chunks}) == 1
    else:
        reply = server.ask(**fields)
        text, finish = reply.choices[0].message.content, reply.choices[0].finish_reason
        reasoning = getattr(reply.choices[0].message, "reasoning_content", "")
        report, usage = reply.adaptive, reply.usage
    expected = solve(**options)
    assert (text, finish) == (expected["text"], "length" if expected["status"] == "starved" else "stop")
    assert reasoning == "\n\n".join(one["thinking"] for one in expected["attempts"] if one["thinking"])
    assert read_usage(usage) == usage_of(expected)
    assert timeless(report) == timeless(expected)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("sent", "seeds"), [({}, (0, 1, 2)), ({"seed": 2**31 - 1}, (2**31 - 1, 0, 1))])
def test_choices_are_the_answers_of_the_next_seeds(
    server: Served, sent: dict[str, Any], seeds: tuple[int, ...], stream: bool
) -> None:
    fields = {"temperature": 0.7, "extra_body": {"adaptive": {"result": True}}}
    alone = [server.ask(seed=seed, **fields) for seed in seeds]
    expected = [(*read_choice(one.choices[0]), timeless(one.adaptive)) for one in alone]
    if stream:
        *chunks, last = server.ask(n=3, stream=True, stream_options={"include_usage": True}, **sent, **fields)
        assert not last.choices
        usage, found = last.usage, []
        for index in range(3):
            own = [chunk for chunk in chunks if chunk.choices[0].index == index]
            deltas = [chunk.choices[0].delta for chunk in own]
            text = "".join(delta.content or "" for delta in deltas)
            reasoning = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
            assert [delta.role for delta in deltas if delta.role] == ["assistant"]
            found.append((text, reasoning, own[-1].choices[0].finish_reason, timeless(own[-1].adaptive)))
    else:
        reply = server.ask(n=3, **sent, **fields)
        usage = reply.usage
        found = [(*read_choice(choice), timeless(choice.adaptive)) for choice in reply.choices]
        assert [choice.index for choice in reply.choices] == [0, 1, 2]
        assert not hasattr(reply, "adaptive")
    assert found == expected
    assert read_usage(usage) == tuple(map(sum, zip(*(read_usage(one.usage) for one in alone), strict=True)))


def read_choice(choice: Any) -> tuple[str, str, str]:
    return choice.message.content, getattr(choice.message, "reasoning_content", ""), choice.finish_reason


def test_a_cap_on_the_completion_is_kept(server: Served) -> None:
    for most in (1, 8, 30):
        fields = {"max_completion_tokens": most, "extra_body": {"adaptive": {"result": True}}}
        spent = server.ask(reasoning_effort="high", **fields).adaptive["usage"]
        assert spent["total"] - spent["prompt"] - spent["injected"] <= most  # the closing phrase comes on top


def test_only_who_asks_gets_usage_in_a_stream_and_the_result(server: Served) -> None:
    chunks = list(server.ask(stream=True))
    assert all(chunk.choices and "usage" not in chunk.model_fields_set for chunk in chunks)
    assert not any(hasattr(chunk, "adaptive") for chunk in chunks)
    assert not hasattr(server.ask(), "adaptive")


def test_stop_strings_cut_the_text_but_not_the_thinking(server: Served) -> None:
    reply = server.ask(stop=["{"])
    assert reply.choices[0].message.content == solve()["text"].partition("{")[0]
    assert read_usage(reply.usage) == usage_of(solve())


def test_earlier_turns_are_read(server: Served) -> None:
    turns = [("user", QUESTION), ("assistant", "73"), ("system", "Be brief."), ("user", "What is 12 + 7?")]
    messages: Any = [{"role": role, "content": content} for role, content in turns]
    reply = server.client().chat.completions.create(model="embedded", messages=messages)
    state = build_solver("embedded").invoke({"messages": turns})
    assert reply.choices[0].message.content == state["adaptive_result"]["text"]
    assert read_usage(reply.usage) == usage_of(state["adaptive_result"])


def test_langchains_chat_model(server: Served) -> None:
    model = ChatOpenAI(
        model="embedded",
        base_url=f"{server.address}/v1",
        api_key="none",  # type: ignore[arg-type]
        max_retries=0,
        stream_usage=True,
        http_client=server.http,
    )
    expected, message = solve(), model.invoke(QUESTION)
    streamed = AIMessageChunk(content="")
    for chunk in model.stream(QUESTION):
        streamed += chunk  # type: ignore[assignment]
    for reply in (message, streamed):
        assert isinstance(reply, AIMessage)
        assert reply.usage_metadata is not None
        assert (reply.text, reply.response_metadata["finish_reason"]) == (expected["text"], "stop")
        assert reply.usage_metadata["total_tokens"] == expected["usage"]["total"]
        assert reply.usage_metadata["output_token_details"]["reasoning"] == expected["usage"]["thinking"]


def test_the_models_are_listed(server: Served) -> None:
    assert [model.id for model in server.client().models.list()] == ["embedded"]
    assert server.client().models.retrieve("embedded").owned_by == "adaptive"
    with pytest.raises(openai.NotFoundError, match=r"there is no model 'gpt-4o': this server has embedded\."):
        server.client().models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    ("fields", "status", "param", "said"),
    [
        ({"model": "gpt-4o"}, 404, "model", "there is no model 'gpt-4o': this server has embedded."),
        ({"n": 9}, 400, None, "'n' in the request must be between 1 and 8, got 9."),
        ({"n": 0}, 400, None, "'n' in the request must be between 1 and 8, got 0."),
        ({"logprobs": True}, 400, "logprobs", "logprobs cannot be True: leave it out."),
        ({"response_format": {"type": "json_object"}}, 400, "response_format", "--check schema:FILE"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, None, "which cannot call tools"),
        ({"messages": []}, 400, "messages", "messages is empty"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, None, "the question is empty"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, 400, "messages[0]", "role must be one of system"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0]", "content must be text"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "messages[0]", "without a text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]},
            400,
            None,
            "image_url",
        ),
        ({"seed": -1}, 400, None, "'seed' in the call must be between 0 and 2147483647, got -1."),
        ({"reasoning_effort": "huge"}, 400, None, "effort"),
        ({"temperature": "warm"}, 400, None, "temperature"),
        ({"stop": ["a", ""]}, 400, None, "a stop string is empty"),
        ({"adaptive": {"bugdet": 1}}, 400, "adaptive", "adaptive takes no 'bugdet'"),
        ({"adaptive": {"effort": "low"}, "reasoning_effort": "high"}, 400, "adaptive", "effort is set twice"),
        ({"best_of": 3}, 400, None, "the request has the unknown key 'best_of'"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_possible_is_refused_in_a_sentence(
    server: Served, fields: dict[str, Any], status: int, param: str | None, said: str, stream: bool
) -> None:
    response = server.post(**fields, stream=stream)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert said in error["message"]


@pytest.mark.parametrize(
    ("body", "type", "status", "said"),
    [
        (b"{", "application/json", 400, "the body is no JSON"),
        (b"[]", "application/json; charset=utf-8", 400, "the body is no JSON object"),
        (b'{"temperature": NaN}', "application/json", 400, "NaN is no number of JSON"),
        (b"[" * 100_000, "application/json", 400, "nested too deeply"),
        (b"\xff\xfe", "application/json", 400, "the body is no JSON"),
        (b"{}", "text/plain", 415, "send application/json"),
        (b"{}", "application/json", 400, "the request has no key 'model'"),
        (b" " * (4 * 2**20 + 1), "application/json", 413, "more than 4194304 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bodies_that_are_no_requests(server: Served, body: bytes, type: str, status: int, said: str) -> None:
    address = f"{server.address}/v1/chat/completions"
    response = httpx.post(address, content=body, headers={"Content-Type": type})
    assert (response.status_code, said in response.json()["error"]["message"]) == (status, True), response.text


def test_other_paths_and_methods_fail_in_the_same_shape(server: Served) -> None:
    assert httpx.get(f"{server.address}/v1/nothing").json()["error"]["message"] == "Not Found."
    assert httpx.get(f"{server.address}/v1/chat/completions").status_code == 405


def test_half_a_surrogate_pair_is_answered(server: Served) -> None:
    body = b'{"model": "embedded", "messages": [{"role": "user", "content": "What is 1 + 1? \\ud800"}]}'
    response = httpx.post(
        f"{server.address}/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200


def test_metrics_count_each_token_once(server: Served) -> None:
    kinds = ("prompt", "thinking", "injected", "answer", "probe", "verifier")

    def counted() -> dict[str, float]:
        tokens = {kind: server.metric("tokens_total", kind=kind) for kind in kinds}
        return {
            **tokens,
            "solves": server.metric("verdicts_total"),
            "replies": server.metric("requests_total", status="200", path="/v1/chat/completions"),
        }

    before, result = counted(), solve()
    list(server.ask(stream=True))
    gained = {name: value - before[name] for name, value in counted().items()}
    assert gained == {**{kind: result["usage"][kind] for kind in kinds}, "solves": 1, "replies": 1}
    assert server.metric("running") == server.metric("waiting") == 0
    assert httpx.get(f"{server.address}/health").json() == {"status": "ok"}


def test_replies_of_clients_side_by_side_are_not_mixed(server: Served) -> None:
    questions = [f"What is {number} + {number + 5}?" for number in range(10, 22)]
    with ThreadPoolExecutor(len(questions)) as pool:
        replies = list(
            pool.map(
                lambda text: "".join(c.choices[0].delta.content or "" for c in server.ask(text, stream=True)),
                questions,
            )
        )
    assert replies == [solve(text)["text"] for text in questions]
