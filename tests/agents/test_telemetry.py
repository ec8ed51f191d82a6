"""Traces and metrics of OpenTelemetry: one tree, each call of a model once, and the tokens of the result.

The models are OpenAI's client against a server on this machine; the exporters are the SDK's in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from adaptive import Options, build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool, read_spending
from adaptive.solver.spans import CONTENT_VARIABLE
from adaptive.verify.judge import Judge
from tests.agents.test_traces import NEVER, QUESTION, SAMPLED, SOLVES, brain, client, run, solve_in_parent
from tests.hosted.server import Hosted
from tests.support.solving import THREAD, BrokenEngine, PureEngine, ask, profile
from tests.support.telemetry import Telemetry, export_in_memory
from tests.support.thinking_hard import ToolCaller


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(brain) as server:
        yield server


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    with export_in_memory() as exported:
        yield exported


def check_telemetry(telemetry: Telemetry, calls: int, tokens: int) -> None:
    assert len(telemetry.find_operations("chat")) == calls
    assert telemetry.count_tokens() == tokens
    assert sum(telemetry.sum_metric("gen_ai.client.token.usage", "gen_ai.token.type").values()) == tokens


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("kind", SOLVES)
def test_each_call_of_a_solve_is_below_it_once(
    kind: str, awaited: bool, hosted: Hosted, telemetry: Telemetry
) -> None:
    arm, build = SOLVES[kind]
    result = solve_in_parent(build(client(hosted)), awaited)
    check_telemetry(telemetry, len(hosted.asked), result["usage"]["total"])
    assert telemetry.draw_tree() == ["invoke_agent adaptive", *["  chat gpt-5"] * len(hosted.asked)]
    calls = telemetry.find_operations("chat")
    for attribute, value in (("provider.name", "openai"), ("response.model", "gpt-5")):
        assert {call[f"gen_ai.{attribute}"] for call in calls} == {value}
    assert all(asked.stream for asked in hosted.asked)
    assert all(call["gen_ai.response.time_to_first_chunk"] > 0 for call in calls)
    assert arm in {call["adaptive.arm"] for call in calls}
    assert sum(call["gen_ai.usage.reasoning.output_tokens"] for call in calls) == result["usage"]["thinking"]


@pytest.mark.parametrize("awaited", [False, True])
def test_a_token_engines_attempts_and_its_judge_are_in_the_tree(
    awaited: bool, hosted: Hosted, telemetry: Telemetry
) -> None:
    judge = Judge(client(hosted))
    solver = build_solver(PureEngine(), profile=profile(), judge=judge, options=SAMPLED)
    result = solve_in_parent(solver, awaited)
    attempts = result["attempts"]
    check_telemetry(telemetry, len(attempts) + len(hosted.asked), result["usage"]["total"])
    assert telemetry.find_roots() == ["invoke_agent adaptive"]
    calls = telemetry.find_operations("chat")
    streamed = [call for call in calls if call["gen_ai.request.model"] == "scripted"]
    assert [call["adaptive.requested_budget"] for call in streamed] == [a["budget"] for a in attempts]
    assert {(c["gen_ai.request.temperature"], c["gen_ai.request.seed"]) for c in streamed} == {(0.5, 7)}
    assert all(call["gen_ai.response.time_to_first_chunk"] >= 0 for call in streamed)


def test_the_solves_span_says_how_it_went(hosted: Hosted, telemetry: Telemetry) -> None:
    result = solve_in_parent(SOLVES["escalated"][1](client(hosted)), awaited=False)
    best = result["attempts"][result["kept"]]
    (facts,) = telemetry.find_operations("invoke_agent")
    assert facts["gen_ai.agent.name"] == "adaptive"
    assert facts["adaptive.difficulty"] == result["difficulty"]["level"]
    assert (facts["adaptive.rung"], facts["adaptive.arm"]) == (best["rung"], best["arm"])
    assert (facts["adaptive.budget"], facts["adaptive.effort"]) == (best["budget"], best["effort"])
    assert facts["adaptive.accepted"] is False
    assert facts["adaptive.tokens"] == telemetry.count_tokens()


def test_a_solve_is_below_the_span_of_its_caller(telemetry: Telemetry) -> None:
    with telemetry.provider.get_tracer("web").start_as_current_span("POST /ask"):
        build_solver(PureEngine(), profile=profile()).invoke(ask(QUESTION))
    assert telemetry.draw_tree()[:3] == ["POST /ask", "  invoke_agent adaptive", "    chat scripted"]


@pytest.mark.parametrize("awaited", [False, True])
def test_our_chat_model_is_one_span_that_names_its_model(
    awaited: bool, hosted: Hosted, telemetry: Telemetry
) -> None:
    message = run(ChatAdaptive(solver=SOLVES["escalated"][1](client(hosted))), QUESTION, awaited)
    assert len(hosted.asked) > 1
    check_telemetry(telemetry, 1, message.usage_metadata["total_tokens"])
    (call,) = telemetry.find_operations("chat")
    assert (call["gen_ai.provider.name"], call["gen_ai.request.model"]) == ("openai", "gpt-5")
    assert call["adaptive.attempts"] == len(message.response_metadata["adaptive"]["attempts"])


@pytest.mark.parametrize("awaited", [False, True])
def test_the_solve_of_a_tool_is_below_it(awaited: bool, hosted: Hosted, telemetry: Telemetry) -> None:
    tool = adaptive_tool(client(hosted), check=NEVER, options=Options(effort="low", max_attempts=2))
    run(create_agent(ToolCaller(questions=[QUESTION]), [tool]), ask("Ask the tool."), awaited)
    assert telemetry.draw_tree() == [
        "execute_tool think_hard",
        "  invoke_agent adaptive",
        *["    chat gpt-5"] * len(hosted.asked),
    ]
    (facts,) = telemetry.find_operations("execute_tool")
    assert facts["adaptive.tokens"] == telemetry.count_tokens()


@pytest.mark.parametrize("awaited", [False, True])
def test_the_calls_of_a_step_are_spans(awaited: bool, hosted: Hosted, telemetry: Telemetry) -> None:
    agent = create_agent(
        client(hosted), [], middleware=[AdaptiveThinkingMiddleware(check=NEVER, max_escalations=1)]
    )
    run(agent, ask(QUESTION), awaited)
    assert telemetry.find_roots() == ["chat gpt-5"] * len(hosted.asked)
    assert len(hosted.asked) > 1


@pytest.mark.parametrize("awaited", [False, True])
def test_the_calls_of_a_step_and_its_judge_are_below_the_callers_span(
    awaited: bool, hosted: Hosted, telemetry: Telemetry
) -> None:
    ours = AdaptiveThinkingMiddleware(efforts=["low", "high"], judge=Judge(client(hosted)))
    with telemetry.provider.get_tracer("web").start_as_current_span("POST /ask"):
        state = run(create_agent(client(hosted), middleware=[ours]), ask(QUESTION), awaited)
    assert telemetry.draw_tree() == ["POST /ask", *["  chat gpt-5"] * 4]
    check_telemetry(telemetry, 4, read_spending(state)["run"]["usage"]["total"])


@pytest.mark.parametrize("in_parent", [False, True])
def test_a_solve_that_waits_for_an_approval_is_no_failure(in_parent: bool, telemetry: Telemetry) -> None:
    options, memory = Options(effort="high", approve_above=0, max_attempts=1), InMemorySaver()
    if in_parent:
        solver = build_solver(PureEngine(), profile=profile(), options=options)
        graph: Any = StateGraph(MessagesState).add_node("solve", solver).add_edge(START, "solve")
        graph = graph.compile(checkpointer=memory)
    else:
        graph = build_solver(PureEngine(), profile=profile(), options=options, checkpointer=memory)
    graph.invoke(ask(QUESTION), THREAD)
    (asked,) = telemetry.read_spans()
    graph.invoke(Command(resume=True), THREAD)
    assert asked.status.is_unset
    assert "error.type" not in (asked.attributes or {})
    assert telemetry.find_roots() == ["invoke_agent adaptive"] * 2
    solves = telemetry.find_operations("invoke_agent")
    assert [solve["gen_ai.conversation.id"] for solve in solves] == ["one", "one"]
    assert solves[1]["adaptive.tokens"] == telemetry.count_tokens()


def test_a_solve_that_fails_has_the_kind_of_its_error_and_not_its_text(telemetry: Telemetry) -> None:
    with pytest.raises(RuntimeError):
        build_solver(BrokenEngine(), profile=profile()).invoke(ask(QUESTION))
    solve, call = telemetry.read_spans()
    assert solve.status.description == call.status.description == "RuntimeError"
    assert (solve.attributes or {})["error.type"] == "RuntimeError"
    assert not solve.events
    assert "out of memory" not in str([span.to_json() for span in (solve, call)])


@pytest.mark.parametrize("captured", [False, True])
def test_texts_are_exported_by_the_conventions_opt_in_alone(
    captured: bool, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    if captured:
        monkeypatch.setenv(CONTENT_VARIABLE, "span_only")
    state = build_solver(PureEngine(), profile=profile()).invoke(ask(QUESTION))
    answer = state["adaptive_result"]["answer"]
    exported = str([span.to_json() for span in telemetry.read_spans()])
    assert (QUESTION in exported, answer in exported) == (captured, captured)
    for call in telemetry.find_operations("chat") if captured else ():
        (asked,), (replied,) = (json.loads(call[f"gen_ai.{side}.messages"]) for side in ("input", "output"))
        assert asked == {"role": "user", "parts": [{"type": "text", "content": QUESTION}]}
        assert replied["role"] == "assistant"
        assert {part["type"] for part in replied["parts"]} <= {"reasoning", "text"}
        assert replied["finish_reason"] == "stop"


def test_runs_of_others_are_left_alone_and_nothing_is_kept(telemetry: Telemetry) -> None:
    from adaptive.solver.telemetry import _HANDLER

    RunnableLambda(lambda text: text).invoke("hello")
    solver = build_solver(PureEngine(), profile=profile())
    RunnableLambda(lambda text: solver.invoke(ask(text))).invoke(QUESTION)
    assert telemetry.find_roots() == ["invoke_agent adaptive"]
    assert not _HANDLER._runs


NOTHING = """
import sys
from adaptive.solver.build import build_solver
from adaptive.solver.telemetry import _HANDLER, is_set_up
from tests.support.solving import PureEngine, ask, profile
if BLOCKED:
    sys.modules["opentelemetry"] = None
before = {name for name in sys.modules if name.startswith("opentelemetry")}
seen = []
_HANDLER.on_chain_start = lambda *_, **__: seen.append(1)
assert build_solver(PureEngine(), profile=profile()).invoke(ask("2+2?"))["adaptive_result"]["accepted"]
after = {name for name in sys.modules if name.startswith("opentelemetry")}
assert not is_set_up() and not seen and before == after, (seen, after - before)
"""


@pytest.mark.slow
def test_the_example_of_the_docs_prints_a_tree() -> None:
    program = "from tests.docs.blocks import ROOT, run; run(ROOT / 'docs' / 'tracing.md')"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    spans = [line for line in printed.splitlines() if line.startswith('    "name":')]
    assert spans == ['    "name": "chat embedded",', '    "name": "invoke_agent adaptive",']


@pytest.mark.slow
@pytest.mark.parametrize("blocked", [False, True])
def test_without_a_provider_nothing_is_imported_and_nothing_runs(blocked: bool) -> None:
    program = NOTHING.replace("BLOCKED", str(blocked))
    subprocess.run([sys.executable, "-c", program], check=True)
