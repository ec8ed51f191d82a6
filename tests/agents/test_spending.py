"""What an agent's run and thread cost, and the limits of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, adaptive_tool, read_spending
from adaptive.errors import AdaptiveError, InputError
from adaptive.prices import Price, Prices
from adaptive.solver.build import build_solver
from tests.agents.asking import accepts, look_up, report
from tests.hosted.brains import always
from tests.hosted.clients import client
from tests.hosted.script import Asked, Spoken, Tool, said
from tests.hosted.server import Hosted
from tests.support.thinking_hard import ToolCaller

ANSWER = Spoken("It is 42.", thought=60)
THREAD: Any = {"configurable": {"thread_id": "one"}}
A_MILLIONTH = Prices({"openai:gpt-5": Price(1, 1, 1)})
"""A token costs a millionth of a dollar, whatever it is."""


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(always(ANSWER)) as server:
        yield server


def build_agent(hosted: Hosted, model: str = "gpt-5", **more: Any) -> Any:
    """An agent with a thread, whose answers are all rejected; two efforts are tried."""
    ours = AdaptiveThinkingMiddleware(efforts=["low", "high"], check=accepts("none"), **more)
    return create_agent(
        client("openai", hosted, model=model), [look_up], middleware=[ours], checkpointer=InMemorySaver()
    )


def ask(agent: Any) -> dict[str, Any]:
    done: dict[str, Any] = agent.invoke({"messages": [("user", "What is 6 times 7?")]}, THREAD)
    return done


def count_tokens(asked: Asked) -> int:
    return asked.prompt + said(asked, ANSWER).completion


def test_a_run_and_its_thread_cost_what_their_tokens_cost(hosted: Hosted) -> None:
    agent = build_agent(hosted, prices=A_MILLIONTH)
    first = read_spending(ask(agent))
    one = sum(map(count_tokens, hosted.asked))
    second = read_spending(ask(agent))
    both = sum(map(count_tokens, hosted.asked))
    assert len(hosted.asked) == 4
    assert first["run"]["usage"]["cost"] == first["thread"]["usage"]["cost"] == pytest.approx(one / 1e6)
    assert second["run"]["usage"]["cost"] == pytest.approx((both - one) / 1e6)
    assert second["thread"]["usage"]["cost"] == pytest.approx(both / 1e6)


def test_list_prices_are_the_default_and_an_unknown_price_is_unknown(hosted: Hosted) -> None:
    known, unknown = build_agent(hosted), build_agent(hosted, "gpt-5-of-nobody")
    cost = read_spending(ask(known))["run"]["usage"]["cost"]
    assert cost == pytest.approx(
        sum(a.prompt * 1.25 + said(a, ANSWER).completion * 10 for a in hosted.asked) / 1e6
    )
    assert read_spending(ask(unknown))["run"]["usage"]["cost"] is None


@pytest.mark.parametrize("limit", [{"max_cost": 1e-6}, {"max_tokens": 1}])
def test_a_run_that_reached_its_limit_asks_nothing_again(hosted: Hosted, limit: dict[str, Any]) -> None:
    agent = build_agent(hosted, prices=A_MILLIONTH, **limit)
    for calls in (1, 2):  # the next run has the limit to itself
        ask(agent)
        assert len(hosted.asked) == calls


@pytest.mark.parametrize("limit", [{"max_thread_cost": 1e-4}, {"max_thread_tokens": 100}])
def test_a_thread_that_reached_its_limit_takes_the_cheapest_effort(hosted: Hosted, limit: dict[str, Any]) -> None:
    agent = build_agent(hosted, prices=A_MILLIONTH, **limit)
    ask(agent)
    assert len(hosted.asked) == 2
    done = ask(agent)
    assert [asked.effort for asked in hosted.asked[2:]] == ["low"]
    assert "in this thread: the cheapest rung" in report(done)["reason"]


def test_a_limit_of_money_needs_a_price(hosted: Hosted) -> None:
    with pytest.raises(InputError, match=r"a limit of \$1 cannot be kept: the price of openai:gpt-5-of-nobody"):
        ask(build_agent(hosted, "gpt-5-of-nobody", max_thread_cost=1.0))
    assert hosted.asked == []


@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize("scope", ["run", "thread"])
@pytest.mark.parametrize("limit", [{"tokens": 100}, {"cost": 1e-4}])
def test_the_chat_model_keeps_the_limits_of_a_run_and_a_thread(
    hosted: Hosted, scope: str, limit: dict[str, Any], tools: bool
) -> None:
    """Of a run all since the last human message counts, of a thread the whole conversation."""
    solver = build_solver(client("openai", hosted), prices=A_MILLIONTH)
    named: dict[str, Any] = {f"max_{scope}_{unit}": value for unit, value in limit.items()}
    own = ChatAdaptive(solver=solver, **named)
    chat: Any = own.bind_tools([look_up]) if tools else own
    question = HumanMessage("What is 6 times 7?")
    talk: list[Any] = [question]
    for _ in range(2):
        talk.append(chat.invoke(talk))  # each answer takes some 65 tokens
    with pytest.raises(AdaptiveError, match=f"reached the limit of .* spent in this {scope}"):
        chat.invoke(talk)
    assert len(hosted.asked) == 2
    again = [*talk, question]
    if scope == "run":
        assert chat.invoke(again).text == "It is 42."
    else:
        with pytest.raises(AdaptiveError, match="in this thread"):
            chat.invoke(again)


def test_what_our_tool_spends_counts_for_an_agents_limits(hosted: Hosted) -> None:
    def brain(asked: Asked) -> Spoken:
        if "tools" in asked.body and not any(role == "tool" for role, _ in asked.messages):
            return Spoken(tools=(Tool("think_hard", {"question": "6 times 7?"}),), thought=5)
        return ANSWER

    hosted.brain = brain
    chat = client("openai", hosted)
    ours = AdaptiveThinkingMiddleware(efforts=["low", "high"], prices=A_MILLIONTH, max_cost=6e-5)
    agent = create_agent(chat, [adaptive_tool(chat, prices=A_MILLIONTH)], middleware=[ours])
    done = agent.invoke({"messages": [("user", "What is 6 times 7?")]})
    assert "in this run: the cheapest rung" in report(done)["reason"]
    assert read_spending(done)["run"]["usage"]["cost"] < 1.5e-4  # of the agent's own calls


def test_the_chat_model_keeps_a_limit_of_money(hosted: Hosted) -> None:
    solver = build_solver(client("openai", hosted), check=accepts("none"), prices=A_MILLIONTH)
    for limit in (None, 1e-6):
        hosted.asked.clear()
        message = ChatAdaptive(solver=solver, max_cost=limit).invoke("What is 6 times 7?")
        assert (len(hosted.asked) == 1) == (limit is not None)
        cost = message.response_metadata["adaptive"]["usage"]["cost"]
        assert cost == pytest.approx(sum(map(count_tokens, hosted.asked)) / 1e6)


@pytest.mark.parametrize("scope", ["run", "thread"])
def test_the_tool_keeps_a_limit_of_money(hosted: Hosted, scope: str) -> None:
    """Once nothing is left of the thread's money, the agent is told to go on without the tool."""
    chat, limit = client("openai", hosted), {f"max_{scope}_cost": 1e-6}
    limited: Any = adaptive_tool(chat, check=accepts("none"), prices=A_MILLIONTH, **limit)
    agent: Any = create_agent(ToolCaller(questions=["2+2?"]), [limited], checkpointer=InMemorySaver())
    first, second = (ask(agent)["messages"] for _ in range(2))
    assert first[2].artifact["stopped"].startswith("reached the limit of $")
    assert first[2].artifact["usage"]["cost"] == pytest.approx(count_tokens(hosted.asked[0]) / 1e6)
    assert len(hosted.asked) == (2 if scope == "run" else 1)
    if scope == "thread":
        assert (second[6].status, second[6].artifact) == ("error", None)
        assert second[6].content.endswith("spent in this thread: go on without think_hard.")
