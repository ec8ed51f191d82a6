"""`approve_above`: nothing dearer is bought before somebody said so, and nothing is run twice for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from adaptive import build_solver
from adaptive.errors import InputError
from adaptive.policy.arms import Plan
from adaptive.solver.approval import Approval, count_max_thinking_tokens, parse_approval
from adaptive.types.ladder import Rung
from adaptive.types.options import Options
from tests.support.cases import WHOLE_SOLVES
from tests.support.solving import HARD, SURE, THREAD, UNSURE, PureEngine, ask, profile, uncached
from tests.support.voting import SeededEngine, voter

PLAN = Plan(1, Rung("low", 80), "vote", "", samples=3)


def solver(limit: int, engine: Any = None, known: Any = None, **options: Any) -> Any:
    asked, saver = Options(approve_above=limit, **options), InMemorySaver()
    return build_solver(engine or PureEngine(), profile=known or profile(), options=asked, checkpointer=saver)


def request(state: dict[str, Any]) -> dict[str, Any]:
    """What is asked; it must be the only thing, and plain JSON."""
    (asked,) = state["__interrupt__"]
    assert json.loads(json.dumps(asked.value)) == asked.value
    value: dict[str, Any] = asked.value
    return value


def bought(state: dict[str, Any]) -> list[tuple[str, int]]:
    assert "__interrupt__" not in state
    return [(a["arm"], a["budget"]) for a in state["adaptive_result"]["attempts"]]


def test_it_asks_before_what_is_dearer_and_says_what_it_is() -> None:
    engine = PureEngine()
    asked = request(solver(20, engine).invoke(ask("2+2?"), THREAD))
    assert len(engine.calls) == 3, "the direct answer, and the thinking and the answer of the rung of 16"
    assert asked["reason"].startswith("cut at 16 tokens: continue to 80")
    del asked["reason"]
    assert asked == {"question": "2+2?", "attempt": 2, "answer": UNSURE + "2", "model": "scripted", "rung": 3,
                     "arm": "budget", "effort": "low", "budget": 80, "samples": 1, "tokens": 80,
                     "approve_above": 20}  # fmt: skip


@pytest.mark.parametrize("yes", [True, "approve", 80, {"approve_above": 80}])
async def test_approved_it_goes_on_as_if_it_had_never_asked(yes: Any) -> None:
    whole, engine = PureEngine(), PureEngine()
    expected = build_solver(whole, profile=profile()).invoke(ask("2+2?"))["adaptive_result"]
    graph = solver(20, engine)
    state = await graph.ainvoke(ask("2+2?"), THREAD)
    while "__interrupt__" in state:
        state = await graph.ainvoke(Command(resume=yes), THREAD)
    assert [c.ids for c in engine.calls] == [c.ids for c in whole.calls]
    assert uncached(state["adaptive_result"]) == uncached(expected)
    assert len(set(engine.released)) == 1
    assert state["adaptive_result"]["usage"]["cached"] == expected["usage"]["cached"], "held while it was asked"


def test_yes_is_for_one_purchase_and_a_limit_for_the_solve() -> None:
    graph = solver(20)
    graph.invoke(ask("2+2?"), THREAD)
    assert request(graph.invoke(Command(resume=True), THREAD))["arm"] == "wait"
    other = solver(20)
    other.invoke(ask("2+2?"), THREAD)
    assert len(bought(other.invoke(Command(resume=100), THREAD))) == 4
    assert request(other.invoke(ask("3+3?"), THREAD))["approve_above"] == 20, "and not for the next question"


@pytest.mark.parametrize("no", [False, "deny"])
def test_denied_the_best_so_far_is_the_answer(no: Any) -> None:
    graph = solver(20)
    graph.invoke(ask("2+2?"), THREAD)
    state = graph.invoke(Command(resume=no), THREAD)
    assert bought(state) == [("first", 0), ("budget", 16)]
    assert state["adaptive_result"]["stopped"] == "denied: 80 thinking tokens more"
    assert state["messages"][-1].text == rf"\boxed{{{UNSURE}2}}"


@pytest.mark.parametrize(("limit", "first"), [(0, 0), (10, 10), (16, 16), (40, 40)])
def test_denied_where_nothing_was_bought_it_takes_the_dearest_within_the_limit(limit: int, first: int) -> None:
    graph = solver(limit, known=profile(p_solved=HARD), budget=80)
    assert request(graph.invoke(ask("2+2?"), THREAD))["answer"] is None
    state = graph.invoke(Command(resume=False), THREAD)
    assert bought(state)[0] == ("first", first)
    assert max(budget for _, budget in bought(state)) <= limit
    assert "80 thinking tokens were denied" in state["adaptive_result"]["reason"]


def test_a_vote_is_asked_for_once_with_all_its_samples() -> None:
    engine = SeededEngine(says=str)
    graph = solver(60, engine, voter(vote_most=4), samples=4)
    asked = request(graph.invoke(ask("2+2?"), THREAD))
    assert (asked["arm"], asked["samples"], asked["tokens"]) == ("vote", 4, 64)
    state = graph.invoke(Command(resume=True), THREAD)
    assert [arm for arm, _ in bought(state)] == ["first", "vote", "vote", "vote", "vote"]


def test_a_wrong_answer_is_asked_again_and_runs_nothing() -> None:
    """Trap: a node with an interrupt is run again from its start."""
    engine = PureEngine()
    graph = solver(20, engine)
    first = request(graph.invoke(ask("2+2?"), THREAD))
    calls = len(engine.calls)
    for wrong, said in [("maybe", "'maybe' is no answer"), (30, "a limit of 30 is still under 80")]:
        again = request(graph.invoke(Command(resume=wrong), THREAD))
        assert said in again.pop("problem")
        assert again == first
    assert len(engine.calls) == calls
    told = list(graph.stream(Command(resume=True), THREAD, stream_mode=["custom", "updates"]))
    assert [d for m, d in told if m == "custom" and d["event"] == "approval"] == [
        {"event": "approval", "attempt": 2, "tokens": 80, "approved": True, "approve_above": 20}
    ]
    ran = [name for mode, update in told if mode == "updates" for name in update]
    assert ran == ["approve", "think", "verify", "escalate", "__interrupt__"]


@given(value=st.none() | st.floats() | st.text() | st.lists(st.booleans()) | st.integers() | st.booleans())
def test_whatever_is_answered(value: Any) -> None:
    for given_ in (value, {"approve_above": value}):
        read = parse_approval(given_, PLAN, 20)
        if isinstance(value, bool) or value in ("approve", "deny"):
            assert read == Approval(value in (True, "approve"), 20)
        elif isinstance(value, int) and value >= count_max_thinking_tokens(PLAN) == 240:
            assert read == Approval(True, value)
        else:
            assert isinstance(read, str)
            assert read.endswith(".")


@WHOLE_SOLVES
@given(limit=st.integers(0, 90), answers=st.lists(st.booleans(), max_size=4))
def test_nothing_dearer_is_bought_without_a_yes(limit: int, answers: list[bool]) -> None:
    graph, allowed = solver(limit), 0
    state = graph.invoke(ask("2+2?"), THREAD)
    while "__interrupt__" in state:
        yes = answers.pop() if answers else False
        allowed += yes
        state = graph.invoke(Command(resume=yes), THREAD)
    assert sum(budget > limit for _, budget in bought(state)) == allowed


def test_another_process_may_answer(tmp_path: Path) -> None:
    calls = []
    for given_ in (ask("2+2?"), Command(resume=100)):
        engine = PureEngine()
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            graph = build_solver(engine, profile=profile(), checkpointer=saver, options=Options(approve_above=20))
            state = graph.invoke(given_, THREAD)
        calls.append(len(engine.calls))
    assert state["adaptive_result"]["answer"] == SURE + "2"
    assert calls == [3, 4]


@pytest.mark.parametrize("awaited", [True, False])
async def test_inside_a_parent_with_its_checkpointer(awaited: bool) -> None:
    graph: Any = StateGraph(MessagesState)
    graph.add_node("solve", build_solver(PureEngine(), profile=profile(), options=Options(approve_above=20)))
    graph = graph.add_edge(START, "solve").compile(checkpointer=InMemorySaver())
    for given_ in (ask("2+2?"), Command(resume=100)):
        state = await graph.ainvoke(given_, THREAD) if awaited else graph.invoke(given_, THREAD)
    assert SURE + "2" in state["messages"][-1].text


@pytest.mark.parametrize("config", [None, THREAD])
def test_without_a_checkpointer_it_is_one_clear_error_and_nothing_is_held(config: Any) -> None:
    engine = PureEngine()
    graph = build_solver(engine, profile=profile(), options=Options(approve_above=20))
    with pytest.raises(InputError, match=r"approve_above=20 asks before 80 .* needs a checkpointer"):
        graph.invoke(ask("2+2?"), config)
    assert not engine._sessions


def test_what_is_within_the_limit_is_never_asked_for() -> None:
    state = build_solver(PureEngine(), profile=profile(), options=Options(approve_above=80)).invoke(ask("2+2?"))
    assert len(bought(state)) == 4
