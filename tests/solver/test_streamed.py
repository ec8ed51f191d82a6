"""What a caller sees while it thinks: events that name their attempt, and attempts as LangChain messages."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.stream.transformers import CustomTransformer

from adaptive import build_solver
from adaptive.engines.protocol import Generation
from adaptive.types.ladder import Rung
from adaptive.verify.judge import Judge
from tests.support.judging import ScriptedJudge, opinion
from tests.support.solving import SURE, THREAD, UNSURE, BrokenEngine, PureEngine, ask, profile
from tests.support.voting import SeededEngine, same, voter

BOXED = [rf"\boxed{{{UNSURE}2}}"] * 3 + [rf"\boxed{{{SURE}2}}"]
ARMS = ["first", "budget", "budget", "wait"]
ADDED = ["", "1" * 16, "1" * 8, "Wait" + "1" * 12]
"""What each attempt adds to the thinking."""


@pytest.fixture(autouse=True)
def v3_is_experimental() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The v3 streaming protocol on Pregel is experimental")
        yield


def solver(engine: Any = None, known: Any = None, **more: Any) -> Any:
    return build_solver(engine or PureEngine(), profile=known or profile(), **more)


def parent(inner: Any) -> Any:
    return StateGraph(MessagesState).add_node("solve", inner).add_edge(START, "solve").compile()


def summed(parts: Iterable[Any]) -> list[Any]:
    """Messages by their id, chunks added up, in the order of their first."""
    messages: dict[Any, BaseMessage] = {}
    for part, _ in parts:
        known = messages.get(part.id)
        messages[part.id] = part if known is None else known + part  # type: ignore[operator]
    return list(messages.values())


def blocks(message: BaseMessage) -> tuple[str, str]:
    """The thinking and the answer."""
    kinds = {b["type"]: b for b in message.content_blocks}
    assert set(kinds) <= {"reasoning", "text"}
    assert len(kinds) == len(message.content_blocks)
    return kinds.get("reasoning", {}).get("reasoning", ""), message.text  # type: ignore[return-value]


def check(messages: list[Any], final: BaseMessage) -> None:
    assert [blocks(m) for m in messages] == list(zip(ADDED, BOXED, strict=True))
    assert [m.response_metadata["adaptive_attempt"] for m in messages] == [0, 1, 2, 3]
    assert [m.response_metadata["adaptive_arm"] for m in messages] == ARMS
    assert {m.response_metadata["finish_reason"] for m in messages} == {"stop"}
    assert [m.id for m in messages] == [f"{messages[0].id[:-2]}-{n}" for n in range(4)]
    assert (final.id, final.text) == (messages[-1].id, messages[-1].text)


def test_every_event_names_its_attempt() -> None:
    events = list(solver().stream(ask("2+2?"), stream_mode="custom"))
    assert [e["attempt"] for e in events if e["event"] == "start"] == [0, 1, 2, 3]
    assert [e["attempt"] for e in events if e["event"] == "escalate"] == [1, 2, 3]
    numbers = [e["attempt"] for e in events]
    assert numbers == sorted(numbers), "and comes in its place"
    for number, added in enumerate(ADDED):
        said = (e["text"] for e in events if e["attempt"] == number and e["event"] in ("thinking", "wait"))
        assert "".join(said) == added
    assert (events[-1]["event"], events[-1]["attempt"]) == ("done", 3)


def test_every_event_of_a_sample_names_it() -> None:
    events = list(solver(SeededEngine(says=same), voter()).stream(ask("2+2?"), stream_mode="custom"))
    samples = {e["attempt"] for e in events if e.get("sample") is not None}
    assert samples == {1, 2}
    for event in events:
        if event["event"] in ("start", "thinking", "answer", "end", "verdict"):
            assert event.get("sample") == (event["attempt"] or None)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_attempts_come_as_messages(version: Any) -> None:
    graph = solver()
    modes: Any = {"stream_mode": ["messages", "values"], "version": version}
    awaited = [part async for part in graph.astream(ask("2+2?"), **modes)]
    for parts in (list(graph.stream(ask("2+2?"), **modes)), awaited):
        pairs = [(p["type"], p["data"]) if version == "v2" else p for p in parts]
        told = [data for mode, data in pairs if mode == "messages"]
        final = next(data for mode, data in reversed(pairs) if mode == "values")["messages"][-1]
        check(summed(told), final)
        assert all(isinstance(m, AIMessageChunk) for m, _ in told), "and the last message is not told again"
        assert [(meta["adaptive_attempt"], meta["adaptive_arm"]) for _, meta in told] == [
            (int(m.id[-1]), ARMS[int(m.id[-1])]) for m, _ in told
        ]
        assert {meta["langgraph_node"] for _, meta in told} == {"think"}


async def test_attempts_come_as_messages_in_v3() -> None:
    """Trap: in v3 chunks are dropped, only protocol events count."""
    run = await solver().astream_events(ask("2+2?"), version="v3")
    streamed = []
    async for one in run.messages:
        said = "".join([t async for t in one.reasoning]), "".join([t async for t in one.text])
        streamed.append((one.node, one.message_id, said, await one.output))
    check([message for *_, message in streamed], (await run.output())["messages"][-1])
    assert [said for _, _, said, _ in streamed] == list(zip(ADDED, BOXED, strict=True))
    assert [(node, id) for node, id, *_ in streamed] == [("think", m.id) for *_, m in streamed]
    run = solver().stream_events(ask("2+2?"), version="v3")
    check([one.output for one in run.messages], run.output["messages"][-1])


async def test_from_inside_a_parent() -> None:
    graph = parent(solver())
    (told,) = graph.stream(ask("2+2?"), stream_mode="messages")
    assert isinstance(told[0], AIMessage)
    assert told[0].text == BOXED[-1], "without subgraphs=True only what the node gives back"
    parts = [part async for _, part in graph.astream(ask("2+2?"), stream_mode="messages", subgraphs=True)]
    messages = summed(parts)
    check(messages, messages[-1])
    for run in (graph.stream_events(ask("2+2?"), version="v3"),):
        (inner,) = [[one.output for one in sub.messages] for sub in run.subgraphs]
        check(inner, run.output["messages"][-1])


async def test_events_come_in_v3() -> None:
    """Trap: `custom` is no projection of v3 until its transformer is asked for."""
    expected = [e["event"] for e in solver().stream(ask("2+2?"), stream_mode="custom")]
    run = solver().stream_events(ask("2+2?"), version="v3", transformers=[CustomTransformer])
    assert [e["event"] for e in run.custom] == expected
    awaited = await solver().astream_events(ask("2+2?"), version="v3", transformers=[CustomTransformer])
    assert [e["event"] async for e in awaited.custom] == expected
    outer = parent(solver()).stream_events(ask("2+2?"), version="v3", transformers=[CustomTransformer])
    assert [[e["event"] for e in sub.custom] for sub in outer.subgraphs] == [expected]


def test_samples_come_as_messages_of_their_own() -> None:
    told = list(solver(SeededEngine(says=same), voter()).stream(ask("2+2?"), stream_mode="messages"))
    messages = summed(told)
    assert [m.response_metadata["adaptive_attempt"] for m in messages] == [0, 1, 2]
    assert {meta["adaptive_sample"] for m, meta in told if m.id[-1] != "0"} == {1, 2}
    assert all(blocks(m)[1] == r"\boxed{0}" for m in messages)


def test_tokens_of_a_judge_stay_out() -> None:
    """Trap: a verifier's model streams into the caller's messages."""
    judge = Judge(ScriptedJudge(reply=opinion(0.1)))
    told = list(solver(judge=judge, known=profile(max_attempts=1)).stream(ask("2+2?"), stream_mode="messages"))
    assert {m.id[-2:] for m, _ in told} == {"-0"}


async def test_tokens_come_while_it_thinks() -> None:
    seen = asyncio.Event()

    class Waiting(PureEngine):
        """Writes no second token before the first was seen."""

        async def generate(self, ids: Any, *, on_token: Any = None, **asked: Any) -> Generation:
            if not seen.is_set():
                on_token(ord("1"))
                await seen.wait()
            return await super().generate(ids, on_token=on_token, **asked)

    async with asyncio.timeout(60):
        async for _ in solver(Waiting()).astream(ask("2+2?"), stream_mode="messages"):
            seen.set()


class Listening(BaseCallbackHandler):
    """Counts runs of models."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.told.append("start")

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.told.append("end")

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.told.append(str(error) or type(error).__name__)


