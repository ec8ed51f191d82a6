"""Explored solves of a log become recorded questions, graded where somebody said what is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive.answers.exact import ExactGrader
from adaptive.errors import InputError
from adaptive.learn.data.explored import INCOMPLETE, OTHER_LADDER, REPEATED, WRONG, ExploredQuestions
from adaptive.learn.data.outcome import DIRECT, OutcomeKey, rung_to_key
from adaptive.solve_log import SolveLog
from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from tests.learn.explored import explore, explore_recorded
from tests.learn.made import LADDER, many, outcome

KEYS = [rung_to_key(rung) for rung in LADDER]
LOW, TOP = KEYS[1:]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SolveLog]:
    with SolveLog(tmp_path / "solves.db") as opened:
        yield opened


def tried(key: OutcomeKey, answer: str) -> Attempt:
    return outcome(key, answer, None, 0.9, 16 if key.budget else 0).attempt


def answers(direct: str, low: str, top: str) -> list[Attempt]:
    return [tried(DIRECT, direct), tried(TOP, top), tried(LOW, low)]


def select(store: SolveLog, model: str = "toy") -> ExploredQuestions:
    return ExploredQuestions.from_solves(store.list_recent(0), model, ExactGrader())


def grades(explored: ExploredQuestions) -> list[list[bool | None]]:
    return [[one.outcomes[key].right for key in KEYS] for one in explored.recorded]


def test_an_explored_solve_is_the_recording_of_its_question(store: SolveLog) -> None:
    made = many(20)
    for one in made:
        store.add(explore_recorded(one, reference={"answer": one.question.reference, "right": True}))
    explored = select(store)
    assert (explored.ladder, explored.labelled, dict(explored.left_out)) == (LADDER, 20, {})
    for one, recorded in zip(explored.recorded, made, strict=True):
        assert (one.question.text, one.question.reference) == (recorded.question.text, recorded.question.reference)
        for key in KEYS:
            mine, other = one.outcomes[key], recorded.outcomes[key]
            assert mine.right == (other.attempt.answer == recorded.question.reference)
            assert mine.compute_usage() == other.compute_usage()
            assert replace(mine.attempt, trace=()) == replace(other.attempt, trace=())


def test_what_a_judge_took_is_no_cost_of_a_rung(store: SolveLog) -> None:
    judge = Verdict(True, 0.9, "judge", "it looks right", usage=Usage(verifier=50, cost=0.02))
    attempts = [replace(one, usage=replace(one.usage, cost=0.01)) for one in answers("2", "2", "2")]
    store.add(explore("1+1?", [one.with_verdict(judge) for one in attempts]))
    for one in select(store).recorded[0].outcomes.values():
        usage = one.compute_usage()
        assert (usage.verifier, one.attempt.verdict) == (0, None)
        assert usage.cost == pytest.approx(0.01)


def test_without_a_right_answer_nothing_is_graded(store: SolveLog) -> None:
    store.add(explore("1+1?", answers("2", "2", "3")))
    explored = select(store)
    assert (explored.labelled, grades(explored)) == (0, [[None, None, None]])


@pytest.mark.parametrize(
    ("right", "answer", "expected"),
    [
        (True, None, [True, False, True]),  # ours is the right answer
        (False, "3", [False, True, False]),
        (False, None, [False, False, False]),  # the dearest rung's is wrong too, and there is nothing to lose
    ],
)
def test_feedback_grades_every_rung(
    store: SolveLog, right: bool, answer: str | None, expected: list[bool]
) -> None:
    store.add_feedback(store.add(explore("1+1?", answers("2", "3", "2"))), right, answer)
    explored = select(store)
    assert grades(explored) == [expected]
    assert explored.labelled == (answer is not None or right)


def test_a_wrong_answer_that_is_not_the_dearest_rungs_says_nothing_of_that(store: SolveLog) -> None:
    store.add_feedback(store.add(explore("1+1?", answers("3", "2", "2"))), False)
    explored = select(store)
    assert grades(explored) == [[None, None, None]]
    assert WRONG not in {one.why for one in explored.recorded[0].outcomes.values()}


def test_a_right_answer_may_come_from_any_solve_of_the_question(store: SolveLog) -> None:
    store.add(explore("1+1?", answers("2", "2", "3")))
    plain = explore("1+1?", answers("2", "2", "3"), model="hf:other")
    del plain["explored"]
    store.add_feedback(store.add(plain), False, "3")
    assert grades(select(store)) == [[False, False, True]]


def test_each_question_once_by_its_newest_complete_solve(store: SolveLog) -> None:
    short = Ladder((Rung("none", 0), Rung("medium", 32)))
    store.add(explore("other ladder", answers("1", "1", "1"), short))
    store.add(explore("again", answers("1", "1", "1")))
    store.add(explore("again", answers("2", "2", "2")))
    store.add(explore("again", answers("3", "3", "3")[:2]))
    store.add(explore("cut", answers("1", "1", "1")[:2]))
    explored = select(store)
    assert [one.question.text for one in explored.recorded] == ["again"]
    assert explored.recorded[0].outcomes[TOP].attempt.answer == "2"
    assert dict(explored.left_out) == {INCOMPLETE: 2, REPEATED: 1, OTHER_LADDER: 1}


def test_only_solves_of_this_model_that_explored(store: SolveLog) -> None:
    plain = explore("1+1?", answers("2", "2", "2"))
    del plain["explored"]
    store.add(plain)
    store.add(explore("2+2?", answers("4", "4", "4"), model="hf:other"))
    with pytest.raises(InputError, match="no logged solve of toy explored: solve with --explore 5% for a while"):
        select(store)
    assert len(select(store, "hf:other").recorded) == 1
