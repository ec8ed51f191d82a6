"""The tool: what an agent is told of a solve, in content and artifact, alone and in a real agent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests
from langgraph.checkpoint.memory import InMemorySaver

from adaptive.agents import adaptive_tool
from adaptive.errors import AdaptiveError, InputError
from adaptive.types.ladder import EFFORTS
from tests.agents.scripts import ANSWERS, STRETCHES
from tests.support.cases import WHOLE_SOLVES
from tests.support.scripted import STOP, Forever, ScriptedEngine, says
from tests.support.solving import SURE, THREAD, UNSURE, BrokenEngine, PureEngine, ask, boxed, profile, timeless
from tests.support.thinking_hard import ToolCaller, build_call

SUM = {"question": "What is 47 + 38 - 12?"}


class Standard:
    @property
    def tool_constructor(self) -> BaseTool:
        return adaptive_tool()

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return SUM


class TestUnit(Standard, ToolsUnitTests):
    """On the embedded reasoner; nothing is skipped."""


class TestIntegration(Standard, ToolsIntegrationTests):
    """On the embedded reasoner; nothing is skipped."""


def tool(engine: Any = None) -> BaseTool:
    return adaptive_tool(engine or PureEngine(), profile=profile())


async def both(tool: BaseTool, args: dict[str, Any]) -> ToolMessage:
    """What it says when it is invoked, which is what it says when it is awaited."""
    invoked, awaited = tool.invoke(build_call(args)), await tool.ainvoke(build_call(args))
    assert invoked.content == awaited.content
    if invoked.artifact is not None:
        assert timeless(invoked.artifact) == timeless(awaited.artifact)
    message: ToolMessage = invoked
    return message


async def test_the_content_is_the_answer_and_the_artifact_the_result() -> None:
    message = await both(tool(), {"question": "2+2?"})
    assert (message.content, message.status) == (SURE + "2", "success")
    assert (message.artifact["question"], message.artifact["answer"]) == ("2+2?", SURE + "2")
    assert not any("trace" in attempt for attempt in message.artifact["attempts"])


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (boxed(UNSURE), "answered", "0\n\nThis answer was not accepted (confidence"),
        (Forever("7"), "starved", "No answer: the room for it was used up. Ask with more effort, or split the"),
        ((STOP,), "refused", "No answer: the model gave none. Ask in other words, or find the answer in"),
        (says("I do not know.", STOP), "refused", "another way. The model said: I do not know."),
    ],
)
async def test_an_answer_that_does_not_count_says_so(answer: Any, status: str, said: str) -> None:
    message = await both(tool(ScriptedEngine(answers=[answer])), {"question": "2+2?"})
    assert message.artifact["status"] == status
    assert said in message.content


@WHOLE_SOLVES
@given(STRETCHES, ANSWERS)
def test_only_an_accepted_answer_stands_alone(thinking: Any, answers: Any) -> None:
    message = tool(ScriptedEngine(thinking, answers)).invoke(build_call({"question": "2+2?"}))
    told = message.artifact
    assert (message.content == told["answer"]) == told["accepted"]
    assert told["answer"] is None or str(told["answer"]).strip() in message.content


async def test_the_effort_is_the_agents_choice() -> None:
    message = await both(tool(), {"question": "2+2?", "effort": "none"})
    assert [a["effort"] for a in message.artifact["attempts"]] == ["none"]
    schema = tool().tool_call_schema.model_json_schema()["properties"]
    assert schema["effort"]["anyOf"][0]["enum"] == list(EFFORTS)
    assert set(schema) == {"question", "effort"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"question": " "}, "the question is empty: give some text to solve."),
        ({"question": "2+2?", "effort": "huge"}, "the tool was called wrongly: effort: Input should be 'none', "),
        ({}, "the tool was called wrongly: question: Field required."),
    ],
)
async def test_a_call_that_cannot_be_is_said_to_the_agent(args: dict[str, Any], said: str) -> None:
    message = await both(tool(), args)
    assert message.status == "error"
    assert message.content.startswith(said)


async def test_a_failure_of_the_solver_is_raised() -> None:
    for awaited in (True, False):
        broken = tool(BrokenEngine(fails_at=0))
        with pytest.raises(RuntimeError, match="out of memory"):
            await broken.ainvoke(build_call(SUM)) if awaited else broken.invoke(build_call(SUM))


def test_a_model_that_is_not_known_is_the_developers_error() -> None:
    with pytest.raises(InputError, match="model 'nonsense' is not known"):
        adaptive_tool("nonsense")
    assert issubclass(InputError, AdaptiveError)


@pytest.mark.parametrize("awaited", [False, True])
async def test_an_agent_thinks_hard_and_goes_on_with_the_answers(awaited: bool) -> None:
    agent: Any = create_agent(ToolCaller(questions=["2+2?", " ", "3+3?"]), [tool()], checkpointer=InMemorySaver())
    asked = ask("What are these?")
    state = await agent.ainvoke(asked, THREAD) if awaited else agent.invoke(asked, THREAD)
    said = f"{SURE}2, the question is empty: give some text to solve., {SURE}3"
    assert state["messages"][-1].text == said
    artifacts = [m.artifact for m in state["messages"] if isinstance(m, ToolMessage)]
    assert [a and a["question"] for a in artifacts] == ["2+2?", None, "3+3?"]


def test_of_the_solve_an_agents_stream_has_the_tools_message_and_the_events() -> None:
    agent: Any = create_agent(ToolCaller(questions=["2+2?"]), [tool()])
    parts = list(agent.stream(ask("What is it?"), stream_mode=["messages", "custom"], subgraphs=True))
    assert {namespace for namespace, _, _ in parts} == {()}
    messages = [data[0] for _, mode, data in parts if mode == "messages"]
    assert [m.type for m in messages if m.type != "ai"] == ["tool"]
    events = [data for _, mode, data in parts if mode == "custom"]
    assert {event["tool"] for event in events} == {"think_hard"}
    assert (events[0]["event"], events[-1]["event"]) == ("difficulty", "done")


@pytest.mark.parametrize("scope", ["run", "thread"])
def test_the_tool_keeps_the_limits_of_its_agents_run_and_thread(scope: str) -> None:
    """A call gets what is left; once nothing is, the agent is told to go on without it."""
    engine, limit = ScriptedEngine(answers=[boxed(UNSURE)] * 99), {f"max_{scope}_tokens": 50}
    limited = adaptive_tool(engine, profile=profile(), **limit)
    agent: Any = create_agent(ToolCaller(questions=["2+2?"]), [limited], checkpointer=InMemorySaver())
    first, second = (agent.invoke(ask("What is it?"), THREAD)["messages"] for _ in range(2))
    assert first[2].artifact["stopped"].startswith("reached the limit of 50 tokens")
    spent = first[2].artifact["usage"]["total"]
    if scope == "thread":
        said = f"reached the limit of 50 tokens, {spent} spent in this thread: go on without think_hard."
        assert (second[6].content, second[6].status, second[6].artifact) == (said, "error", None)
    else:
        assert second[6].artifact["stopped"].startswith("reached the limit of 50 tokens")


def test_a_limit_of_money_needs_a_price_when_the_tool_is_built() -> None:
    with pytest.raises(InputError, match=r"a limit of \$1 cannot be kept: the price of \S+ is not known"):
        adaptive_tool(PureEngine(), profile=profile(), max_thread_cost=1.0)
