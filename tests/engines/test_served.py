"""A real `vllm serve` of the embedded reasoner: each way to adopt it, the chat engine, and 200 solves at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive._util.files import find_artifact
from adaptive.agents import ChatAdaptive, adaptive_tool, read_spending
from adaptive.chat.registry import open_chat_model
from adaptive.engines.protocol import Generation, TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.profile.untrained import build_untrained_chat_profile
from adaptive.solver.build import build_solver
from adaptive.types.ladder import Ladder, Rung
from adaptive.verify.check_function import Function
from tests.agents.asking import WAYS, agent, ask, last, report
from tests.engines.backends import HF
from tests.support.thinking_hard import ToolCaller

# vLLM and torch warn of their own doings, which no test here is about.
pytestmark = pytest.mark.filterwarnings("default")

SUM = "What is 47 + 38 - 12?"
PROFILE = str(find_artifact("abacus") / "profile")
MANY = 200
ALONE = 12
"""So many of them are solved again, one after the other."""
SAME = 0.9
"""The share of those whose answer is that of the batch: sums of floats in another order turn a near tie."""
ASKED: tuple[dict[str, Any], ...] = (
    {"max_attempts": 3, "samples": 2},
    {"max_attempts": 1},
    {"max_attempts": 2, "samples": 2, "seed": 7},
    {"max_tokens": 120, "samples": 0},
    {"max_tokens": 400, "samples": 0},
    {"budget": 24, "samples": 0},
)
"""What the threads set, in turn."""


@pytest.fixture
def url(vllm_url: str) -> str:
    return vllm_url


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """What is awaited goes over it: LangChain's own is shared, and keeps connections of loops that are over."""
    async with httpx.AsyncClient() as one:
        yield one


@pytest.fixture
def chat(url: str, client: httpx.AsyncClient) -> ChatOpenAI:
    return ChatOpenAI(base_url=url, model=HF, api_key="none", temperature=0, http_async_client=client)


def has(number: str) -> Function:
    """Accepts an answer that has the number: without budget forcing this model often leaves out the box's sign."""
    return Function(lambda question, answer: number in re.findall(r"\d+", answer))


def reasoning(message: AIMessage) -> str:
    return "".join(str(b["reasoning"]) for b in message.content_blocks if b["type"] == "reasoning")


@pytest.mark.parametrize("way", WAYS)
async def test_a_node_of_another_graph(url: str, way: str) -> None:
    graph: Any = StateGraph(MessagesState).add_node("solve", build_solver(url, profile=PROFILE))
    graph = graph.add_edge(START, "solve").add_edge("solve", END).compile()
    asked = {"messages": [("user", SUM)]}
    state = await graph.ainvoke(asked) if way == "ainvoke" else await asyncio.to_thread(graph.invoke, asked)
    message = state["messages"][-1]
    assert "73" in message.text
    assert reasoning(message)
    assert message.usage_metadata["total_tokens"] > message.usage_metadata["output_tokens"] > 0


async def test_a_chat_model(url: str) -> None:
    model = ChatAdaptive(model=url, adaptive_profile=PROFILE, effort="low")
    whole = await asyncio.to_thread(model.invoke, SUM)
    assert "73" in whole.text
    assert whole.response_metadata["adaptive"]["status"] == "answered"
    parts = [part async for part in model.astream(SUM)]
    assert len(parts) > 10
    streamed = sum(parts[1:], parts[0])
    assert isinstance(streamed, AIMessageChunk)
    assert (streamed.text, reasoning(streamed)) == (whole.text, reasoning(whole))
    used = [(m.usage_metadata or {}).get("output_tokens") for m in (streamed, whole)]
    assert used[0] == used[1] > 0


