"""A run's context: what it sets, what goes before it, and that a parent's is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive import build_solver
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS
from adaptive.types.options import PER_QUESTION, Options, SolverContext
from adaptive.types.setting import read_settings
from tests.support.cases import WHOLE_SOLVES
from tests.support.solving import THREAD, PureEngine, ask, profile


@dataclass(frozen=True)
class Mine:
    """A parent's context, with a field that one of ours has too."""

    user: str = "me"
    budget: int = 3


@dataclass(frozen=True, kw_only=True)
class Ours(SolverContext):
    """Our context with a field of the application's."""

    tenant: str = ""


def parent(context: Any = Mine, **options: Any) -> Any:
    """A graph of another context around a solver."""
    graph: Any = StateGraph(MessagesState, context_schema=context)
    graph.add_node("solve", build_solver(PureEngine(), profile=profile(), **options))
    return graph.add_edge(START, "solve").add_edge("solve", END).compile()


def budgets(state: dict[str, Any]) -> list[int]:
    return [a["budget"] for a in state["adaptive_result"]["attempts"]]


def first_budget(context: Any, options: Options | None = None, **asked: Any) -> int:
    solver = build_solver(PureEngine(), profile=profile(), options=options)
    return budgets(solver.invoke({**ask("2+2?"), **asked}, context=context))[0]


def test_it_may_set_what_a_state_may() -> None:
    assert [f.name for f in fields(SolverContext)] == list(PER_QUESTION)


def test_the_context_is_plain_json() -> None:
    """Trap: LangGraph's server makes a context of JSON, and draws a form of its schema."""
    context = SolverContext(effort="low", budget=20, temperature=0.5, adapt=False)
    assert SolverContext(**json.loads(json.dumps(asdict(context)))) == context
    schema = build_solver(PureEngine(), profile=profile()).get_context_jsonschema()
    assert schema
    assert set(schema["properties"]) == set(PER_QUESTION)
    assert "required" not in schema


def test_its_schema_has_the_choices_ranges_and_help_of_the_options() -> None:
    """A server's form of an assistant, and of a run, is drawn of it."""
    schema = build_solver(PureEngine(), profile=profile()).get_context_jsonschema()
    assert schema
    for name, (_, setting) in read_settings(SolverContext).items():
        row = schema["properties"][name]
        value, *_, null = row["anyOf"]
        assert (row["default"], null, row["description"]) == (None, {"type": "null"}, setting.help)
        ranges = {"minimum": setting.ge, "exclusiveMinimum": setting.gt, "maximum": setting.le}
        assert {key: value.get(key) for key in ranges} == ranges
    assert schema["properties"]["effort"]["anyOf"][0]["enum"] == list(EFFORTS)
    assert schema["properties"]["timeout"]["anyOf"][0] == {"type": "number", "exclusiveMinimum": 0}


async def test_an_object_or_a_context() -> None:
    solver = build_solver(PureEngine(), profile=profile())
    for context in ({"budget": 20}, SolverContext(budget=20)):
        assert budgets(solver.invoke(ask("2+2?"), context=context))[0] == 20
        assert budgets(await solver.ainvoke(ask("2+2?"), context=context))[0] == 20


@WHOLE_SOLVES
@given(built=st.integers(0, 60), known=st.none() | st.integers(0, 60), asked=st.none() | st.integers(0, 60))
def test_state_goes_before_context_and_context_before_what_it_was_built_with(
    built: int, known: int | None, asked: int | None
) -> None:
    state = {} if asked is None else {"adaptive_options": {"budget": asked}}
    first = first_budget({"budget": known}, Options(budget=built), **state)
    assert first == next(b for b in (asked, known, built) if b is not None)


def test_null_in_the_state_takes_back_what_the_context_says() -> None:
    assert first_budget({"budget": 20}, adaptive_options={"budget": None}) == 0


@pytest.mark.parametrize("context", [Mine(), None, 7, "budget"])
async def test_a_foreign_context_is_left_alone(context: Any) -> None:
    """Trap: a subgraph is handed its parent's context, of whatever type, and None where there is none."""
    schema = type(context) if context is not None else None
    for graph in (parent(schema), build_solver(PureEngine(), profile=profile())):
        awaited = await graph.ainvoke(ask("2+2?"), context=context)
        for state in (graph.invoke(ask("2+2?"), context=context), awaited):
            assert state["messages"][-1].text == r"\boxed{1111112}"


def test_a_parent_may_take_ours_as_its_own() -> None:
    graph: Any = StateGraph(MessagesState, context_schema=SolverContext)
    said: list[str] = []
    graph.add_node("solve", build_solver(PureEngine(), profile=profile(), checkpointer=None))
    graph.add_node("after", lambda state: said.append(state["messages"][-1].text))
    graph = graph.add_edge(START, "solve").add_edge("solve", "after").compile()
    graph.invoke(ask("2+2?"), context={"effort": "none"})
    assert said == [r"\boxed{02}"]


def test_a_parent_may_add_fields_to_ours() -> None:
    """They used to be refused as unknown settings in the first node."""
    graph, context = parent(Ours), Ours(tenant="a", budget=7)
    assert context.to_settings() == {"budget": 7}
    assert graph.invoke(ask("2+2?"), context=context)
    assert graph.invoke(ask("2+2?"), context={"tenant": "a", "budget": 7})
    with pytest.raises(InputError, match=r"'budget' in the context must be 0 or more, got -1\."):
        Ours(tenant="a", budget=-1)


def test_it_is_for_one_question_and_holds_where_that_is_gone_on_with() -> None:
    build: Callable[..., Any] = build_solver
    solver = build(PureEngine(), profile=profile(), checkpointer=InMemorySaver(), interrupt_after=["allocate"])
    solver.invoke(ask("2+2?"), THREAD, context={"budget": 20})
    assert budgets(solver.invoke(None, THREAD))[0] == 20
    solver.invoke(ask("2+2?"), THREAD)
    assert budgets(solver.invoke(None, THREAD))[0] == 0


@pytest.mark.parametrize(
    ("context", "error", "said"),
    [
        ({"budget": -1}, InputError, "'budget' in the context must be 0 or more, got -1"),
        ({"budget": "20"}, InputError, "'budget' in the context must be a whole number or null, got '20'"),
        (
            {"effort": "huge"},
            InputError,
            "'effort' in the context must be one of none, minimal, low, medium, high, xhigh, max or null",
        ),
        (
            {"effort": "enormous"},
            InputError,
            "must be one of none, minimal, low, medium, high, xhigh, max or null, got",
        ),
        ({"seed": 2**31}, InputError, "'seed' in the context must be between 0 and 2147483647, got 2147483648"),
        ({"budgt": 20}, InputError, "SolverContext takes no 'budgt': it takes effort, budget"),
    ],
)
def test_what_cannot_be_set_is_named(context: dict[str, Any], error: type[Exception], said: str) -> None:
    engine = PureEngine()
    with pytest.raises(error, match=said):
        build_solver(engine, profile=profile()).invoke(ask("2+2?"), context=context)
    assert engine.calls == []
