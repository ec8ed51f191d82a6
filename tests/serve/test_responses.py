"""`/v1/responses` by OpenAI's client: sync, async and streamed, against what the solver answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI

from adaptive.solver.build import build_solver
from tests.serve.serving import QUESTION, Served, serving, solve, usage_of
from tests.support.guard import guarded
from tests.support.solving import timeless

pytestmark = pytest.mark.slow  # a server of its own
KINDS = ("reasoning", "text")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
async def client(server: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0, timeout=60) as opened:
        yield opened


def respond(server: Served, **more: Any) -> Any:
    return server.client().responses.create(**{"model": "embedded", "input": QUESTION, **more})


def read_thinking(response: Any) -> list[str]:
    """The text of each reasoning item."""
    return ["".join(p.text for p in item.content) for item in response.output if item.type == "reasoning"]


def read_usage(response: Any) -> tuple[int, int, int, int]:
    usage = response.usage
    reasoning = usage.output_tokens_details.reasoning_tokens
    return usage.input_tokens, usage.output_tokens, usage.total_tokens, reasoning


def check_response(response: Any, expected: dict[str, Any]) -> None:
    """Compare a response with what the solver answers."""
    starved = expected["status"] == "starved"
    assert response.status == ("incomplete" if starved else "completed")
    details = response.incomplete_details
    assert (details.reason if details else None) == ("max_output_tokens" if starved else None)
    assert response.output_text == expected["text"]
    assert read_thinking(response) == [one["thinking"] for one in expected["attempts"] if one["thinking"]]
    assert read_usage(response) == usage_of(expected)
    assert timeless(response.adaptive) == timeless(expected)


ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"reasoning": {"effort": "high"}}, {"effort": "high"}),
    ({"reasoning": {"effort": "none"}}, {"effort": "none"}),
    ({"max_output_tokens": 8, "reasoning": {"effort": "high"}}, {"max_output_tokens": 8, "effort": "high"}),
    ({"temperature": 0.7, "extra_body": {"adaptive": {"seed": 7}}}, {"temperature": 0.7, "seed": 7}),
]


def with_result(sent: dict[str, Any]) -> dict[str, Any]:
    own = sent.get("extra_body", {}).get("adaptive", {})
    return {**sent, "extra_body": {"adaptive": {**own, "result": True}}}


@pytest.mark.parametrize(("sent", "options"), ASKED)
def test_a_response_is_the_solvers(server: Served, sent: dict[str, Any], options: dict[str, Any]) -> None:
    check_response(respond(server, **with_result(sent)), solve(**options))


@pytest.mark.parametrize(("sent", "options"), ASKED)
@guarded
async def test_so_is_a_streamed_one(client: AsyncOpenAI, sent: dict[str, Any], options: dict[str, Any]) -> None:
    """The client's own sum of the events is the last event's response, item for item."""
    events = []
    async with client.responses.stream(model="embedded", input=QUESTION, **with_result(sent)) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    names = [event.type for event in events]
    assert names[:2] == ["response.created", "response.in_progress"]
    assert names[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    check_response(events[-1].response, solve(**options))
    check_deltas(events)
    assert [item.id for item in final.output] == [item.id for item in events[-1].response.output]
    assert final.output_text == events[-1].response.output_text


def check_deltas(events: list[Any]) -> None:
    """Each item is added, written, and done once, and is what its deltas were."""
    last = events[-1].response
    for place, item in enumerate(last.output):
        of_item = [e for e in events if getattr(e, "output_index", None) == place]
        assert of_item[0].type == "response.output_item.added"
        assert of_item[0].item.id == of_item[-1].item.id == item.id
        assert of_item[-1].type == "response.output_item.done"
        assert of_item[-1].item.status == item.status == "completed"
        assert [part.text for part in of_item[-1].item.content] == [part.text for part in item.content]
        written = "".join(e.delta for e in of_item if e.type.endswith(".delta"))
        assert written == "".join(part.text for part in item.content)
        assert sum(e.type.endswith("text.done") for e in of_item) == 1


@guarded
async def test_the_async_client_waits_for_a_whole_response(client: AsyncOpenAI) -> None:
    response = await client.responses.create(model="embedded", input=QUESTION, **with_result({}))
    check_response(response, solve())


def test_who_asks_for_summaries_gets_the_thinking_as_summaries(server: Served) -> None:
    response = respond(server, reasoning={"effort": "high", "summary": "auto"})
    (item, *_) = response.output
    assert [part.text for part in item.summary] == [solve(effort="high")["attempts"][0]["thinking"]]
    events = list(respond(server, reasoning={"effort": "high", "summary": "auto"}, stream=True))
    deltas = [e.delta for e in events if e.type == "response.reasoning_summary_text.delta"]
    assert "".join(deltas) == item.summary[0].text
    assert not any(e.type.startswith("response.reasoning_text") for e in events)


def test_earlier_items_are_read_and_thinking_is_not(server: Served) -> None:
    first = respond(server)
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        *(item.to_dict() for item in first.output),
        {"role": "user", "content": "What is 12 + 7?"},
    ]
    response = respond(server, input=items, instructions="Be brief.")
    turns = [
        ("system", "Be brief."),
        ("user", QUESTION),
        ("assistant", first.output_text),
        ("user", "What is 12 + 7?"),
    ]
    expected = build_solver("embedded").invoke({"messages": turns})["adaptive_result"]
    assert response.output_text == expected["text"]
    assert read_usage(response) == usage_of(expected)


def test_langchains_chat_model_on_the_responses_interface(server: Served) -> None:
    model = ChatOpenAI(
        model="embedded",
        base_url=f"{server.address}/v1",
        api_key="none",  # type: ignore[arg-type]
        max_retries=0,
        use_responses_api=True,
        reasoning={"effort": "high", "summary": "auto"},
        http_client=server.http,
    )
    expected, message = solve(effort="high"), model.invoke(QUESTION)
    assert message.text == expected["text"]
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_token_details"]["reasoning"] == expected["usage"]["thinking"]
    streamed = "".join(str(chunk.text) for chunk in model.stream(QUESTION))
    assert streamed == expected["text"]


@pytest.mark.parametrize(
    ("fields", "status", "param", "said"),
    [
        ({"model": "gpt-4o"}, 404, "model", "there is no model 'gpt-4o': this server has embedded."),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id", "nothing is stored here, so send the"),
        ({"conversation": "conv_1"}, 400, "conversation", "nothing is stored here"),
        ({"background": True}, 400, "background", "nothing is stored here"),
        ({"truncation": "auto"}, 400, "truncation", "truncation cannot be 'auto'"),
        ({"include": ["message.output_text.logprobs"]}, 400, "include", "include cannot have"),
        ({"reasoning": {"effort": "huge"}}, 400, None, "effort"),
        ({"reasoning": {"summary": "long"}}, 400, "reasoning.summary", "must be one of auto, concise, detailed"),
        ({"text": {"format": {"type": "json_object"}}}, 400, "text.format", "--check schema:FILE"),
        ({"text": {"format": {"type": "json_schema"}}}, 400, "text.format", "needs a name and a schema"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, 400, None, "which cannot call tools"),
        ({"tools": [{"type": "web_search"}]}, 400, "tools[0]", "only functions with a name can be used"),
        ({"input": []}, 400, "input", "input is empty"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, 400, "input[0]", "nothing is stored here"),
        (
            {"input": [{"role": "user", "content": "a"}, {"role": "wizard"}]},
            400,
            "input[1]",
            "role must be one of",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, 400, "input[0]", "'input_file'"),
        ({"input": [{"type": "function_call"}]}, 400, "input[0]", "needs a call_id, a name and arguments"),
        ({"max_output_tokens": 0}, 400, None, "max_output_tokens"),
        ({"best_of": 3}, 400, None, "the request has the unknown key 'best_of'"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_possible_is_refused_in_a_sentence(
    server: Served, fields: dict[str, Any], status: int, param: str | None, said: str, stream: bool
) -> None:
    body = {"model": "embedded", "input": QUESTION, "stream": stream, **fields}
    response = httpx.post(f"{server.address}/v1/responses", json=body, timeout=60)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert said in error["message"]


def test_the_client_raises_its_own_errors(server: Served) -> None:
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-4o'"):
        respond(server, model="gpt-4o")
    with pytest.raises(openai.BadRequestError, match="send the whole conversation as input"):
        respond(server, previous_response_id="resp_1", stream=True)
