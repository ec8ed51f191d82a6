"""Threads and copies: what a turn leaves to the next one, what streams hold, and models that are copied."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import CachePolicy
from typing_extensions import TypedDict

from adaptive import AdaptiveState, build_map_solver, build_solver
from adaptive.agents import ChatAdaptive
from adaptive.errors import InputError
from adaptive.types.options import Options
from tests.support.solving import SURE, THREAD, BrokenEngine, PureEngine, ask, profile
from tests.support.voting import SeededEngine, same, voter


def solver(engine: Any = None, **more: Any) -> Any:
    return build_solver(engine or PureEngine(), profile=profile(), checkpointer=InMemorySaver(), **more)


def is_cleared(graph: Any) -> bool:
    return "adaptive_result" not in graph.get_state(THREAD).values


def test_the_next_question_begins_without_a_result() -> None:
    graph = solver()
    graph.invoke(ask("2+2?"), THREAD)
    assert not is_cleared(graph)
    values = list(graph.stream(ask("3+3?"), THREAD, stream_mode="values"))
    assert "adaptive_result" not in values[1]
    assert values[-1]["adaptive_result"]["question"] == "3+3?"


def test_an_interrupted_question_has_no_result() -> None:
    graph = solver()
    graph.invoke(ask("2+2?"), THREAD)
    graph.invoke(ask("3+3?"), THREAD, context={"approve_above": 0})
    assert graph.get_state(THREAD).interrupts
    assert is_cleared(graph)


@pytest.mark.parametrize("question", ["3+3?", " "])
def test_a_question_that_failed_has_no_result(question: str) -> None:
    engine = BrokenEngine(fails_at=100)
    graph = solver(engine)
    graph.invoke(ask("2+2?"), THREAD)
    engine.fails_at = len(engine.calls)
    with pytest.raises((RuntimeError, InputError)):
        graph.invoke(ask(question), THREAD)
    assert is_cleared(graph)


def find_values(part: Any) -> Iterator[Any]:
    """All values inside of a part of a stream, but those of LangChain's messages."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        for value in part:
            yield from find_values(value)
    elif getattr(part, "response_metadata", None) is None:
        yield part


@pytest.mark.parametrize("mode", ["updates", "tasks", "debug", "values"])
def test_streams_hold_plain_json_and_messages(mode: Any) -> None:
    voting = build_solver(SeededEngine(says=same), profile=voter())
    for graph, given in ((voting, ask("2+2?")), (build_map_solver(voting), {"questions": ["2+2?"]})):
        parts: Any = list(graph.stream(given, stream_mode=mode))
        assert parts
        json.dumps([value for part in parts for value in find_values(part)])


def test_a_cached_answer_is_a_new_message_in_each_turn() -> None:
    """As the page on graphs has it: the node that is cached is not the solver, which returns all messages."""
    engine = PureEngine()
    inner = build_solver(engine, profile=profile())

    def answer(state: MessagesState) -> dict[str, Any]:
        message = inner.invoke({"messages": state["messages"][-1:]})["messages"][-1]
        return {"messages": [("ai", message.text)]}

    policy = CachePolicy(key_func=lambda state: state["messages"][-1].text)
    graph: Any = StateGraph(MessagesState).add_node("answer", answer, cache_policy=policy)
    parent = graph.add_edge(START, "answer").compile(checkpointer=InMemorySaver(), cache=InMemoryCache())
    for turn in (1, 2):
        state = parent.invoke(ask("2+2?"), THREAD)
        assert [m.type for m in state["messages"]] == ["human", "ai"] * turn
    assert len({m.id for m in state["messages"]}) == 4
    assert len(engine.released) == 1


def test_a_used_chat_model_can_be_copied_and_pickled() -> None:
    model = ChatAdaptive(effort="none")
    answer = model.invoke("What is 2 + 2?").text
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        assert (other.effort, other.invoke("What is 2 + 2?").text) == ("none", answer)


def test_a_copy_shares_the_solver_that_it_was_given() -> None:
    model = ChatAdaptive(solver=build_solver(PureEngine(), profile=profile()))
    assert copy.deepcopy(model).solver is model.solver
    assert SURE in copy.deepcopy({"model": model})["model"].invoke("2+2?").text
    with pytest.raises(InputError, match="a ChatAdaptive with a `solver` cannot be pickled"):
        pickle.dumps(model)


def test_a_parents_node_sets_options_if_its_state_declares_them() -> None:
    graph: Any = StateGraph(AdaptiveState)
    graph.add_node("choose", lambda state: {"adaptive_options": {"effort": "none", "max_attempts": 1}})
    graph.add_node("solve", build_solver(PureEngine(), profile=profile(), options=Options(effort="low")))
    parent = graph.add_edge(START, "choose").add_edge("choose", "solve").compile()
    assert parent.invoke(ask("2+2?"))["adaptive_result"]["attempts"][0]["effort"] == "none"


def test_a_parents_first_node_clears_the_result_of_the_last_question() -> None:
    engine = BrokenEngine(fails_at=100)
    graph: Any = StateGraph(AdaptiveState)
    graph.add_node("clear", lambda state: {"adaptive_result": None})
    graph.add_node("solve", build_solver(engine, profile=profile()))
    parent = graph.add_edge(START, "clear").add_edge("clear", "solve").compile(checkpointer=InMemorySaver())
    assert parent.invoke(ask("2+2?"), THREAD)["adaptive_result"]["question"] == "2+2?"
    engine.fails_at = len(engine.calls)
    with pytest.raises(RuntimeError):
        parent.invoke(ask("3+3?"), THREAD)
    assert parent.get_state(THREAD).values["adaptive_result"] is None


def test_a_parent_without_messages_is_told_so() -> None:
    class Topic(TypedDict):
        topic: str

    graph: Any = StateGraph(Topic).add_node("solve", build_solver(PureEngine(), profile=profile()))
    parent = graph.add_edge(START, "solve").compile()
    with pytest.raises(InputError, match="a key that a parent graph needs in its state"):
        parent.invoke({"topic": "sums"})


def test_messages_have_the_name_of_their_solver() -> None:
    assert solver().invoke(ask("2+2?"), THREAD)["messages"][-1].name is None
    named = solver(name="maths")
    assert (named.name, named.invoke(ask("2+2?"), THREAD)["messages"][-1].name) == ("maths", "maths")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"check": lambda question, answer: True}, "check must be a verifier, got <function"),
        ({"judge": "openai:gpt-5"}, "judge must be a verifier, got 'openai:gpt-5'"),
        ({"checkpointr": None}, "build_solver takes no 'checkpointr': beside its own arguments it takes"),
    ],
)
def test_wrong_arguments_are_refused_at_build(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_solver(PureEngine(), profile=profile(), **arguments)


def test_a_misspelt_option_of_the_map_solver_is_refused() -> None:
    with pytest.raises(InputError, match="build_map_solver takes no 'checkpointr'"):
        build_map_solver(build_solver(PureEngine(), profile=profile()), checkpointr=None)


def test_a_context_sets_options_of_all_questions_of_a_run() -> None:
    graph = build_map_solver(build_solver(PureEngine(), profile=profile()))
    state = graph.invoke({"questions": ["2+2?", "3+3?"]}, context={"effort": "none", "max_attempts": 1})
    assert [r["attempts"][0]["effort"] for r in state["results"]] == ["none", "none"]