class Queueing(AsyncCallbackHandler):
    """Puts tokens into a queue of the caller's loop, as `AsyncIteratorCallbackHandler` of LangChain does."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.tokens: list[str] = []

    async def on_llm_new_token(self, token: str, **_: Any) -> None:
        assert asyncio.get_running_loop() is self.loop
        self.tokens.append(token)


async def test_async_handlers_are_awaited_on_the_callers_loop() -> None:
    handler = Queueing()
    await solver().ainvoke(ask("2+2?"), {"callbacks": [handler]})
    assert "".join(handler.tokens) == "".join(BOXED)


async def test_usage_is_counted_once() -> None:
    with get_usage_metadata_callback() as counted:
        result = (await solver().ainvoke(ask("2+2?")))["adaptive_result"]
    usage = counted.usage_metadata["scripted"]
    assert usage["total_tokens"] == result["usage"]["total"]
    assert usage["output_token_details"]["reasoning"] == result["usage"]["thinking"]


def test_a_run_that_fails_is_told_as_failed() -> None:
    """Trap: a stream that is cut has no usage: it must not look like a message that ended."""
    handler = Listening()
    with pytest.raises(RuntimeError, match="out of memory"):
        solver(BrokenEngine(fails_at=1)).invoke(ask("2+2?"), {"callbacks": [handler]})
    assert handler.told == ["start", "end", "start", "out of memory"]


async def test_a_run_that_is_cancelled_is_told_as_failed() -> None:
    engine, handler = PureEngine(ends=(), yields=True), Listening()
    graph = solver(engine, profile(p_solved=(), rungs=(Rung("low", 50_000),)))
    solving = asyncio.ensure_future(graph.ainvoke(ask("2+2?"), {"callbacks": [handler]}))
    while not engine._sessions:
        await asyncio.sleep(0)
    solving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await solving
    assert handler.told == ["start", "CancelledError"]


def test_gone_on_with_elsewhere_the_message_has_the_same_id() -> None:
    saver = InMemorySaver()
    first = solver(checkpointer=saver, interrupt_after=["escalate"])
    begun = summed(first.stream(ask("2+2?"), THREAD, stream_mode="messages"))
    told = summed(solver(checkpointer=saver).stream(None, THREAD, stream_mode="messages"))
    assert [m.id[-1] for m in (*begun, *told)] == ["0", "1", "2", "3"]
    assert len({m.id[:-2] for m in (*begun, *told)}) == 1


@pytest.mark.parametrize("yields", [True, False])
def test_an_engine_that_tells_after_the_fact_tells_all(yields: bool) -> None:
    class Late(PureEngine):
        async def generate(self, ids: Any, *, on_token: Any = None, **asked: Any) -> Generation:
            made = await super().generate(ids, **asked)
            for token in made.ids:
                on_token(token)
            return made

    messages = summed(solver(Late(yields=yields)).stream(ask("2+2?"), stream_mode="messages"))
    check(messages, messages[-1])
