"""The chat model: its message is the solve's, whoever asks, and nothing of it is said or counted twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from adaptive import agents, build_solver
from adaptive.agents import ChatAdaptive
from adaptive.agents.chunks import cut_at_stop
from adaptive.engines.registry import takes_option
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.ladder import Rung
from tests.agents.scripts import ANSWERS, STRETCHES
from tests.support.cases import WHOLE_SOLVES
from tests.support.scripted import ScriptedEngine
from tests.support.solving import EASY, HARD, SURE, PureEngine, ask, profile, timeless
from tests.support.voting import ACCEPTED, SeededEngine, voter

pytestmark = pytest.mark.crossed


def chat(engine: Any = None, known: Any = None, **options: Any) -> ChatAdaptive:
    return ChatAdaptive(solver=build_solver(engine or PureEngine(), profile=known or profile()), **options)


def summed(chunks: Iterable[AIMessageChunk]) -> AIMessageChunk:
    first, *rest = chunks
    return sum(rest, start=first)


def what(message: AIMessage) -> dict[str, Any]:
    """All that a message says, but for how long it took."""
    metadata = {**message.response_metadata, "adaptive": timeless(message.response_metadata["adaptive"])}
    return {
        "content": message.content,
        "text": message.text,
        "usage": message.usage_metadata,
        "metadata": metadata,
    }


def reasoning(message: AIMessage) -> list[str]:
    return [block["reasoning"] for block in message.content_blocks if block["type"] == "reasoning"]


@WHOLE_SOLVES
@given(STRETCHES, ANSWERS, st.sampled_from([EASY, HARD, ()]))
def test_the_stream_sums_to_the_message_and_both_are_the_solvers(
    thinking: Any, answers: Any, p_solved: tuple[float, ...]
) -> None:
    solver = build_solver(ScriptedEngine(thinking, answers), profile=profile(p_solved, vote_most=2))
    model, state = ChatAdaptive(solver=solver), solver.invoke(ask("2+2?"))
    own, told = state["messages"][-1], model.invoke("2+2?")
    assert what(summed(model.stream("2+2?"))) == what(told)
    assert what(asyncio.run(model.ainvoke("2+2?"))) == what(told)
    assert (told.text, told.usage_metadata) == (own.text, own.usage_metadata)
    assert what(told)["metadata"] == {**own.response_metadata, "adaptive": timeless(state["adaptive_result"])}


@WHOLE_SOLVES
@given(STRETCHES, ANSWERS, st.sampled_from([EASY, HARD, ()]))
def test_an_answer_that_is_none_says_so(thinking: Any, answers: Any, p_solved: tuple[float, ...]) -> None:
    message = chat(ScriptedEngine(thinking, answers), profile(p_solved)).invoke("2+2?")
    result, reason = message.response_metadata["adaptive"], message.response_metadata["finish_reason"]
    assert reason == {"starved": "length", "refused": "refusal"}.get(result["status"], "stop")
    assert message.text or reason != "stop"


async def test_all_thinking_is_streamed_as_it_comes_and_the_text_is_last() -> None:
    *before, last = [chunk async for chunk in chat().astream("2+2?")]
    assert len(before) > 30
    assert not any(chunk.text or chunk.usage_metadata or chunk.response_metadata for chunk in before)
    assert (last.chunk_position, last.text) == ("last", rf"\boxed{{{SURE}2}}")
    result = last.response_metadata["adaptive"]
    assert [a["arm"] for a in result["attempts"]] == ["first", "budget", "budget", "wait"]
    thoughts = reasoning(summed([*before, last]))
    assert len(thoughts) == 3  # the third attempt answered from a chain that it did not make longer
    assert "".join(thoughts) == result["attempts"][-1]["thinking"]


def test_of_a_vote_the_kept_sample_alone_is_told() -> None:
    model = chat(SeededEngine(says=lambda number: ACCEPTED if number == 2 else str(number)), voter())
    message = summed(model.stream("2+2?"))
    result = message.response_metadata["adaptive"]
    assert result["attempts"][result["kept"]]["arm"] == "vote"
    kept = {0, result["kept"]}
    assert reasoning(message) == [result["attempts"][i]["thinking"] for i in sorted(kept)]


def test_the_result_has_no_token_ids() -> None:
    result = chat().invoke("2+2?").response_metadata["adaptive"]
    assert not any("trace" in attempt for attempt in result["attempts"])


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({"effort": "none"}, {}),
        ({}, {"effort": "none"}),
        ({"effort": "high"}, {"reasoning_effort": "none"}),
        ({"budget": 0}, {}),
        ({"budget": 16}, {"budget": 0}),
    ],
)
def test_options_come_from_the_model_and_from_the_call(options: dict[str, Any], call: dict[str, Any]) -> None:
    result = chat(**options).invoke("2+2?", **call).response_metadata["adaptive"]
    assert [(a["effort"], a["budget"]) for a in result["attempts"]] == [("none", 0)]


def test_max_tokens_is_of_the_whole_solve() -> None:
    free = chat().invoke("2+2?").response_metadata["adaptive"]["attempts"]
    first = free[0]["usage"]["total"]
    for limit, count in ((first, 1), (first + 1, 2)):
        result = chat(max_tokens=limit).invoke("2+2?").response_metadata["adaptive"]
        assert len(result["attempts"]) == count
        assert result["stopped"].startswith(f"reached the limit of {limit} tokens")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"effort": "huge"}, "'effort' in the call must be one of none, .* got 'huge'"),
        ({"budget": -1}, "'budget' in the call must be 0 or more, got -1"),
        ({"max_tokens": 0}, "'max_tokens' in the call must be 1 or more, got 0"),
        ({"temperature": 3}, "'temperature' in the call must be between 0 and 2, got 3.0"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0, got 0.0"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds above 0, got nan"),
        ({"max_retries": -1}, "max_retries must be 0 or more, got -1"),
        ({"stop": [".", ""]}, "a stop string is empty"),
        ({"solver": object(), "adaptive_profile": "here"}, "give adaptive_profile to build_solver"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ChatAdaptive(**options)


def test_a_name_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="efort"):
        ChatAdaptive(efort="low")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"model": "hf:other"}, "a call cannot set 'model'"),
        ({"tools": []}, "a call cannot set 'tools'"),
        ({"budget": "much"}, "'budget' in the call must be a whole number or null, got 'much'"),
        ({"stop": ""}, "stop must be a list of texts, got the text ''"),
        ({"stop": [""]}, "a stop string is empty"),
    ],
)
async def test_what_a_call_cannot_ask_is_said(call: dict[str, Any], said: str) -> None:
    model = chat()
    with pytest.raises(InputError, match=said):
        model.invoke("2+2?", **call)
    with pytest.raises(InputError, match=said):
        await model.ainvoke("2+2?", **call)


def test_a_question_that_cannot_be_solved_is_an_input_error() -> None:
    with pytest.raises(InputError, match="the question is empty"):
        chat().invoke(" ")


def test_a_model_that_is_not_known_is_said_on_first_use() -> None:
    model = ChatAdaptive(model="nonsense")
    with pytest.raises(InputError, match="model 'nonsense' is not known"):
        model.invoke("2+2?")


def test_tools_and_structured_output_are_declared_off() -> None:
    model = chat()
    with pytest.raises(NotImplementedError, match="cannot call tools"):
        model.bind_tools([])
    with pytest.raises(NotImplementedError, match="no structured output"):
        model.with_structured_output({})
    assert model.profile is not None
    assert model.profile["tool_calling"] is model.profile["structured_output"] is False


@given(st.text("abc", max_size=8), st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))
def test_a_text_is_cut_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    left, stop = cut_at_stop(text, stops)
    assert not any(s in left for s in stops)
    assert (left == text) if stop is None else (stop in stops and text.startswith(left + stop))
    assert (stop is None) == (not any(s in text for s in stops))


def test_stop_strings_cut_the_text_and_nothing_else() -> None:
    whole = chat().invoke("2+2?")
    for message in (chat(stop=["111"]).invoke("2+2?"), chat(stop=["box"]).invoke("2+2?", stop=["111"])):
        assert message.text == r"\boxed{"
        assert message.usage_metadata == whole.usage_metadata
        assert message.response_metadata["stop_sequence"] == "111"
        assert message.response_metadata["adaptive"]["text"] == whole.text
    assert "stop_sequence" not in whole.response_metadata


def endless(engine: PureEngine, **options: Any) -> ChatAdaptive:
    return chat(engine, profile(p_solved=(), rungs=(Rung("low", 50_000),)), **options)


async def test_a_solve_whose_time_is_up_is_given_up() -> None:
    for awaited in (True, False):
        engine = PureEngine(ends=(), yields=True)
        model = endless(engine, timeout=0.05)
        with pytest.raises(AdaptiveError, match=r"no answer within 0.05 s"):
            await model.ainvoke("2+2?") if awaited else model.invoke("2+2?")
        assert engine.released or not engine.calls  # a busy machine is late for the first call
        assert not engine._sessions


async def test_a_stream_that_is_left_lets_its_session_go() -> None:
    engine = PureEngine(ends=(), yields=True)
    for _ in endless(engine).stream("2+2?"):
        break
    assert len(engine.released) == 1
    streamed = endless(engine).astream("2+2?")
    await anext(streamed)
    await streamed.aclose()  # type: ignore[attr-defined]
    while len(engine.released) < 2:
        await asyncio.sleep(0)
    assert not engine._sessions


def test_messages_stay_as_they_were_given() -> None:
    history = [HumanMessage("1+1?", id="same"), AIMessage("2", id="same"), HumanMessage("2+2?")]
    before = [m.model_copy() for m in history]
    engine = PureEngine()
    chat(engine).invoke(history)
    assert history == before
    prompt = engine.codec.decode(engine.calls[0].ids)
    assert [prompt.index(text) for text in ("user\n1+1?", "assistant\n2", "user\n2+2?")]


def test_the_solver_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def build(model: str, **given: Any) -> Any:
        made.append(model)
        return build_solver(PureEngine(), profile=profile())

    monkeypatch.setattr("adaptive.solver.build.build_solver", build)
    model = ChatAdaptive(model="theirs")
    assert not made
    with ThreadPoolExecutor(3) as pool:
        assert len({m.text for m in pool.map(model.invoke, ["2+2?"] * 3)}) == 1
    assert made == ["theirs"]


def test_a_cache_of_answers_tells_options_and_solvers_apart() -> None:
    cache, engine = InMemoryCache(), PureEngine()
    same = chat(engine, cache=cache)
    same.invoke("2+2?")
    calls = len(engine.calls)
    same.invoke("2+2?")
    assert len(engine.calls) == calls
    for other in (chat(engine, cache=cache), same.bind(budget=16), same.bind(stop=["1"])):
        other.invoke("2+2?")
        assert len(engine.calls) > calls
        calls = len(engine.calls)


def test_retries_are_for_servers() -> None:
    assert takes_option("http://127.0.0.1:1/v1", "retries")
    assert not takes_option("embedded", "retries")
    with pytest.raises(AdaptiveError, match="asked 1 times"):
        ChatAdaptive(model="http://127.0.0.1:1/v1", max_retries=0).invoke("2+2?")


def test_the_package_imports_nothing_before_it_is_asked() -> None:
    code = (
        "import sys, adaptive.agents as a; assert 'langchain_core' not in sys.modules; "
        "a.ChatAdaptive(); assert 'sklearn' not in sys.modules; print(a.adaptive_tool.__name__)"
    )
    root = Path(__file__).parents[2]
    made = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "adaptive_tool"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        agents.nothing  # noqa: B018