async def test_a_tool_of_an_agent(url: str) -> None:
    tool = adaptive_tool(url, profile=PROFILE)
    done: Any = await create_agent(ToolCaller(questions=[SUM, "Calculate 8 + 8 + 8 - 9 + 3."]), [tool]).ainvoke(
        {"messages": [("user", "What are these?")]}
    )
    told = [m for m in done["messages"] if m.type == "tool"]
    assert [m.artifact["question"] for m in told] == [SUM, "Calculate 8 + 8 + 8 - 9 + 3."]
    assert all(m.artifact["usage"]["total"] > 0 for m in told)
    assert ["73" in told[0].text, "18" in told[1].text] == [True, True]


@pytest.mark.parametrize("way", WAYS)
async def test_an_agents_middleware(chat: ChatOpenAI, way: str) -> None:
    made, asked = agent(chat, tools=(), efforts=["low", "high"], check=has("none")), {"messages": [("user", SUM)]}
    done = await made.ainvoke(asked) if way == "ainvoke" else await asyncio.to_thread(made.invoke, asked)
    assert "73" in last(done).text
    assert (report(done)["effort"], report(done)["attempts"]) == ("low", 2)  # none accepted: the first is kept
    run = read_spending(done)["run"]
    assert (run["steps"], run["escalations"]) == (1, 1)
    assert run["usage"]["thinking"] > 0 < run["usage"]["prompt"]
    assert "thinking" not in run["usage"]["estimated"]


def test_efforts_reach_the_template(chat: ChatOpenAI) -> None:
    """As `reasoning_effort` of the request: this model's template thinks longer for a higher one."""
    thinking = {}
    for effort in ("low", "medium", "high"):
        done = ask(agent(chat, tools=(), efforts=[effort]), question=SUM)
        assert report(done)["effort"] == effort
        thinking[effort] = read_spending(done)["run"]["usage"]["thinking"]
    assert thinking["low"] < thinking["medium"] < thinking["high"]


@pytest.mark.parametrize("spec", [True, False], ids=["spec", "object"])
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_the_chat_engine(
    url: str, chat: ChatOpenAI, client: httpx.AsyncClient, spec: bool, streamed: bool
) -> None:
    given = {"engine": {"base_url": url, "api_key": "none", "http_async_client": client}} if spec else {}
    solver = build_solver(f"openai:{HF}" if spec else chat, check=has("73"), **given)
    asked, events, state = {"messages": [("user", SUM)]}, [], {}
    if streamed:
        async for mode, data in solver.astream(asked, stream_mode=["custom", "values"]):
            events, state = ([*events, data], state) if mode == "custom" else (events, data)
    else:
        state = await solver.ainvoke(asked)
    result, message = state["adaptive_result"], state["messages"][-1]
    assert (result["status"], result["accepted"]) == ("answered", True)
    assert "73" in message.text
    assert "47+38=" in reasoning(message)
    assert result["usage"]["thinking"] > 0 < result["usage"]["prompt"]
    assert result["usage"]["estimated"] == []


async def test_starvation_is_seen_and_mended(chat: ChatOpenAI) -> None:
    rungs = Ladder((Rung("low", 8, answer_room=4), Rung("high", 24, answer_room=8)))
    small = replace(build_untrained_chat_profile(open_chat_model(chat)), ladder=rungs, own_ladder=None)
    solver = build_solver(chat, profile=small, check=has("73"))
    mended = (await solver.ainvoke({"messages": [("user", SUM)]}))["adaptive_result"]
    first = mended["attempts"][0]
    assert [s["cap"] for s in first["starved"]] == [12]
    assert first["cap"] > 12
    assert (mended["status"], mended["accepted"]) == ("answered", True)
    asked = {"messages": [("user", SUM)], "adaptive_options": {"effort": "high", "max_tokens": 50}}
    held = (await solver.ainvoke(asked))["adaptive_result"]
    assert (held["status"], held["answer"], len(held["attempts"])) == ("starved", None, 1)
    assert "with a cap of" in held["attempts"][0]["advice"]


