"""Structured output over token engines: a solve whose answer the server's guided decoding holds to a schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import HumanMessage
from pydantic import BaseModel
from typing_extensions import TypedDict

from adaptive import Options, SolverContext, build_solver
from adaptive._util.files import find_artifact
from adaptive.agents import ChatAdaptive
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.errors import AdaptiveError, InputError
from tests.engines.guided import find_schema
from tests.engines.serving import Faulty, serving
from tests.engines.test_guided import GUIDING
from tests.serve.serving import serving_here
from tests.support.scripted import STOP, ScriptedEngine, says

HF = str(find_artifact("abacus") / "hf")
QUESTION = "What is 47 + 38 - 12?"


class Sum(BaseModel):
    """A sum."""

    total: int


class SumDict(TypedDict):
    """A sum."""

    total: int


SCHEMA = Sum.model_json_schema()


@pytest.fixture(scope="module")
def engine() -> Iterator[OnnxEngine]:
    engine = OnnxEngine(find_artifact("abacus") / "onnx", name="embedded")
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(params=GUIDING)
def server(request: pytest.FixtureRequest, engine: OnnxEngine) -> Iterator[Faulty]:
    with serving(Faulty(engine, root=HF, dialect=request.param)) as faulty:
        yield faulty


def chat(server: Faulty, **more: Any) -> ChatAdaptive:
    return ChatAdaptive(model=server.url, **more)


def test_a_form_is_filled_after_free_thinking(server: Faulty) -> None:
    raw: Any = chat(server, budget=8).with_structured_output(Sum, include_raw=True).invoke(QUESTION)
    assert (raw["parsed"], raw["parsing_error"]) == (Sum(total=7), None)
    report = raw["raw"].response_metadata["adaptive"]
    assert (report["answer"], report["attempts"][0]["finish"]) == ('{"total": 7}', "budget")
    assert 0 < report["usage"]["thinking"] <= 8
    told = find_schema(server.asked[-1])
    assert (told["properties"], told["required"]) == ({"total": {"type": "integer"}}, ["total"])
    assert [find_schema(body) for body in server.asked[-2:]] == [None, told]
    prompt = server.asked[-1]["prompt"]
    assert '"total"' in chat_text(server, prompt), "the model was told of the form"


def chat_text(server: Faulty, ids: list[int]) -> str:
    return server.engine.codec.decode(ids)


@pytest.mark.parametrize(
    ("schema", "filled"), [(Sum, Sum(total=7)), (SumDict, {"total": 7}), (SCHEMA, {"total": 7})]
)
def test_any_kind_of_schema(server: Faulty, schema: Any, filled: Any) -> None:
    structured = chat(server).with_structured_output(schema)
    assert structured.invoke(QUESTION) == filled
    assert asyncio.run(structured.ainvoke(QUESTION)) == filled


def test_a_form_as_a_message(server: Faulty) -> None:
    model = chat(server)
    chunks = list(model.bind_form(SCHEMA).stream(QUESTION))
    assert json.loads(str(sum(chunks[1:], start=chunks[0]).text)) == {"total": 7}
    assert json.loads(model.bind_form(None).invoke(QUESTION).text) == {}


def test_a_server_without_it_is_the_plain_error(server: Faulty) -> None:
    server.guides = False
    with pytest.raises(NotImplementedError, match=r"has no structured output.*build_solver\(check=\.\.\.\)"):
        chat(server).with_structured_output(Sum)


@pytest.mark.parametrize("asked", [{"method": "function_calling"}, {"strict": False}])
def test_other_methods_are_refused(server: Faulty, asked: Any) -> None:
    with pytest.raises(NotImplementedError, match=f"not by {next(iter(asked))}="):
        chat(server).with_structured_output(Sum, **asked)


def test_an_answer_without_room_is_an_error_and_with_the_message_none() -> None:
    engine = ScriptedEngine(answers=[says('{"total": "' + 5000 * "1")], guides=True, context_window=4000)
    model = ChatAdaptive(solver=build_solver(engine, options=Options(effort="none")))
    with pytest.raises(AdaptiveError, match="the room for it was used up"):
        model.with_structured_output(Sum).invoke("2+2?")
    raw: Any = model.with_structured_output(Sum, include_raw=True).invoke("2+2?")
    assert raw["parsed"] is None
    assert raw["parsing_error"] is not None


def test_a_plain_rung_thinks_freely_first() -> None:
    """Without options an untrained model answers in its own way: thinking and answer are told apart then too."""
    engine = ScriptedEngine([says("2+2=4", 257)], [says('{"total": 4}', STOP)], guides=True)
    result = build_solver(engine).invoke(
        {"messages": [HumanMessage("2+2?")], "adaptive_options": {"answer_schema": SCHEMA}}
    )["adaptive_result"]
    thinking, answer = engine.calls
    assert (thinking.schema, json.loads(answer.schema)) == ("", SCHEMA)
    assert (result["answer"], result["attempts"][0]["thinking"]) == ('{"total": 4}', "2+2=4")


def test_a_graphs_context_sets_the_schema_of_one_run(server: Faulty) -> None:
    engine = CompletionsEngine(server.url)
    profile = find_artifact("abacus") / "profile"
    solver = build_solver(engine, profile=profile)
    question = {"messages": [HumanMessage(QUESTION)]}
    result = solver.invoke(question, context=SolverContext(answer_schema=SCHEMA))["adaptive_result"]
    assert result["answer"] == '{"total": 7}'
    assert result["accepted"] is None, "no threshold was measured on it"
    assert any("measured on answers without a schema" in note for note in result["notes"])
    assert solver.invoke(question)["adaptive_result"]["answer"] == "73"
    asyncio.run(engine.close())


def test_who_cannot_keep_a_schema_says_so_before_anything_is_paid() -> None:
    engine, asked = ScriptedEngine(guides=True), {"answer_schema": SCHEMA}
    given = {"messages": [HumanMessage("2+2?")], "adaptive_options": asked}
    with pytest.raises(InputError, match="embedded has no guided decoding, so answer_schema cannot be kept"):
        build_solver().invoke(given)
    stronger = build_solver(engine, stronger=GenericFakeChatModel(messages=iter(())))
    with pytest.raises(InputError, match=r"GenericFakeChatModel.* has no guided decoding"):
        stronger.invoke(given)
    assert not engine.calls
    with pytest.raises(InputError, match="'answer_schema' in the context must be an object"):
        SolverContext(answer_schema="{}")  # type: ignore[arg-type]


def test_served_models_take_response_formats(server: Faulty) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "Sum", "schema": SCHEMA, "strict": True}}
    body = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "response_format": form}
    with serving_here({"m": chat(server)}) as address:
        reply = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=60).json()
        server.guides = False
        any_object = {**body, "model": "n", "response_format": {"type": "json_object"}}
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"total": 7}
    with serving_here({"n": chat(server)}) as address:
        refused = httpx.post(f"{address}/v1/chat/completions", json=any_object, timeout=60)
    assert refused.status_code == 400
    assert "has no structured output" in refused.json()["error"]["message"]
