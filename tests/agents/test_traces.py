"""Traces of solves as LangSmith gets them: one tree, each call of a model once, and the tokens of the result.

The models are OpenAI's client against a server on this machine; the tracer is LangSmith's client against another.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.graph import START, MessagesState, StateGraph

from adaptive import Options, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool, read_spending
from adaptive.verify.check_function import Function
from adaptive.verify.judge import Judge
from tests.hosted.clients import PROVIDERS
from tests.hosted.script import Asked, Spoken
from tests.hosted.server import Hosted
from tests.support.langsmith_server import Trace, read_metadata, trace_to_langsmith
from tests.support.solving import PureEngine, ask, profile
from tests.support.thinking_hard import ToolCaller

NEVER = Function(lambda question, answer: False)
QUESTION = "What is 47 + 38 - 12?"
SAMPLED = Options(temperature=0.5, seed=7)


def brain(asked: Asked) -> Spoken:
    """Answers; where it is a judge it holds everything wrong."""
    if "response_format" in asked.body or "tools" in asked.body:
        return Spoken(json.dumps({"reason": "It does not add up.", "correct": 0.1}))
    return Spoken("73", thought=20)


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(brain) as server:
        yield server


@pytest.fixture
def trace() -> Iterator[Trace]:
    with trace_to_langsmith() as traced:
        yield traced


def client(hosted: Hosted) -> Any:
    provider = PROVIDERS["openai"]
    return provider.build(model=provider.model, api_key=hosted.key, max_retries=0, **provider.locate(hosted.url))


def run(runnable: Any, given: Any, awaited: bool) -> Any:
    return asyncio.run(runnable.ainvoke(given)) if awaited else runnable.invoke(given)


def solve_in_parent(solver: Any, awaited: bool) -> dict[str, Any]:
    """The result of a solve as a node of another graph."""

    class State(MessagesState, total=False):
        adaptive_result: dict[str, Any]

    graph = StateGraph(State).add_node("solve", solver).add_edge(START, "solve").compile(name="parent")
    result: dict[str, Any] = run(graph, ask(QUESTION), awaited)["adaptive_result"]
    return result


def check_trace(trace: Trace, calls: int, tokens: int) -> None:
    assert len(trace.find_roots()) == 1
    assert len(trace.find_models()) == calls
    assert trace.count_tokens() == tokens


SOLVES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "escalated": ("effort", lambda model: build_solver(
        model, check=NEVER, options=Options(samples=0, waits=0, max_attempts=3))),
    "waited": ("wait", lambda model: build_solver(
        model, check=NEVER, options=Options(effort="low", waits=2, samples=0, max_attempts=2))),
    "voted": ("vote", lambda model: build_solver(
        model, check=NEVER,
        options=Options(effort="low", waits=0, samples=3, max_attempts=2))),
}  # fmt: skip


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("kind", SOLVES)
def test_each_call_of_a_solve_is_traced_once(kind: str, awaited: bool, hosted: Hosted, trace: Trace) -> None:
    arm, build = SOLVES[kind]
    result = solve_in_parent(build(client(hosted)), awaited)
    assert arm in [attempt["arm"] for attempt in result["attempts"]]
    check_trace(trace, len(hosted.asked), result["usage"]["total"])
    for model in trace.find_models():
        assert trace.find_path(model)[:3] == ["parent", "solve", "adaptive"]
        assert read_metadata(model)["ls_provider"] == "openai"
        assert read_metadata(model)["ls_model_name"] == "gpt-5"
    efforts = [model["extra"]["invocation_params"].get("reasoning_effort") for model in trace.find_models()]
    assert Counter(efforts) == Counter(asked.effort for asked in hosted.asked)
    assert set(efforts) - {None}


@pytest.mark.parametrize("awaited", [False, True])
def test_a_token_engines_attempts_and_its_judge_are_in_the_tree(
    awaited: bool, hosted: Hosted, trace: Trace
) -> None:
    judge = Judge(client(hosted))
    solver = build_solver(PureEngine(), profile=profile(), judge=judge, options=SAMPLED)
    result = solve_in_parent(solver, awaited)
    attempts = result["attempts"]
    check_trace(trace, len(attempts) + len(hosted.asked), result["usage"]["total"])
    names = [read_metadata(model)["ls_model_name"] for model in trace.find_models()]
    assert names.count("gpt-5") == len(hosted.asked) > 0
    own = [model for model in trace.find_models() if read_metadata(model)["ls_model_name"] == "scripted"]
    assert [model["extra"]["invocation_params"] for model in own] == [
        {"temperature": 0.5, "seed": 7, "thinking_budget": attempt["budget"]} for attempt in attempts
    ]


def test_the_solvers_span_says_how_it_went(hosted: Hosted, trace: Trace) -> None:
    result = solve_in_parent(SOLVES["escalated"][1](client(hosted)), awaited=False)
    best = result["attempts"][result["kept"]]
    facts = read_metadata(trace.find_one("adaptive"))
    assert facts["adaptive_difficulty"] == result["difficulty"]["level"]
    assert (facts["adaptive_rung"], facts["adaptive_arm"]) == (best["rung"], best["arm"])
    assert (facts["adaptive_budget"], facts["adaptive_effort"]) == (best["budget"], best["effort"])
    assert facts["adaptive_accepted"] is False
    assert facts["adaptive_tokens"] == trace.count_tokens()


@pytest.mark.parametrize("awaited", [False, True])
def test_our_chat_model_is_one_span_that_names_its_model(awaited: bool, hosted: Hosted, trace: Trace) -> None:
    model = ChatAdaptive(solver=SOLVES["escalated"][1](client(hosted)))
    message = run(model, QUESTION, awaited)
    assert len(hosted.asked) > 1
    check_trace(trace, 1, message.usage_metadata["total_tokens"])
    (span,) = trace.read_runs()
    assert (read_metadata(span)["ls_provider"], read_metadata(span)["ls_model_name"]) == ("openai", "gpt-5")
    result = message.response_metadata["adaptive"]
    assert read_metadata(span)["adaptive_arm"] == result["attempts"][result["kept"]]["arm"]


def test_a_step_of_our_chat_model_is_one_span_too(hosted: Hosted, trace: Trace) -> None:
    model = ChatAdaptive(solver=SOLVES["escalated"][1](client(hosted))).with_structured_output({
        "title": "Sum", "description": "A sum.", "type": "object", "properties": {"total": {"type": "integer"}},
    }, include_raw=True)  # fmt: skip
    message = run(model, QUESTION, awaited=True)["raw"]
    check_trace(trace, 1, message.usage_metadata["total_tokens"])
    assert read_metadata(trace.find_models()[0])["adaptive_attempts"] == len(hosted.asked)


@pytest.mark.parametrize("awaited", [False, True])
def test_the_solve_of_a_tool_is_below_it(awaited: bool, hosted: Hosted, trace: Trace) -> None:
    tool = adaptive_tool(client(hosted), check=NEVER, options=Options(effort="low", max_attempts=2))
    agent = create_agent(ToolCaller(questions=[QUESTION]), [tool])
    state = run(agent, ask("Ask the tool."), awaited)
    usage = state["messages"][-2].artifact["usage"]
    ours = [model for model in trace.find_models() if "think_hard" in trace.find_path(model)]
    assert len(ours) == len(hosted.asked) > 1
    assert trace.count_tokens() == usage["total"]
    assert len(trace.find_roots()) == 1
    assert trace.find_path(ours[0])[1:4] == ["tools", "think_hard", "adaptive"]
    assert read_metadata(trace.find_one("think_hard"))["adaptive_usage"] == usage


@pytest.mark.parametrize("awaited", [False, True])
def test_the_calls_of_the_middleware_and_its_judge_are_in_the_agents_trace(
    awaited: bool, hosted: Hosted, trace: Trace
) -> None:
    ours = AdaptiveThinkingMiddleware(efforts=["low", "high"], judge=Judge(client(hosted)))
    state = run(create_agent(client(hosted), middleware=[ours]), ask(QUESTION), awaited)
    assert len(hosted.asked) == 4
    check_trace(trace, 4, read_spending(state)["run"]["usage"]["total"])
