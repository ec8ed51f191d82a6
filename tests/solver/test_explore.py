"""Exploration: further rungs once the answer is decided, counted and kept apart, within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from adaptive import Result, build_solver
from adaptive._util.deadline import DeadlineExceeded
from adaptive.engines.protocol import Generation
from adaptive.errors import AdaptiveError
from adaptive.prices import Prices
from adaptive.solver.exploration import find_exploration_limit, is_explored
from adaptive.types.ladder import Rung
from adaptive.types.options import Options
from adaptive.types.usage import TOKEN_FIELDS, Usage
from tests.support.solving import HARD, RUNGS, THREAD, PureEngine, ask, profile, timeless

LOW, MIDDLE, TOP = (("low", 16), ("low", 32), ("low", 80))


@dataclass
class FailingEngine(PureEngine):
    """Fails in the session of the exploration."""

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        if asked["session"].endswith("/explore"):
            raise AdaptiveError("the server is gone.")
        return await super().generate(ids, **asked)


@dataclass
class LateEngine(PureEngine):
    """Reaches the deadline as soon as it explores, without a clock: a busy machine must fail nothing."""

    async def generate(self, ids: Sequence[int], **asked: Any) -> Generation:
        if asked["session"].endswith("/explore"):
            raise DeadlineExceeded
        return await super().generate(ids, **asked)


def solve(options: Options, engine: PureEngine | None = None, messages: Any = None, **known: Any) -> Result:
    solver = build_solver(engine or PureEngine(), profile=profile(**known), options=options)
    return Result.of(solver.invoke(messages or ask("2+2?")))


def explored(result: Result) -> list[tuple[str, int]]:
    return [] if result.explored is None else [(one.effort, one.budget) for one in result.explored.attempts]


def without_exploration(result: Result) -> dict[str, Any]:
    told = timeless(result.to_json())
    return {name: value for name, value in told.items() if name not in ("cut", "explored", "usage", "notes")}


def test_all_other_rungs_are_tried_and_the_answer_stays() -> None:
    engine = PureEngine()
    plain, result = solve(Options()), solve(Options(explore=1.0), engine)
    assert without_exploration(result) == without_exploration(plain)
    assert plain.explored is None
    assert explored(result) == [TOP, MIDDLE]  # the solve itself tried the direct answer, and 16 tokens after it
    assert result.explored is not None
    assert [(r.effort, r.budget) for r in result.explored.ladder] == [(r.effort, r.budget) for r in RUNGS]
    assert all(one.verdict is None and one.base is None for one in result.explored.attempts)
    spent = sum(one.usage.total for one in result.explored.attempts)
    assert result.usage.total == plain.usage.total + spent
    assert (
        result.notes[-1] == f"explored 2 more rungs to measure the model, {spent} tokens: the answer is not theirs"
    )
    assert set(result.rung_attempts) == {("", *one) for one in (("none", 0), LOW, MIDDLE, TOP)}
    assert len({call.session for call in engine.calls} - set(engine.released)) == 0
    assert Result.of(result.to_json()) == result


def test_an_explored_rung_answers_as_it_does_alone() -> None:
    result = solve(Options(explore=1.0))
    assert result.explored is not None
    alone = {a.budget: a for budget in (80, 32) for a in solve(Options(budget=budget, adapt=False)).attempts}
    for one in result.explored.attempts:
        assert (one.answer, one.rounds, one.confidence) == (
            alone[one.budget].answer, alone[one.budget].rounds, alone[one.budget].confidence
        )  # fmt: skip
        assert [getattr(one.usage, name) for name in TOKEN_FIELDS] == [
            getattr(alone[one.budget].usage, name) for name in TOKEN_FIELDS
        ]


def test_the_message_has_the_usage_of_everything_and_comes_once() -> None:
    solver = build_solver(PureEngine(), profile=profile(), options=Options(explore=1.0))
    solved = solver.invoke(ask("2+2?"))
    assert len(solved["messages"]) == 2
    assert solved["messages"][-1].usage_metadata["total_tokens"] == Result.of(solved).usage.total


def test_the_answer_comes_before_the_exploration() -> None:
    solver = build_solver(PureEngine(), profile=profile(), options=Options(explore=1.0))
    steps = [
        (node, update) for one in solver.stream(ask("2+2?"), stream_mode="updates") for node, update in one.items()
    ]
    names = [name for name, _ in steps]
    assert names[-3:] == ["finish", "explore", "explore"]
    answers = [update["messages"][0].text for name, update in steps if name in ("finish", "explore")]
    assert len(set(answers)) == 1
    ids = {update["messages"][0].id for name, update in steps if name in ("finish", "explore")}
    assert len(ids) == 1, "a reader that knows messages by their id replaces it"


def test_its_tokens_are_not_streamed_as_the_reply() -> None:
    def stream(options: Options) -> list[str]:
        solver = build_solver(PureEngine(), profile=profile(), options=options)
        return [chunk.text for chunk, _ in solver.stream(ask("2+2?"), stream_mode="messages")]

    assert stream(Options(explore=1.0)) == stream(Options())


def test_an_event_names_each_explored_rung() -> None:
    solver = build_solver(PureEngine(), profile=profile(), options=Options(explore=1.0))
    events = list(solver.stream(ask("2+2?"), stream_mode="custom"))
    made = [(e["attempt"], e["effort"], e["budget"]) for e in events if e["event"] == "explore"]
    assert made == [(4, *TOP), (5, *MIDDLE)]
    assert [e["text"] for e in events if e["event"] == "note"][-1].startswith("explored 2 more rungs")


@pytest.mark.parametrize(
    "options", [{"effort": "low"}, {"budget": 32}, {"adapt": False}, {"explore": 0.0}, {"explore": None}]
)
def test_nothing_is_explored_unless_asked_for_or_if_the_attempts_are_fixed(options: dict[str, Any]) -> None:
    result = solve(Options(**{"explore": 1.0, **options}))
    assert result.explored is None
    assert not any("explored" in note for note in result.notes)


def test_only_a_question_alone_is_explored() -> None:
    messages = {"messages": [("system", "Be brief."), ("user", "2+2?")]}
    assert solve(Options(explore=1.0), messages=messages).explored is None


def test_what_needs_an_approval_is_not_explored() -> None:
    assert explored(solve(Options(explore=1.0, approve_above=40), p_solved=HARD, follow_ups=())) == [
        MIDDLE,
        ("none", 0),
    ]


def test_a_limit_of_tokens_is_never_exceeded() -> None:
    free = solve(Options(explore=1.0))
    plain = solve(Options())
    for most in range(plain.usage.total + 1, free.usage.total + 200, 40):
        result = solve(Options(explore=1.0, max_tokens=most))
        assert without_exploration(result) == without_exploration(solve(Options(max_tokens=most)))
        if explored(result):
            assert result.usage.total <= most
        left_out = [note for note in result.notes if note.startswith("not explored: ")]
        assert len(left_out) + len(explored(result)) == 2
        assert all(f"the limit of {most} tokens" in note for note in left_out)


def test_a_limit_of_money_holds() -> None:
    prices = Prices.load(None, ["scripted=1/1"])
    plain = build_solver(PureEngine(), profile=profile(), prices=prices).invoke(ask("2+2?"))
    spent = Result.of(plain).usage.cost
    assert spent
    options = Options(explore=1.0, max_cost=spent * 1.0001)
    solver = build_solver(PureEngine(), profile=profile(), options=options, prices=prices)
    result = Result.of(solver.invoke(ask("2+2?")))
    assert explored(result) == [TOP]
    assert "reached the limit of $" in result.notes[-2]
    assert result.usage.cost == pytest.approx(
        sum(one.usage.cost or 0 for one in result.rung_attempts.values()), rel=1
    )


def test_at_the_deadline_it_ends_with_the_answer() -> None:
    result = solve(Options(explore=1.0, timeout=1000.0), LateEngine())
    assert without_exploration(result) == without_exploration(solve(Options()))
    assert explored(result) == []
    assert result.cut is not None
    assert "not explored: low 80, reached the limit of 1000 s" in result.notes
    assert find_exploration_limit(Usage(), 1, Options(timeout=2.0), 2.0) == "reached the limit of 2 s"
    assert find_exploration_limit(Usage(), 1, Options(timeout=2.0), 1.9) == ""


def test_a_failed_exploration_is_said_and_the_answer_stays() -> None:
    engine = FailingEngine()
    result = solve(Options(explore=1.0), engine)
    assert without_exploration(result) == without_exploration(solve(Options()))
    assert explored(result) == []
    assert "not explored: low 80, the server is gone" in result.notes
    assert len({call.session for call in engine.calls} - set(engine.released)) == 0


def test_cut_off_it_goes_on_without_paying_twice() -> None:
    saver = InMemorySaver()
    whole = solve(Options(explore=1.0))
    solver = build_solver(PureEngine(), profile=profile(), options=Options(explore=1.0), checkpointer=saver)
    for one in solver.stream(ask("2+2?"), THREAD, stream_mode="updates"):
        if "explore" in one:
            break
    engine = PureEngine()
    other = build_solver(engine, profile=profile(), options=Options(explore=1.0), checkpointer=saver)
    result = Result.of(other.invoke(None, THREAD))
    assert without_exploration(result) == without_exploration(whole)
    assert explored(result) == explored(whole)
    assert result.usage.total == whole.usage.total
    assert len({call.session for call in engine.calls}) == 1


def test_rungs_with_waits_are_explored_without_them() -> None:
    rungs = (Rung("none", 0), Rung("low", 24, waits=2))
    result = solve(Options(explore=1.0), p_solved=(0.95, 0.96), rungs=rungs, follow_ups=(), accept={"none": 0.1})
    assert result.explored is not None
    assert [(one.budget, one.waits) for one in result.explored.attempts] == [(24, 0)]
    assert [rung.waits for rung in result.explored.ladder] == [0, 0]


@given(question=st.text(), seed=st.integers(0, 2**31 - 1), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_larger_share_explores_what_a_smaller_one_does(
    question: str, seed: int, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    assert is_explored(low, question, seed) <= is_explored(high, question, seed)
    assert not is_explored(0.0, question, seed)
    assert not is_explored(None, question, seed)
    assert is_explored(1.0, question, seed)


def test_the_share_is_that_of_the_solves() -> None:
    chosen = sum(is_explored(0.05, f"question {i}", 0) for i in range(4000))
    assert 150 < chosen < 250  # 200 in the mean; five deviations are 69
    other = sum(
        is_explored(0.05, f"question {i}", 0) and is_explored(0.05, f"question {i}", 1) for i in range(4000)
    )
    assert other < 50, "another seed explores other questions"


@given(spent=st.integers(0, 500), most=st.integers(1, 500), limit=st.integers(1, 1000))
def test_a_rung_is_tried_only_if_it_surely_fits(spent: int, most: int, limit: int) -> None:
    reached = find_exploration_limit(Usage(thinking=spent), most, Options(max_tokens=limit), 0.0)
    assert bool(reached) == (spent + most > limit)
