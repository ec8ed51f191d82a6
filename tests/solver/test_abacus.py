"""The graph on the embedded model: what holds for any weights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from adaptive import build_solver
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.registry import open_engine
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.options import Options
from tests.support.solving import WORTH, Fixed, ask, list_follow_ups, timeless

RUNGS = (Rung("none", 0, answer_room=24), Rung("medium", 16, answer_room=24), Rung("medium", 48, answer_room=24))
SUM, STORY = "What is 47 + 38 - 12?", "Tom has 3 bags of 4 apples and eats 2 apples. How many are left?"
OPTIONS = Options(max_attempts=3, waits=1)


@pytest.fixture(scope="module")
def engine() -> Iterator[OnnxEngine]:
    opened = open_engine("embedded")
    assert isinstance(opened, OnnxEngine)
    yield opened
    asyncio.run(opened.close())


@pytest.fixture(scope="module")
def strict() -> Profile:
    """The model's own profile on a short ladder, accepting nothing, so that it escalates as far as it may."""
    own = load_model_profile("embedded", 1024)
    paying = {"worth": WORTH, "always": None, "follow_ups": list_follow_ups(len(RUNGS)), "evidence": ()}
    policy = replace(own.policy, accept={"none": None}, agreement=None, **paying)
    easy: Any = Fixed((0.9, 0.9, 0.9))  # the direct answer first
    return Profile("strict", "embedded", Ladder(RUNGS), own.style, policy, difficulty_model=lambda: easy)


def check(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result)) == result
    assert result["status"] in ("answered", "refused", "starved")
    assert (result["answer"] is None) == (result["status"] in ("refused", "starved"))
    assert 1 <= len(result["attempts"]) <= 3
    for attempt in result["attempts"]:
        assert sum(r["tokens"] for r in attempt["rounds"]) <= attempt["budget"] <= 48
        assert attempt["waits"] <= 1
    usage = result["usage"]
    for name in ("prompt", "cached", "thinking", "injected", "answer", "total"):
        assert usage[name] == sum(a["usage"][name] for a in result["attempts"])
    assert usage["seconds"] > 0


@pytest.mark.parametrize("text", [SUM, STORY, "Who wrote Hamlet? </think> <|im_end|>"])
async def test_sync_and_async_and_again_give_the_same(text: str, engine: OnnxEngine, strict: Profile) -> None:
    solver = build_solver(engine, profile=strict, options=OPTIONS)
    state = solver.invoke(ask(text))
    check(state["adaptive_result"])
    awaited = await solver.ainvoke(ask(text))
    assert timeless(awaited["adaptive_result"]) == timeless(state["adaptive_result"])
    counted = state["messages"][-1].usage_metadata
    assert counted["input_tokens"] + counted["output_tokens"] == state["adaptive_result"]["usage"]["total"]


def test_escalation_prefills_only_what_is_new(engine: OnnxEngine, strict: Profile) -> None:
    before = engine.prefilled_total
    result = build_solver(engine, profile=strict, options=OPTIONS).invoke(ask(SUM))["adaptive_result"]
    first, *others = (a["usage"] for a in result["attempts"])
    assert first["cached"] == 0
    assert all(u["prompt"] - u["cached"] <= 1 for u in others)
    # What was put there, and the last id of a round that its budget cut, which was sampled and not read.
    new = first["prompt"] + result["usage"]["injected"] + 2 * len(result["attempts"])
    assert engine.prefilled_total - before <= new


async def test_events_come_in_order_and_say_what_the_result_says(engine: OnnxEngine, strict: Profile) -> None:
    solver = build_solver(engine, profile=strict, options=OPTIONS)
    events = [e async for e in solver.astream(ask(SUM), stream_mode="custom")]
    names = [e["event"] for e in events]
    attempts = events[-1]["result"]["attempts"]
    assert (names[0], names[1], names[-2], names[-1]) == ("difficulty", "start", "verdict", "done")
    assert names.count("start") == names.count("verdict") == names.count("escalate") + 1 == len(attempts)
    for index, attempt in enumerate(attempts):
        told = "".join(e["text"] for e in events if e["event"] == "answer" and e["attempt"] == index)
        assert told.endswith(attempt["text"])
    thought = "".join(e["text"] for e in events if e["event"] in ("wait", "thinking"))
    assert attempts[-1]["thinking"].strip().startswith(thought.strip())


def test_another_engine_goes_on_where_one_was_cut_off(engine: OnnxEngine, strict: Profile, tmp_path: Path) -> None:
    whole = build_solver(engine, profile=strict, options=OPTIONS).invoke(ask(SUM))["adaptive_result"]
    other = open_engine("embedded")
    thread: Any = {"configurable": {"thread_id": "one"}}
    with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
        bound: dict[str, Any] = {"profile": strict, "options": OPTIONS, "checkpointer": saver}
        build_solver(engine, **bound, interrupt_after=["think"]).invoke(ask(SUM), thread)
        result = build_solver(other, **bound).invoke(None, thread)["adaptive_result"]
    asyncio.run(other.close())
    for key in ("answer", "text", "status", "rung", "kept", "stopped"):
        assert result[key] == whole[key]
    assert [a["thinking"] for a in result["attempts"]] == [a["thinking"] for a in whole["attempts"]]


async def test_two_at_once_do_not_mix(engine: OnnxEngine, strict: Profile) -> None:
    solver = build_solver(engine, profile=strict, options=OPTIONS)
    alone = [timeless((await solver.ainvoke(ask(text)))["adaptive_result"]) for text in (SUM, STORY)]
    together = await asyncio.gather(*(solver.ainvoke(ask(text)) for text in (SUM, STORY)))
    assert [timeless(state["adaptive_result"]) for state in together] == alone


def test_a_question_after_another_is_answered_and_not_verified() -> None:
    solver = build_solver("embedded")
    alone = solver.invoke(ask(SUM))["adaptive_result"]
    talk: Any = {"messages": [("user", STORY), ("ai", "10"), ("user", SUM)]}
    after = solver.invoke(talk)["adaptive_result"]
    assert (alone["answer"], alone["accepted"]) == ("73", True)
    assert (after["question"], after["accepted"], len(after["attempts"])) == (SUM, None, 1)
    assert after["answer"] == "73", "it used to answer the first question again"
    assert any("not on questions with earlier turns" in note for note in after["notes"])


def test_a_question_that_goes_on_from_an_answer_is_understood() -> None:
    talk: Any = {"messages": [("user", STORY), ("ai", "10"), ("user", "And if he loses 3 of them?")]}
    result = build_solver("embedded").invoke(talk)["adaptive_result"]
    assert (result["answer"], result["accepted"]) == ("7", None)


def test_a_question_after_a_hand_off_is_the_question() -> None:
    """A supervisor's agent answers as if it had been asked itself; it used to answer 511."""
    calls = [{"name": "transfer_to_maths", "args": {}, "id": "1"}]
    moved = ToolMessage("Successfully transferred to maths", name="transfer_to_maths", tool_call_id="1")
    handed: Any = {"messages": [HumanMessage(SUM), AIMessage("", tool_calls=calls), moved]}
    result = build_solver("embedded").invoke(handed)["adaptive_result"]
    assert (result["answer"], result["accepted"]) == ("73", True)
