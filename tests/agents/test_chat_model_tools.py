"""`ChatAdaptive` with tools and forms, on each provider's own client over the wire, and where it cannot."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from adaptive import build_solver
from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive
from adaptive.agents.step.bound_tools import rebind_runnable
from adaptive.chat.errors import ChatError
from adaptive.errors import AdaptiveError, InputError
from adaptive.prices import Price, Prices
from adaptive.types.conversation import ALONE
from adaptive.types.logistic import Logistic
from adaptive.types.options import Options
from tests.agents.asking import CALL, accepts, look_up
from tests.hosted.brains import in_order
from tests.hosted.clients import NAMES, client
from tests.hosted.obliging import obliging
from tests.hosted.script import Asked, Fault, Spoken, Tool
from tests.hosted.server import Hosted
from tests.support.solving import profile

pytestmark = pytest.mark.crossed

QUESTION = "Look 'sum' up."
STARVES = 25_000
"""Thinking that fills the cap of the lowest rung, and of no other."""
WAYS = ("invoke", "ainvoke", "stream", "astream")


class Sum(BaseModel):
    """A sum."""

    a: int
    b: int


def by_effort(asked: Asked) -> Spoken:
    """Calls the tool first, and then answers with its effort, after much thinking at low effort."""
    if "sum: four" not in json.dumps(asked.body):  # providers differ in the role of a tool's result
        return Spoken(tools=(Tool("look_up", {"word": "sum"}),), thinking="which word", thought=20)
    return Spoken(str(asked.effort), thinking="let me see", thought=STARVES if asked.effort == "low" else 50)


@pytest.fixture(params=NAMES)
def hosted(request: Any) -> Iterator[tuple[BaseChatModel, Hosted]]:
    with Hosted(obliging) as server:
        yield client(request.param, server), server


def chat(model: BaseChatModel, options: Options | None = None, **built: Any) -> ChatAdaptive:
    return ChatAdaptive(solver=build_solver(model, options=options, **built))


def ask(model: Any, way: str, given: Any) -> AIMessage:
    """The message, asked for in one of `WAYS`."""

    async def streamed() -> list[Any]:
        return [chunk async for chunk in model.astream(given)]

    if way in ("stream", "astream"):
        first, *rest = model.stream(given) if way == "stream" else asyncio.run(streamed())
        return sum(rest, start=first)
    return asyncio.run(model.ainvoke(given)) if way == "ainvoke" else model.invoke(given)


def report(message: AIMessage) -> dict[str, Any]:
    return message.response_metadata["adaptive"]


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_is_called_and_its_result_answered(hosted: tuple[BaseChatModel, Hosted], way: str) -> None:
    model, server = hosted
    tooled = chat(model).bind_tools([look_up])
    called = ask(tooled, way, QUESTION)
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [("look_up", {"word": "sum"})]
    result = look_up.invoke(called.tool_calls[0])
    answer = ask(tooled, way, [HumanMessage(QUESTION), called, result])
    assert answer.text == "It is done."
    assert not answer.tool_calls
    assert "sum: four" in json.dumps(server.asked[-1].body)


def test_the_usage_is_what_the_provider_counted(hosted: tuple[BaseChatModel, Hosted]) -> None:
    model, server = hosted
    message = chat(model).bind_tools([look_up]).invoke(QUESTION)
    usage: Any = message.usage_metadata
    assert usage["input_tokens"] == sum(asked.prompt for asked in server.asked)
    assert usage["output_tokens"] == usage["total_tokens"] - usage["input_tokens"]
    assert report(message)["step"]["usage"]["total"] == usage["total_tokens"]
    assert report(message)["step"]["calls"] == len(server.asked) == 1


def test_a_form_is_filled(hosted: tuple[BaseChatModel, Hosted]) -> None:
    model, _ = hosted
    assert chat(model).with_structured_output(Sum).invoke("What is 47 + 38?") == Sum(a=47, b=38)
    raw: Any = chat(model).with_structured_output(Sum, include_raw=True).invoke("What is 47 + 38?")
    assert raw["parsed"] == Sum(a=47, b=38)
    assert report(raw["raw"])["attempts"] == 1


def test_what_was_measured_on_single_questions_accepts_nothing_after_others() -> None:
    sure = replace(profile(), verifier=Logistic({}, 9.0, 0.5), shapes=(ALONE,))
    talk = [HumanMessage("1 + 1?"), AIMessage("2"), HumanMessage("What is 47 + 38?")]
    with Hosted(obliging) as server:
        model = chat(client("openai", server), profile=sure).with_structured_output(Sum, include_raw=True)
        alone, after = (model.invoke(messages)["raw"] for messages in (talk[-1:], talk))  # type: ignore[index]
    assert (report(alone)["accepted"], report(after)["accepted"]) == (True, None)


# Not the Responses interface: the server gives all of its answers one id, and a graph keeps one message of an id.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "openai_responses"])
def test_in_an_agent_a_final_answer_is_recovered_and_escalated(name: str) -> None:
    with Hosted(by_effort) as server:
        model = chat(client(name, server), check=accepts("high"))
        done = create_agent(model, [look_up]).invoke({"messages": [("user", "What is 2 + 2?")]})
    assert [m.type for m in done["messages"]] == ["human", "ai", "tool", "ai"]
    last = done["messages"][-1]
    assert last.text == "high"
    assert report(last)["accepted"] is True
    assert report(last)["step"]["starved"] == (1 if "low" in [a.effort for a in server.asked[1:]] else 0)
    spent = sum(m.usage_metadata["input_tokens"] for m in done["messages"] if m.type == "ai")
    # Claude refuses a budget, unpaid, after a tool call that was made without thinking.
    assert spent == sum(a.prompt for a in server.asked if a.budget is None or name != "anthropic")


def test_what_claude_thought_goes_back_to_it_as_it_came() -> None:
    with Hosted(by_effort) as server:
        tooled = chat(client("anthropic", server), Options(effort="low")).bind_tools([look_up])
        called = tooled.invoke("What is 2 + 2?")
        tooled.invoke([HumanMessage("What is 2 + 2?"), called, look_up.invoke(called.tool_calls[0])])
    sent = server.asked[-1].body["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]
    assert sent[0]["signature"]


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_an_agents_structured_answer(strategy: Any) -> None:
    with Hosted(obliging) as server:
        agent = create_agent(chat(client("openai", server)), [], response_format=strategy(Sum))
        done = agent.invoke({"messages": [("user", "What is 47 + 38?")]})
    assert done["structured_response"] == Sum(a=47, b=38)


def test_a_structured_answer_that_is_rejected_is_asked_for_with_more_effort() -> None:
    def right_when_high(asked: Asked) -> Spoken:
        args = {"a": 47 if asked.effort == "high" else 0, "b": 38}
        return Spoken(tools=(Tool("Sum", args),), thought=20)

    with Hosted(right_when_high) as server:
        model = chat(client("openai", server), check=accepts('{"a": 47, "b": 38}'))
        made = model.with_structured_output(Sum, method="function_calling", include_raw=True)
        found: Any = made.invoke("What is 47 + 38?")
    assert found["parsed"] == Sum(a=47, b=38)
    assert server.asked[-1].effort == "high"
    assert report(found["raw"])["attempts"] == len(server.asked) > 1


def starving_form(asked: Asked) -> Spoken:
    """Fills the form, after more thinking than the first cap has room for."""
    return replace(obliging(asked), thought=60_000)


@pytest.mark.parametrize("name", ["openai", "azure_openai", "google_genai"])
def test_a_form_that_starved_is_asked_for_again(name: str) -> None:
    with Hosted(starving_form) as server:
        model = ChatAdaptive(solver=build_solver(client(name, server)), effort="low")
        made = model.with_structured_output(Sum, method="json_schema", include_raw=True)
        found: Any = made.invoke("What is 47 + 38?")
        asked = server.asked
    assert found["parsed"] == Sum(a=47, b=38)
    caps = [a.cap or 0 for a in asked]
    assert caps[0] < 60_000 < caps[1]
    step = report(found["raw"])["step"]
    assert (step["calls"], step["starved"]) == (2, 1)
    assert step["usage"]["thinking"] == caps[0] + 60_000


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_form_that_starves_every_time_is_named_and_no_none(method: Any) -> None:
    with Hosted(lambda asked: replace(obliging(asked), thought=10**9)) as server:
        model = ChatAdaptive(solver=build_solver(client("openai", server)), effort="low")
        with pytest.raises(AdaptiveError, match="no structured answer: thinking used up the room for it"):
            model.with_structured_output(Sum, method=method).invoke("What is 47 + 38?")
        raw: Any = model.with_structured_output(Sum, method=method, include_raw=True).invoke("What is 47 + 38?")
        assert len(server.asked) == 4
    assert (raw["parsed"], report(raw["raw"])["status"]) == (None, "starved")


@pytest.mark.parametrize("mended", [True, False])
def test_a_form_that_is_broken_json_is_asked_for_once_more(mended: bool) -> None:
    broken, whole = (Spoken(text, thought=20) for text in ('{"a": 47, "b', '{"a": 47, "b": 38}'))
    with Hosted(in_order(broken, whole if mended else broken)) as server:
        made = chat(client("openai", server)).with_structured_output(Sum, method="json_schema")
        if mended:
            assert made.invoke("What is 47 + 38?") == Sum(a=47, b=38)
        else:
            with pytest.raises(ChatError, match="gave a structured answer that is no whole JSON"):
                made.invoke("What is 47 + 38?")
        assert len(server.asked) == 2


@pytest.mark.parametrize("mended", [True, False])
@pytest.mark.parametrize(("name", "method"), [
    ("anthropic", "json_schema"), ("google_genai", "json_schema"), ("anthropic", "function_calling"),
    ("openai", "function_calling"),
])  # fmt: skip
def test_a_form_that_is_missing_is_asked_for_once_more_by_every_provider(
    name: str, method: Any, mended: bool
) -> None:
    """Half a document, which LangChain would mend, or no call where one is the answer."""

    def brain(asked: Asked) -> Spoken:
        with lock:
            missing = not mended or not next(numbers)
        return Spoken('{"a": 47, "b', thought=20) if missing else obliging(asked)

    lock, numbers = threading.Lock(), count()
    with Hosted(brain) as server:
        made = chat(client(name, server)).with_structured_output(Sum, method=method)
        if mended:
            assert made.invoke("What is 47 + 38?") == Sum(a=47, b=38)
        else:
            with pytest.raises(AdaptiveError, match="no structured answer: the model's text is no whole JSON"):
                made.invoke("What is 47 + 38?")
        assert len(server.asked) == 2


def test_an_agents_form_that_starved_is_asked_for_again() -> None:
    with Hosted(starving_form) as server:
        made = create_agent(
            client("openai", server), [], response_format=ProviderStrategy(Sum),
            middleware=[AdaptiveThinkingMiddleware(efforts=["low"])],
        )  # fmt: skip
        done = made.invoke({"messages": [("user", "What is 47 + 38?")]})
        caps = [asked.cap or 0 for asked in server.asked]
    assert done["structured_response"] == Sum(a=47, b=38)
    assert len(caps) == 2
    assert caps[0] < 60_000 < caps[1]


def test_options_of_a_call_and_of_the_solver_count() -> None:
    with Hosted(by_effort) as server:
        model = chat(client("openai", server), Options(max_attempts=1), check=accepts("nothing"))
        tooled = model.bind_tools([look_up])
        asked = [HumanMessage("What is 2 + 2?"), AIMessage("", tool_calls=[CALL]), _result()]
        message = tooled.invoke(asked, reasoning_effort="medium", waits=2)
    assert [a.effort for a in server.asked] == ["medium"]
    assert report(message)["attempts"] == 1
    assert any(note.startswith("waits is not used") for note in report(message)["notes"])


@pytest.mark.parametrize(
    "limit", [Options(max_tokens=1), Options(max_cost=1e-9), Options(adapt=False)], ids=["tokens", "cost", "adapt"]
)
def test_nothing_more_is_bought_past_a_limit(limit: Options) -> None:
    prices = Prices({"openai:gpt-5": Price(1.0, 10.0)})
    with Hosted(by_effort) as server:
        model = chat(client("openai", server), limit, check=accepts("nothing"), prices=prices)
        message = model.invoke([HumanMessage("What is 2 + 2?"), AIMessage("", tool_calls=[CALL]), _result()])
    assert len(server.asked) == 1
    assert report(message)["accepted"] is not True


def test_messages_of_tools_need_no_tools_bound() -> None:
    with Hosted(by_effort) as server:
        asked = [HumanMessage("What is 2 + 2?"), AIMessage("", tool_calls=[CALL]), _result()]
        message = chat(client("openai", server)).invoke(asked, effort="high")
    assert message.text == "high"


def test_a_stop_string_cuts_the_text() -> None:
    with Hosted(obliging) as server:
        tooled = chat(client("openai", server)).bind_tools([look_up], tool_choice="none")
        message = tooled.invoke(QUESTION, stop=["done"])
    assert message.text == "It is "
    assert message.response_metadata["stop_sequence"] == "done"


def test_an_effort_that_is_refused_teaches_which_are_taken() -> None:
    def picky(asked: Asked) -> Any:
        if asked.effort not in ("low", "high"):
            return Fault("effort", value=str(asked.effort), allowed=("low", "high"))
        return obliging(asked)

    with Hosted(picky) as server:
        model = client("openai", server, model="gpt-5-picky", profile={"reasoning_output": True})
        message = chat(model).bind_tools([look_up]).invoke(QUESTION, effort="medium")
    assert message.tool_calls
    assert server.asked[-1].effort in ("low", "high")


@pytest.mark.parametrize(("own", "asked"), [({"timeout": 0.3}, {}), ({}, {"timeout": 0.3})])
def test_a_call_that_hangs_ends_with_the_time(own: dict[str, Any], asked: dict[str, Any]) -> None:
    with Hosted(lambda _: Fault("hang")) as server:
        model = ChatAdaptive(solver=build_solver(client("openai", server)), **own)
        with pytest.raises(AdaptiveError, match=r"no answer within 0\.3 s"):
            model.bind_tools([look_up]).invoke(QUESTION, **asked)


def test_a_limit_of_money_needs_a_price() -> None:
    with Hosted(obliging) as server:
        tooled = chat(client("openai", server, model="gpt-5-nobody-sells")).bind_tools([look_up])
        with pytest.raises(InputError, match="price"):
            tooled.invoke(QUESTION, max_cost=1.0)
    assert not server.asked


def test_it_says_what_it_can_do() -> None:
    with Hosted(obliging) as server:
        able = chat(client("openai", server)).profile
    embedded = ChatAdaptive().profile
    assert able is not None
    assert embedded is not None
    assert (able["tool_calling"], able["structured_output"]) == (True, True)
    assert (embedded["tool_calling"], embedded["structured_output"]) == (False, False)


def test_a_token_engine_calls_no_tools() -> None:
    with pytest.raises(NotImplementedError, match=r"embedded runs on a token engine.*adaptive_tool"):
        ChatAdaptive().bind_tools([look_up])
    with pytest.raises(NotImplementedError, match=r"no structured output.*check="):
        ChatAdaptive().with_structured_output(Sum)
    with pytest.raises(NotImplementedError, match="token engine"):
        ChatAdaptive(solver=build_solver()).bind_tools([look_up])


def test_a_call_that_is_hidden_is_refused() -> None:
    with Hosted(obliging) as server:
        model = client("openai", server)
    with pytest.raises(NotImplementedError, match="ChatOpenAI does not show what it binds"):
        rebind_runnable(RunnableLambda(lambda _: "hidden"), model, lambda _: RunnableLambda(lambda _: "ours"))


def test_a_hosted_model_without_a_key_is_refused_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="needs a key: set OPENAI_API_KEY"):
        ChatAdaptive(model="openai:gpt-5")


@pytest.mark.parametrize("given", ["What is 2 + 2?", [HumanMessage("?"), AIMessage("", tool_calls=[CALL])]])
def test_max_retries_of_a_hosted_model_are_those_of_its_calls(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hosted(lambda _: Fault("error", after="0")) as server:
        monkeypatch.setenv("OPENAI_API_KEY", server.key)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        model = ChatAdaptive(model="openai:gpt-5", max_retries=0)
        with pytest.raises(ChatError, match="a failure of its own"):
            model.invoke(given)
    assert len(server.asked) == 1


def _result() -> ToolMessage:
    return ToolMessage("sum: four", tool_call_id=CALL["id"] or "")
