"""Which logged questions are recorded anew: those outside, each once, with an answer that somebody gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.errors import InputError
from adaptive.learn.data.logged_questions import OutsideQuestions
from adaptive.learn.data.questions import read_questions
from adaptive.solve_log import SolveLog
from tests.cli.stub import ATTEMPT, result

OPTIONS = "Which is a river?\n(A) Rhine\n(B) Berlin"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SolveLog]:
    with SolveLog(tmp_path / "solves.db") as opened:
        yield opened


def add(
    store: SolveLog,
    question: str,
    word: tuple[bool, str | None] | None = None,
    *,
    outside: bool | None = True,
    **changed: Any,
) -> None:
    difficulty: dict[str, Any] = {"level": "unknown", "p_solved": []}
    if outside is not None:
        difficulty |= {"typical": 0.01, "outside": outside}
    number = store.add(result(question=question, difficulty=difficulty, **changed))
    if word is not None:
        store.add_feedback(number, *word)


def select(store: SolveLog, limit: int | None = None, **more: Any) -> OutsideQuestions:
    return OutsideQuestions.from_solves(store.list_recent(0), "embedded", limit, **more)


def list_answers(store: SolveLog, limit: int | None = None, **more: Any) -> list[tuple[str, str]]:
    return [(one.text, one.reference) for one in select(store, limit, **more).questions]


def test_only_those_of_this_model_that_are_outside(store: SolveLog) -> None:
    add(store, "outside", (True, None))
    add(store, "inside", (True, None), outside=False)
    add(store, "no domain", (True, None), outside=None)
    add(store, "another model", (True, None), model="hf:other")
    assert list_answers(store) == [("outside", "73")]
    assert select(store).unanswered == []


def test_newest_first_up_to_the_limit(store: SolveLog) -> None:
    for question in ("a", "b", "c", "d"):
        add(store, question, None if question == "c" else (True, None))
    assert list_answers(store) == [("d", "73"), ("b", "73"), ("a", "73")]
    assert list_answers(store, 2) == [("d", "73"), ("b", "73")]
    assert select(store, 1).unanswered == ["c"]


def test_each_once_with_an_answer_from_any_of_its_solves(store: SolveLog) -> None:
    add(store, "Name a river", (False, "Rhine"))
    add(store, "name a river?", model="hf:other")
    add(store, "name  a river.")
    assert list_answers(store) == [("name  a river.", "Rhine")]
    add(store, "Name a river", (False, "Elbe"), model="hf:other")
    assert list_answers(store) == [("name  a river.", "Elbe")]


def test_the_newest_solve_decides_whether_it_is_outside(store: SolveLog) -> None:
    add(store, "learned since", (True, None))
    add(store, "learned since", profile="newer", outside=False)
    add(store, "unknown to the newer", (True, None), outside=False)
    add(store, "unknown to the newer", profile="newer")
    add(store, "unknown to the newer", profile="none", outside=None)
    assert list_answers(store) == [("unknown to the newer", "73")]


@pytest.mark.parametrize(
    ("word", "reference", "answer"),
    [
        (None, None, None),
        ((False, None), None, None),
        ((True, None), None, "73"),
        ((False, "75"), None, "75"),
        ((False, r"so \boxed{75}"), None, "75"),
        ((True, "73 apples"), {"answer": "74", "right": False}, "73 apples"),
        (None, {"answer": "74", "right": False}, "74"),
        (None, {"answer": "74", "right": None}, "74"),
        ((False, None), {"answer": "74", "right": False}, "74"),
        ((False, None), {"answer": "74", "right": None}, "74"),
        ((False, None), {"answer": "73.0", "right": True}, None),
        ((True, None), {"answer": "74", "right": False}, "73"),
    ],
)
def test_whose_answer(
    store: SolveLog, word: tuple[bool, str | None] | None, reference: dict[str, Any] | None, answer: str | None
) -> None:
    add(store, "q", word, **({"reference": reference} if reference else {}))
    found = select(store)
    assert [one.reference for one in found.questions] == ([] if answer is None else [answer])
    assert found.unanswered == ([] if answer is not None else ["q"])


def test_a_verdict_gives_no_answer(store: SolveLog) -> None:
    """Recorded attempts would be graded by what a judge or a check let pass."""
    verdict = {"accepted": True, "score": 1.0, "verifier": "check", "reason": "exit code 0", "decided": True}
    add(store, "q", attempts=[{**ATTEMPT, "verdict": verdict}])
    assert (select(store).questions, select(store).unanswered) == ([], ["q"])


def test_a_right_solve_without_an_answer_gives_none(store: SolveLog) -> None:
    add(store, "q", (True, None), answer=None)
    assert select(store).unanswered == ["q"]


def test_an_answer_that_may_be_an_index_is_refused(store: SolveLog) -> None:
    add(store, OPTIONS, (False, "1"))
    with pytest.raises(InputError, match="the right answer of solve 1 is 1, which may be the index of an option"):
        select(store)
    assert list_answers(store, index_base=1) == [(OPTIONS, "A")]


def test_a_bad_answer_of_a_question_that_is_not_recorded_does_not_matter(store: SolveLog) -> None:
    add(store, OPTIONS, (False, "1"), outside=False)
    assert list_answers(store) == []


def test_ids_are_those_of_the_same_questions_in_a_file(store: SolveLog, tmp_path: Path) -> None:
    """So that a question that was recorded from a file is not recorded again from the log."""
    add(store, "q", (False, "75"))
    file = tmp_path / "q.jsonl"
    file.write_text('{"question": "q", "answer": "75"}\n')
    assert select(store).questions == read_questions(file)
