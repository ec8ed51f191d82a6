"""Many questions by one solver: order, failures, limits, parents, threads and other processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from adaptive import build_solver
from adaptive.engines.protocol import Generation
from adaptive.errors import AdaptiveError, InputError
from adaptive.prices import Price, Prices
from adaptive.solver.batch import Limits, build_map_solver, parse_map_questions
from adaptive.types.usage import Usage
from tests.support.solving import SURE, PureEngine, profile, question

THREAD: Any = {"configurable": {"thread_id": "one"}}
TEXTS = ["A?", "B?", "C?", "D?", "2?"]


@dataclass
class Touchy(PureEngine):
    """Fails at questions that begin with one of `fails`, and counts how many questions are solved at once."""

    fails: str = ""
    error: type[Exception] = AdaptiveError
    most: int = 0

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        begins = chr(question(ids)[0])
        if begins in self.fails:
            raise self.error("the engine\nbroke.")
        made = await super().generate(ids, **asked)
        self.most = max(self.most, len(self._sessions))
        return made


def mapped(engine: PureEngine, limits: Limits | None = None, **options: Any) -> Any:
    return build_map_solver(build_solver(engine, profile=profile()), limits or Limits(), **options)


def both(graph: Any, asked: dict[str, Any], config: Any = None) -> list[dict[str, Any]]:
    """What a graph makes of it, called and awaited."""
    return [graph.invoke(asked, config), asyncio.run(graph.ainvoke(asked, config))]


def answers(state: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(result["id"], result["answer"]) for result in state["results"]]


def test_results_are_in_the_order_of_the_questions_with_their_ids() -> None:
    for state in both(mapped(PureEngine(), Limits(3)), {"questions": ["A?", {"id": "b", "question": "B?"}, "C?"]}):
        assert set(state) == {"results", "adaptive_summary"} | ({"questions"} & set(state))
        assert answers(state) == [("1", SURE + "A"), ("b", SURE + "B"), ("3", SURE + "C")]
        assert [r["question"] for r in state["results"]] == ["A?", "B?", "C?"]
        told = state["adaptive_summary"]
        assert (told["questions"], told["accepted"], told["statuses"]) == (3, 3, {"answered": 3})
        assert told["usage"]["total"] == sum(r["usage"]["total"] for r in state["results"])


@pytest.mark.parametrize(
    ("error", "said"), [(AdaptiveError, "the engine\nbroke."), (RuntimeError, "RuntimeError (the engine broke.)")]
)
def test_one_that_fails_keeps_none_from_being_solved(error: type[Exception], said: str) -> None:
    graph = mapped(Touchy(fails="BD", error=error), Limits(2))
    for state in both(graph, {"questions": [*TEXTS, "  "]}):
        assert [r["status"] for r in state["results"]] == [
            "answered",
            "failed",
            "answered",
            "failed",
            "answered",
            "failed",
        ]
        assert [r["answer"] for r in state["results"][::2]] == [SURE + t for t in "AC2"]
        failed = state["results"][1]
        assert (failed["id"], failed["question"], failed["answer"], failed["error"]) == ("2", "B?", None, said)
        assert "the question is empty" in state["results"][5]["error"]
        assert state["adaptive_summary"]["statuses"] == {"answered": 3, "failed": 3}
        assert state["adaptive_summary"]["uncounted"] == 3


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_wave_of_which_every_question_fails_is_gathered_too(limit: int) -> None:
    engine = Touchy(fails="AB2", error=RuntimeError)
    for state in both(mapped(engine, Limits(limit)), {"questions": TEXTS}):
        assert [r["status"] for r in state["results"]] == ["failed", "failed", "answered", "answered", "failed"]


@pytest.mark.parametrize(("limit", "config", "most"), [(2, None, 2), (1, None, 1), (5, {"max_concurrency": 3}, 3)])
async def test_so_many_at_once(limit: int, config: Any, most: int) -> None:
    engine = Touchy(yields=True)
    state = await mapped(engine, Limits(limit)).ainvoke({"questions": TEXTS}, config)
    assert len(state["results"]) == len(TEXTS)
    assert engine.most == most


@pytest.mark.parametrize("config", [None, {"max_concurrency": 2}])
def test_called_it_streams_events_with_the_id_of_their_question(config: Any) -> None:
    events = list(mapped(PureEngine()).stream({"questions": ["A?", "B?"]}, config, stream_mode="custom"))
    assert Counter(e["id"] for e in events if e["event"] == "done") == {"1": 1, "2": 1}
    assert {e["result"]["answer"] for e in events if e["event"] == "done"} == {SURE + "A", SURE + "B"}


def test_called_one_at_a_time_by_the_config_it_ends() -> None:
    state = mapped(PureEngine()).invoke({"questions": ["A?", "B?"]}, {"max_concurrency": 1})
    assert answers(state) == [("1", SURE + "A"), ("2", SURE + "B")]


def test_once_the_tokens_are_spent_none_is_begun() -> None:
    (one,) = mapped(PureEngine()).invoke({"questions": ["A?"]})["results"]
    spent = one["usage"]["total"]
    for limit, begun in ((1, 2), (2 * spent, 2), (2 * spent + 1, 4), (9 * spent, 5)):
        engine = PureEngine()
        state = mapped(engine, Limits(2, tokens=limit)).invoke({"questions": TEXTS})
        assert [r["status"] for r in state["results"]] == ["answered"] * begun + ["failed"] * (5 - begun)
        assert [r["id"] for r in state["results"]] == ["1", "2", "3", "4", "5"]
        for result in state["results"][begun:]:
            assert (
                result["error"]
                == f"not begun: the run reached its limit of {limit} tokens, {begun * spent} spent."
            )
        assert {chr(question(call.ids)[0]) for call in engine.calls} == set("ABCD2"[:begun])
        assert state["adaptive_summary"]["usage"]["total"] == begun * spent
        assert state["adaptive_summary"]["uncounted"] == 0


def build_priced(engine: PureEngine, limits: Limits, **prices: Price) -> Any:
    solver = build_solver(engine, profile=profile(), prices=Prices(prices))
    return build_map_solver(solver, limits)


def test_once_the_money_is_spent_none_is_begun() -> None:
    dollar = Price(1, 1)
    (one,) = build_priced(PureEngine(), Limits(), scripted=dollar).invoke({"questions": ["A?"]})["results"]
    cost = one["usage"]["cost"]
    for limit, begun in ((cost / 9, 2), (1.9 * cost, 2), (2.1 * cost, 4), (9 * cost, 5)):
        engine = PureEngine()
        state = build_priced(engine, Limits(2, cost=limit), scripted=dollar).invoke({"questions": TEXTS})
        assert [r["status"] for r in state["results"]] == ["answered"] * begun + ["failed"] * (5 - begun)
        said = f"not begun: the run reached its limit of ${limit:g}, ${begun * cost:.6g} spent."
        assert [result["error"] for result in state["results"][begun:]] == [said] * (5 - begun)
        assert {chr(question(call.ids)[0]) for call in engine.calls} == set("ABCD2"[:begun])


def test_a_limit_of_money_is_reached_if_a_cost_is_not_known() -> None:
    reached = Limits(cost=1).find_reached(Usage(answer=9))
    assert reached == "what the run spent is not known, so its limit of $1 cannot be kept"


def test_a_limit_of_money_needs_the_price_of_each_model() -> None:
    with pytest.raises(InputError, match=r"a limit of \$1 cannot be kept: the price of scripted is not known"):
        build_priced(PureEngine(), Limits(cost=1))


def test_options_are_those_of_each_solve() -> None:
    asked = {"questions": ["A?", "B?"], "adaptive_options": {"budget": 9, "adapt": False}}
    for state in both(mapped(PureEngine()), asked):
        assert [[a["budget"] for a in r["attempts"]] for r in state["results"]] == [[9], [9]]


def test_a_second_turn_of_a_thread_begins_afresh() -> None:
    graph = mapped(PureEngine(), checkpointer=InMemorySaver())
    asked = {"questions": ["A?", "B?"], "adaptive_options": {"budget": 9, "adapt": False}}
    assert len(graph.invoke(asked, THREAD)["results"]) == 2
    state = graph.invoke({"questions": ["C?"]}, THREAD)
    assert answers(state) == [("1", SURE + "C")]
    assert state["adaptive_summary"]["questions"] == 1


class ParentState(MessagesState, total=False):
    questions: list[Any]
    results: list[dict[str, Any]]


def test_in_a_parent_only_its_results_come_out() -> None:
    graph: Any = StateGraph(ParentState)
    graph.add_node("ask", lambda state: {"questions": ["A?", "B?"]})
    graph.add_node("map", mapped(PureEngine(), Limits(2)))
    graph.add_edge(START, "ask").add_edge("ask", "map").add_edge("map", END)
    for state in both(graph.compile(), {"messages": [("user", "go")]}):
        assert set(state) == {"messages", "questions", "results"}
        assert [m.text for m in state["messages"]] == ["go"]
        assert answers(state) == [("1", SURE + "A"), ("2", SURE + "B")]


def test_cut_off_after_a_wave_what_was_solved_is_not_solved_again(tmp_path: Path) -> None:
    asked: list[set[str]] = []
    for start in ({"questions": TEXTS}, None, None):
        engine = PureEngine()
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            graph = mapped(engine, Limits(2), checkpointer=saver, interrupt_after=["gather"])
            graph.invoke(start, THREAD)
            state = graph.get_state(THREAD)
        asked.append({chr(question(call.ids)[0]) for call in engine.calls})
    assert asked == [{"A", "B"}, {"C", "D"}, {"2"}]
    assert [r["answer"] for r in state.values["results"]] == [SURE + t for t in "ABCD2"]


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([], "at least one question"),
        ("A?", "must be a list"),
        (["A?"] * 4, "3 questions at most, got 4"),
        (["A?", 7], "question 2 must be a text"),
        ([{"id": "a"}], "question 1 must be"),
        ([{"id": 1, "question": "A?"}], "question 1 must be"),
        ([{"question": "A?", "answer": "1"}], "question 1 must be"),
        (["A?", {"id": "1", "question": "B?"}], "two questions have the id '1'"),
    ],
)
def test_what_is_no_list_of_questions_is_refused_before_any_is_asked(questions: Any, said: str) -> None:
    engine = PureEngine()
    with pytest.raises(InputError, match=said):
        mapped(engine, Limits(questions=3)).invoke({"questions": questions})
    assert engine.calls == []


@pytest.mark.parametrize("limits", [{"concurrency": 0}, {"questions": 0}, {"tokens": 0}])
def test_a_limit_is_1_or_more(limits: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must be 1 or more, got 0"):
        Limits(**limits)


@pytest.mark.parametrize("cost", [0, -1, float("nan")])
def test_a_limit_of_money_is_more_than_0(cost: float) -> None:
    with pytest.raises(InputError, match=f"the limit of cost must be more than 0 dollars, got {cost:g}"):
        Limits(cost=cost)


@given(st.lists(st.text(), min_size=1, max_size=8))
def test_every_text_is_an_item_with_an_id_of_its_own(texts: list[str]) -> None:
    items = parse_map_questions(texts, 8)
    assert [item["question"] for item in items] == texts
    assert len({item["id"] for item in items}) == len(texts)
