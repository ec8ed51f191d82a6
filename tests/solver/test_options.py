"""Options for one question, in a graph's state: what they set, what they cannot, and that they last no longer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from adaptive import build_solver
from adaptive.errors import InputError
from adaptive.types.options import PER_QUESTION, Options
from tests.support.solving import EASY, HARD, THREAD, PureEngine, ask, profile
from tests.support.voting import SeededEngine, voter


class ParentState(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    adaptive_options: dict[str, Any]
    adaptive_result: dict[str, Any]


def parent(solver: Any, given: dict[str, Any], **compiled: Any) -> Any:
    """A graph that sets options for the question in its middle."""
    graph: Any = StateGraph(ParentState)
    graph.add_node("before", lambda _: {"adaptive_options": given})
    graph.add_node("solve", solver)
    graph.add_edge(START, "before").add_edge("before", "solve").add_edge("solve", END)
    return graph.compile(**compiled)


def solved(given: Any, options: Options | None = None, engine: Any = None, **known: Any) -> dict[str, Any]:
    solver = build_solver(engine or PureEngine(), profile=profile(**known), options=options)
    result: dict[str, Any] = solver.invoke({**ask("2+2?"), "adaptive_options": given})["adaptive_result"]
    return result


def bought(result: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(a["arm"], a["budget"], a["effort"]) for a in result["attempts"]]


@pytest.mark.parametrize(
    ("given", "options", "known", "shadow"),
    [
        ({"budget": 20}, None, EASY, (0, "none", 0, "p(solved) 0.90 for about 48 tokens")),
        ({}, Options(effort="low"), EASY, (0, "none", 0, "promises most")),
        ({"adapt": False}, None, HARD, (1, "low", 16, "p(solved) 0.85 for about 64 tokens")),
        ({"budget": 0}, None, HARD, (1, "low", 16, "promises most")),
        ({"budget": 10}, None, HARD, (1, "low", 16, "promises most")),  # the same rung by number, and less of it
        ({"adapt": False}, None, (), (1, "low", 16, "no difficulty model was trained")),
    ],
)
def test_what_the_policy_would_have_begun_with_is_kept_beside_what_was_asked_for(
    given: Any, options: Options | None, known: tuple[float, ...], shadow: tuple[int, str, int, str]
) -> None:
    told = solved(given, options, p_solved=known)["shadow"]
    assert (told["rung"], told["effort"], told["budget"]) == shadow[:3]
    assert shadow[3] in told["reason"]
    assert told["p_solved"] == list(known)


@pytest.mark.parametrize(
    ("given", "known"),
    [({}, EASY), ({"waits": 2, "samples": 3}, HARD), ({"budget": 0}, EASY), ({"budget": 16}, HARD)],
)
def test_where_options_change_nothing_about_the_beginning_there_is_no_shadow(
    given: Any, known: tuple[float, ...]
) -> None:
    assert "shadow" not in solved(given, p_solved=known)


@pytest.mark.parametrize(
    ("given", "options", "first"),
    [
        ({"budget": 20}, None, ("first", 20, "low")),
        ({"budget": 80}, None, ("first", 80, "low")),  # hard but short: looks easy, and is overridden
        ({"effort": "none"}, Options(budget=80), ("first", 0, "none")),
        ({"effort": "high"}, None, ("first", 80, "high")),
        ({"budget": None}, Options(budget=80), ("first", 0, "none")),
        ({"adapt": False}, None, ("first", 80, "low")),
        ({"worth": 1500.0}, None, ("first", 32, "low")),  # 2 of 100 for 16 tokens more, not 2 for 48
        ({"worth": 10_000.0}, Options(worth=1.0), ("first", 80, "low")),
        ({"worth": "10000tok"}, Options(worth="1tok"), ("first", 80, "low")),
        ({}, Options(worth=1e6), ("first", 80, "low")),
        ({"worth": 1.0, "budget": 80}, None, ("first", 80, "low")),
        ({}, Options(budget=32), ("first", 32, "low")),
        (None, Options(budget=32), ("first", 32, "low")),
    ],
)
def test_what_one_question_buys_first(
    given: dict[str, Any] | None, options: Options | None, first: tuple[str, int, str]
) -> None:
    assert bought(solved(given, options))[0] == first


def test_limits_of_one_question() -> None:
    assert len(solved({"max_attempts": 2})["attempts"]) == 2
    assert len(solved({"max_tokens": 30})["attempts"]) == 1
    assert solved({"waits": 0})["stopped"].startswith("reached the limit of 0 Waits; ")
    assert [a["arm"] for a in solved({"worth": 0.01})["attempts"]] == ["first"]
    assert solved({"worth": 0.01})["stopped"].startswith("hopeless: budget promises -")
    assert solved({"seed": 7})["seed"] == 7
    assert solved({"effort": "high", "adapt": False})["attempts"][0]["effort"] == "high"


def test_samples_of_one_question() -> None:
    solver = build_solver(SeededEngine(), profile=voter())
    result = solver.invoke({**ask("2+2?"), "adaptive_options": {"samples": 3, "seed": 5}})["adaptive_result"]
    assert [a["answer"] for a in result["attempts"]] == ["5", "1", "2", "3"], "the engine goes by the seed"
    assert result["seed"] == 5


async def test_from_a_parent_that_has_the_key() -> None:
    graph = parent(build_solver(PureEngine(), profile=profile()), {"effort": "none"})
    for state in (graph.invoke(ask("2+2?")), await graph.ainvoke(ask("2+2?"))):
        assert bought(state["adaptive_result"]) == [("first", 0, "none")]


def test_a_parent_without_the_key_sets_nothing() -> None:
    graph = parent(build_solver(PureEngine(), profile=profile()), {})
    assert len(graph.invoke(ask("2+2?"))["adaptive_result"]["attempts"]) == 4


def test_they_are_for_one_question_and_not_for_the_next_of_its_thread() -> None:
    solver = build_solver(PureEngine(), profile=profile(), checkpointer=InMemorySaver())
    first = solver.invoke({**ask("2+2?"), "adaptive_options": {"effort": "none"}}, THREAD)
    second = solver.invoke(ask("3+3?"), THREAD)
    assert [len(s["adaptive_result"]["attempts"]) for s in (first, second)] == [1, 4]


def test_options_that_were_refused_do_not_stay_either() -> None:
    solver = build_solver(PureEngine(), profile=profile(), checkpointer=InMemorySaver())
    with pytest.raises(InputError):
        solver.invoke({**ask("2+2?"), "adaptive_options": {"budget": -1}}, THREAD)
    assert len(solver.invoke(ask("3+3?"), THREAD)["adaptive_result"]["attempts"]) == 4


@pytest.mark.parametrize("node", ["classify", "allocate", "think", "verify", "escalate"])
def test_they_hold_where_a_solve_is_gone_on_with(node: str, tmp_path: Any) -> None:
    given: Any = {**ask("2+2?"), "adaptive_options": {"budget": 20, "waits": 0, "seed": 3}}
    for _ in range(9):
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            solver = build_solver(PureEngine(), profile=profile(), checkpointer=saver, interrupt_after=[node])
            solver.invoke(given, THREAD)
            state = solver.get_state(THREAD)
        given = None
        if not state.next:
            break
    result = state.values["adaptive_result"]
    assert (bought(result), result["seed"]) == ([("first", 20, "low")], 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"budget": -1}, "'budget' in adaptive_options must be 0 or more, got -1"),
        ({"budget": "20"}, "'budget' in adaptive_options must be a whole number or null, got '20'"),
        ({"effort": "huge"}, "'effort' in adaptive_options must be one of none, minimal, .* or null, got 'huge'"),
        ({"adapt": 1}, "'adapt' in adaptive_options must be true or false, got 1"),
        ({"adapt": None}, "'adapt' in adaptive_options must be true or false, got None"),
        ({"temperature": float("nan")}, "'temperature' in adaptive_options must be a finite number, got nan"),
        ({"temperature": 3}, "'temperature' in adaptive_options must be between 0 and 2, got 3"),
        ({"max_tokens": 0}, "'max_tokens' in adaptive_options must be 1 or more, got 0"),
        ({"worth": 0}, "'worth' in adaptive_options must be more than 0, a number or one with a unit .*, got 0"),
        ({"worth": "2000 apples"}, "'worth' in adaptive_options must be more than 0, .*, got '2000 apples'"),
        ({"worth": True}, "'worth' in adaptive_options must be a number or text or null, got True"),
        (
            {"worth": "0.02usd"},
            "the worth 0.02usd is in dollars, but this profile counts tokens: give it as 2000tok",
        ),
        ({"verify": "rules"}, f"cannot set 'verify': it may set {', '.join(PER_QUESTION)}"),
        ({"stop": "none"}, "cannot set 'stop'"),
        ({"bugdet": 20}, f"'bugdet': it may set {', '.join(PER_QUESTION)}"),
        (["budget"], r"adaptive_options must be an object, got \['budget'\]"),
        (20, "adaptive_options must be an object, got 20"),
        ("", "adaptive_options must be an object, got ''"),
    ],
)
@pytest.mark.parametrize("awaited", [True, False])
async def test_what_cannot_be_set_is_named_and_nothing_is_held(given: Any, said: str, awaited: bool) -> None:
    engine = PureEngine()
    solver = build_solver(engine, profile=profile())
    asked: Any = {**ask("2+2?"), "adaptive_options": given}
    with pytest.raises(InputError, match=said):
        await solver.ainvoke(asked) if awaited else await asyncio.to_thread(solver.invoke, asked)
    assert (engine.calls, engine._sessions) == ([], {})