def test_a_second_event_loop(url: str) -> None:
    """As in a script that calls `asyncio.run` twice: the connection that was kept belongs to the first."""
    client = httpx.AsyncClient()
    solver = build_solver(ChatOpenAI(base_url=url, model=HF, api_key="none", http_async_client=client))

    async def solve(then: Callable[[], Awaitable[None]] | None = None) -> str:
        state = await solver.ainvoke({"messages": [("user", SUM)], "adaptive_options": {"effort": "low"}})
        if then is not None:
            await then()
        return str(state["adaptive_result"]["status"])

    assert (asyncio.run(solve()), asyncio.run(solve(client.aclose))) == ("answered", "answered")


class Watched:
    """An engine that remembers the sessions it was called with and not told to release."""

    def __init__(self, engine: TokenEngine) -> None:
        self._engine, self.held, self.seen = engine, set[str](), set[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def generate(self, ids: Sequence[int], *, session: str, **more: Any) -> Generation:
        self.held.add(session)
        self.seen.add(session)
        return await self._engine.generate(ids, session=session, **more)

    async def generate_steered(self, ids: Sequence[int], *, session: str, **more: Any) -> Generation:
        self.held.add(session)
        self.seen.add(session)
        steering: Any = self._engine
        return await steering.generate_steered(ids, session=session, **more)

    async def release(self, session: str) -> None:
        self.held.discard(session)
        await self._engine.release(session)


def within(result: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a solve kept its own limits."""
    attempts = result["attempts"]
    before = sum(a["usage"]["total"] for a in attempts[:-1])
    votes = sum(a["arm"] == "vote" for a in attempts)  # they count as one attempt
    return (
        len(attempts) - votes + min(votes, 1) <= asked.get("max_attempts", len(attempts))
        and votes <= asked.get("samples", votes)
        and (len(attempts) == 1 or before < asked.get("max_tokens", before + 1))
        and all(sum(r["tokens"] for r in a["rounds"]) <= asked.get("budget", 1024) for a in attempts)
    )


async def test_many_solves_in_one_loop_keep_apart(url: str) -> None:
    lines = (find_artifact("abacus") / "questions" / "fresh.jsonl").read_text().splitlines()
    questions = [json.loads(line)["question"] for line in lines[:MANY]]
    engine = Watched(open_engine(url))
    # Rejects a third of them, whatever the answer, so that these go on to their limits.
    check = Function(lambda question, answer: len(question) % 3 > 0)
    solver: Any = build_solver(engine, check=check, checkpointer=InMemorySaver())

    async def solve(number: int, run: str) -> dict[str, Any]:
        asked = {"messages": [("user", questions[number])], "adaptive_options": ASKED[number % len(ASKED)]}
        config = {"configurable": {"thread_id": f"{run}-{number}"}}
        return (await solver.ainvoke(asked, config))["adaptive_result"]

    results = await asyncio.gather(*(solve(n, "together") for n in range(MANY)))
    for number, result in enumerate(results):
        asked = ASKED[number % len(ASKED)]
        state = solver.get_state({"configurable": {"thread_id": f"together-{number}"}})
        assert result["question"] == questions[number] == state.values["adaptive_question"]
        assert state.values["adaptive_result"] == result
        assert (state.values["adaptive_asked"], state.next) == (asked, ())
        assert [m.type for m in state.values["messages"]] == ["human", "ai"]
        assert within(result, asked), (asked, result)
    assert any(len(result["attempts"]) > 1 for result in results)
    assert len({r["stopped"] for r in results if r["stopped"].startswith("reached the limit of")}) > 2
    assert len(engine.seen) >= MANY
    assert not engine.held
    places = range(0, MANY, MANY // ALONE)
    alone = [await solve(n, "alone") for n in places]
    same = [one["answer"] == results[n]["answer"] for n, one in zip(places, alone, strict=True)]
    assert sum(same) >= SAME * len(same)
    await engine.close()
