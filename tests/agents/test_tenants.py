"""Limits of tenants: over all runs and threads, side by side, and after a restart."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from adaptive.agents import AdaptiveThinkingMiddleware, ChatAdaptive, TenantLimits, adaptive_tool
from adaptive.agents.step.tenant_limits import Account
from adaptive.errors import InputError, LimitReached
from adaptive.prices import Price, Prices
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from adaptive.types.usage import Usage
from tests.agents.asking import accepts, look_up
from tests.hosted.brains import always, in_order
from tests.hosted.clients import client
from tests.hosted.script import Asked, Fault, Spoken, Tool, said
from tests.hosted.server import Hosted

ROOT = Path(__file__).parents[2]
ANSWER = Spoken("It is 42.", thought=60)
A_MILLIONTH = Prices({"openai:gpt-5": Price(1, 1, 1)})
"""A token costs a millionth of a dollar, whatever it is."""


@pytest.fixture
def hosted() -> Iterator[Hosted]:
    with Hosted(always(ANSWER)) as server:
        yield server


def build_agent(hosted: Hosted, store: Any, limits: TenantLimits, **more: Any) -> Any:
    """An agent whose answers are all rejected; two efforts are tried."""
    settings = {"efforts": ["low", "high"], "check": accepts("none"), "prices": A_MILLIONTH, **more}
    ours = AdaptiveThinkingMiddleware(tenants=limits, **settings)
    return create_agent(client("openai", hosted), [look_up], middleware=[ours], store=store)


def question(tenant: str) -> dict[str, Any]:
    return {"messages": [("user", f"{tenant}: what is 6 times 7?")]}


def ask(agent: Any, tenant: str = "alice") -> dict[str, Any]:
    done: dict[str, Any] = agent.invoke(question(tenant), context={"tenant": tenant})
    return done


def count_tokens(hosted: Hosted, tenant: str) -> int:
    """What the server counted for the questions of a tenant."""
    return sum(a.prompt + said(a, ANSWER).completion for a in hosted.asked if a.question.startswith(tenant))


def read(limits: TenantLimits, store: Any, tenant: str = "alice") -> Usage:
    return Account(limits, store, tenant).read()


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize("limit", [{"max_tokens": 500}, {"max_cost": 5e-4}])
def test_two_tenants_at_once_are_charged_what_each_spent_and_stopped_on_their_own(
    hosted: Hosted, limit: dict[str, Any], awaited: bool
) -> None:
    store, limits = InMemoryStore(), TenantLimits(**limit)
    agent = build_agent(hosted, store, limits)

    async def ask_at_once() -> None:
        runs = [(name, agent.ainvoke(question(name), context={"tenant": name})) for name in ("alice", "bob") * 4]
        await asyncio.gather(*(run for _, run in runs))

    if awaited:
        asyncio.run(ask_at_once())
    else:
        threads = [threading.Thread(target=ask, args=(agent, name)) for name in ("alice", "bob") * 4]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for tenant in ("alice", "bob"):
        spent = read(limits, store, tenant)
        assert spent.total == count_tokens(hosted, tenant) > 500
        assert spent.cost == pytest.approx(spent.total / 1e6)
    calls = len(hosted.asked)
    with pytest.raises(LimitReached, match=r"tenant 'bob': reached the limit of .* in this tenant: raise its"):
        ask(agent, "bob")
    assert len(hosted.asked) == calls
    ask(agent, "carol")
    assert len(hosted.asked) == calls + 2


def test_a_limit_that_is_reached_within_a_step_asks_nothing_again(hosted: Hosted) -> None:
    agent = build_agent(hosted, InMemoryStore(), TenantLimits(max_tokens=50))
    ask(agent)
    assert len(hosted.asked) == 1


def test_what_a_failed_step_spent_is_charged(hosted: Hosted) -> None:
    hosted.brain = in_order(Spoken("42", thought=10**9), Fault("error"))
    store, limits = InMemoryStore(), TenantLimits(max_tokens=10**6)
    ask(build_agent(hosted, store, limits, check=None))  # starves, is asked again, and that fails
    assert read(limits, store).total > 10_000


class BrokenCheckError(Exception):
    """Not one that a step catches before its end."""


def test_it_is_charged_though_its_verdict_fails(hosted: Hosted) -> None:
    class Broken:
        async def verify(self, *_: Any) -> Any:
            raise BrokenCheckError

    store, limits = InMemoryStore(), TenantLimits(max_tokens=10**6)
    agent = build_agent(hosted, store, limits, check=Broken())
    with pytest.raises(BrokenCheckError):
        ask(agent)
    with pytest.raises(BrokenCheckError):
        asyncio.run(agent.ainvoke(question("alice"), context={"tenant": "alice"}))
    assert read(limits, store).total == count_tokens(hosted, "alice") > 0


def test_it_goes_on_counting_after_a_restart(hosted: Hosted, tmp_path: Path) -> None:
    """Three processes one after the other, with a file of SQLite; the last one is this."""
    file, limits = tmp_path / "store.db", TenantLimits(max_tokens=200)
    for _ in range(2):
        asked = {"file": str(file), "url": hosted.url, "key": hosted.key, "tenants": ["alice", "alice@x.com"]}
        command = [sys.executable, "-m", "tests.agents.tenant_process", json.dumps(asked)]
        subprocess.run(command, check=True, cwd=ROOT)
    with SqliteStore.from_conn_string(str(file)) as store:
        agent = build_agent(hosted, store, limits)
        for tenant in ("alice:", "alice@"):
            name = tenant.rstrip(":").replace("@", "@x.com")
            assert read(limits, store, name).total == count_tokens(hosted, tenant) > 130
        ask(agent)
        with pytest.raises(LimitReached):
            ask(agent)


async def test_a_store_that_is_awaited(hosted: Hosted, tmp_path: Path) -> None:
    limits = TenantLimits(max_tokens=100)
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "store.db")) as store:
        await store.setup()
        agent = build_agent(hosted, store, limits)
        await agent.ainvoke(question("alice"), context={"tenant": "alice"})
        with pytest.raises(LimitReached):
            await agent.ainvoke(question("alice"), context={"tenant": "alice"})
        spent = await Account(limits, store, "alice").aread()
    assert spent.total == count_tokens(hosted, "alice") > 100


@dataclass
class Context:
    """A context of a user's own."""

    customer: str
    plan: str = "free"


def test_the_key_may_be_an_attribute_of_another_name(hosted: Hosted) -> None:
    store, limits = InMemoryStore(), TenantLimits(key="customer", max_tokens=1)
    agent = build_agent(hosted, store, limits)
    agent.invoke(question("alice"), context=Context("alice"))
    with pytest.raises(LimitReached):
        agent.invoke(question("alice"), context=Context("alice"))
    agent.invoke(question("bob"), context=Context("bob"))


def build_graph(model: ChatAdaptive, store: Any) -> Any:
    """A graph with a chat model in its node."""

    def chat(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [model.invoke(state["messages"])]}

    async def achat(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    from langchain_core.runnables import RunnableLambda

    graph: Any = StateGraph(MessagesState, context_schema=dict)  # type: ignore[type-var]
    return graph.add_node("chat", RunnableLambda(chat, achat)).add_edge(START, "chat").compile(store=store)


@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize("awaited", [True, False])
def test_the_chat_model_in_a_graph(hosted: Hosted, tools: bool, awaited: bool) -> None:
    store, limits = InMemoryStore(), TenantLimits(max_cost=1e-4)
    solver = build_solver(client("openai", hosted), prices=A_MILLIONTH)
    own = ChatAdaptive(solver=solver, tenants=limits)
    graph = build_graph(own.bind_tools([look_up]) if tools else own, store)  # type: ignore[arg-type]

    def run(tenant: str) -> Any:
        given, context = question(tenant), {"tenant": tenant}
        if awaited:
            return asyncio.run(graph.ainvoke(given, context=context))
        return graph.invoke(given, context=context)

    for tenant in ("alice", "alice", "bob"):
        assert isinstance(run(tenant)["messages"][-1], AIMessage)
    assert read(limits, store).total == count_tokens(hosted, "alice")
    with pytest.raises(LimitReached, match="tenant 'alice': reached the limit of"):
        run("alice")
    run("bob")


def test_what_is_left_to_a_tenant_loosens_no_limit_of_the_solver(hosted: Hosted) -> None:
    store, limits = InMemoryStore(), TenantLimits(max_tokens=10_000)
    options = Options(max_tokens=60)  # the first of several calls reaches it
    solver = build_solver(client("openai", hosted), check=accepts("none"), options=options)
    build_graph(ChatAdaptive(solver=solver, tenants=limits), store).invoke(
        question("alice"), context={"tenant": "alice"}
    )
    assert len(hosted.asked) == 1


def test_the_tool_and_its_agent_share_an_account(hosted: Hosted) -> None:
    def brain(asked: Asked) -> Spoken:
        if "tools" in asked.body and not any(role == "tool" for role, _ in asked.messages):
            return Spoken(tools=(Tool("think_hard", {"question": "6 times 7?"}),), thought=5)
        return ANSWER

    hosted.brain = brain
    store, limits, chat = InMemoryStore(), TenantLimits(max_tokens=10_000), client("openai", hosted)
    ours = AdaptiveThinkingMiddleware(tenants=limits)
    agent = create_agent(chat, [adaptive_tool(chat, tenants=limits)], middleware=[ours], store=store)
    for awaited in (True, False):
        hosted.asked.clear()
        before = read(limits, store).total
        if awaited:
            asyncio.run(agent.ainvoke(question("alice"), context={"tenant": "alice"}))  # type: ignore[call-overload]
        else:
            ask(agent)
        spent = sum(a.prompt + said(a, brain(a)).completion for a in hosted.asked)
        assert len(hosted.asked) == 3
        assert read(limits, store).total - before == spent


@pytest.mark.parametrize("by_tool", [True, False])
async def test_a_call_that_is_cancelled_is_charged_for_what_it_had_spent(hosted: Hosted, by_tool: bool) -> None:
    """The first answer is rejected, and the next call hangs until its caller leaves."""
    call = Spoken(tools=(Tool("think_hard", {"question": "6 times 7?"}),), thought=5)
    replies = [call] * by_tool + [ANSWER, Fault("hang")]
    hosted.brain = in_order(*replies)
    store, limits = InMemoryStore(), TenantLimits(max_tokens=10_000)
    solver: dict[str, Any] = {"check": accepts("none"), "options": Options(effort="low", waits=1)}
    chat = client("openai", hosted)
    graph: Any = build_graph(ChatAdaptive(solver=build_solver(chat, **solver), tenants=limits), store)
    if by_tool:
        graph = create_agent(chat, [adaptive_tool(chat, tenants=limits, **solver)], store=store)
    task = asyncio.create_task(graph.ainvoke(question("alice"), context={"tenant": "alice"}))
    assert await asyncio.to_thread(hosted.hanging.acquire, timeout=60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hosted.release()
    spent = (await Account(limits, store, "alice").aread()).total
    first = hosted.asked[int(by_tool)]
    assert spent >= first.prompt + said(first, ANSWER).completion


def test_a_refusal_is_not_tried_again(hosted: Hosted) -> None:
    """LangGraph's policy retries no `RuntimeError`, and its server shows its sentence."""
    assert issubclass(LimitReached, RuntimeError)
    ours = AdaptiveThinkingMiddleware(tenants=TenantLimits(max_tokens=1))
    chain = [ModelRetryMiddleware(max_retries=0, on_failure="error"), ours]
    agent: Any = create_agent(client("openai", hosted), [], middleware=chain, store=InMemoryStore())
    ask(agent)
    with pytest.raises(LimitReached):
        ask(agent)
    assert len(hosted.asked) == 1


@pytest.mark.parametrize(
    ("store", "context", "said"),
    [
        (None, {"tenant": "alice"}, "kept in LangGraph's store, and this run has none: build the graph with one"),
        (True, {}, r"'tenant' in the context must name the tenant, got None: give it, as in invoke"),
        (True, None, "'tenant' in the context must name the tenant, got None"),
        (True, {"tenant": " "}, "must name the tenant, got ' '"),
        (True, {"tenant": 7}, "must name the tenant, got 7"),
    ],
)
def test_a_run_without_store_or_tenant_is_refused(hosted: Hosted, store: Any, context: Any, said: str) -> None:
    agent = build_agent(hosted, store and InMemoryStore(), TenantLimits(max_tokens=1))
    with pytest.raises(InputError, match=said):
        agent.invoke(question("alice"), context=context)
    assert hosted.asked == []


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, "the limits of tenants have neither max_tokens nor max_cost: set one of them"),
        ({"max_tokens": 0}, "'max_tokens' in the limits of tenants must be 1 or more, got 0"),
        ({"max_cost": -1.0}, "'max_cost' in the limits of tenants must be more than 0, got -1.0"),
        ({"max_tokens": "9"}, "'max_tokens' in the limits of tenants must be a whole number"),
    ],
)
def test_wrong_limits_are_one_sentence(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TenantLimits(**limits)


def test_no_charge_is_lost_between_threads_and_tasks() -> None:
    store, limits, one = InMemoryStore(), TenantLimits(max_tokens=1), Usage(answer=1, cost=0.0)
    account = Account(limits, store, "alice")

    async def charge() -> None:
        await asyncio.gather(*(account.acharge(one) for _ in range(100)))

    threads = [threading.Thread(target=account.charge, args=(one,)) for _ in range(100)]
    threads += [threading.Thread(target=lambda: asyncio.run(charge())) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert account.read().total == 300
