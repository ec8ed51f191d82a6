"""What logged solves teach: whose word counts, which answer is the right one, and what was predicted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptive.learn.data.observations import Observation, read_observations
from adaptive.solve_log import SolveLog
from tests.cli.stub import ATTEMPT, result

RIGHT = {"answer": "73.0", "right": True, "first_right": True}
WRONG = {"answer": "74", "right": False, "first_right": False}
CHECKED = {"accepted": False, "score": 0.0, "verifier": "check", "reason": "exit code 1", "decided": True}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SolveLog]:
    with SolveLog(tmp_path / "solves.db") as opened:
        yield opened


def judged(**verdict: Any) -> dict[str, Any]:
    return result(attempts=[{**ATTEMPT, "verdict": {**CHECKED, **verdict}}])


def only(store: SolveLog) -> Observation:
    (found,) = read_observations(store)
    return found


def test_a_solve_of_which_nobody_said_anything_is_no_observation(store: SolveLog) -> None:
    store.add(result())
    store.add(judged(verifier="confidence", accepted=True))
    store.add(judged(decided=False))
    store.add(result(attempts=[{**ATTEMPT, "verdict": None}]))
    assert read_observations(store) == []


def test_what_an_observation_holds(store: SolveLog) -> None:
    number = store.add(result())
    store.add_feedback(number, True)
    assert only(store) == Observation(
        id=1, question="47 + 38 - 12?", answer="73", right=True, source="user", reference="73", rung=1,
        effort="low", budget=64, waits=0, arm="first", p_solved=(0.9, 0.99), predicted=0.99, score=0.97,
        verifier="rules", accepted=True, model="embedded", profile="abacus",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "reference", "right", "source", "known"),
    [
        ((True, None), None, True, "user", "73"),
        ((True, "73 apples"), None, True, "user", "73 apples"),
        ((False, None), None, False, "user", None),
        ((False, "75"), None, False, "user", "75"),
        ((False, None), WRONG, False, "user", "74"),
        ((False, "75"), WRONG, False, "user", "75"),
        ((True, None), WRONG, True, "user", "73"),
        ((False, None), RIGHT, False, "user", None),
        (None, WRONG, False, "reference", "74"),
        (None, RIGHT, True, "reference", "73.0"),
    ],
)
def test_the_users_word_goes_before_a_reference(
    store: SolveLog,
    word: tuple[bool, str | None] | None,
    reference: dict[str, Any] | None,
    right: bool,
    source: str,
    known: str | None,
) -> None:
    number = store.add(judged(accepted=not right) | ({"reference": reference} if reference else {}))
    if word is not None:
        store.add_feedback(number, *word)
    found = only(store)
    assert (found.right, found.source, found.reference) == (right, source, known)
    assert not found.by_verdict


@pytest.mark.parametrize(("verifier", "accepted"), [("check", True), ("judge", False)])
def test_a_check_or_a_judge_that_could_tell_is_believed_last(
    store: SolveLog, verifier: str, accepted: bool
) -> None:
    store.add(judged(verifier=verifier, accepted=accepted))
    found = only(store)
    assert (found.right, found.source, found.by_verdict) == (accepted, "verdict", True)
    assert found.reference == ("73" if accepted else None)


def test_it_is_the_kept_attempt_that_counts(store: SolveLog) -> None:
    second = {**ATTEMPT, "rung": 0, "effort": "none", "budget": 0, "verdict": None}
    number = store.add(result(attempts=[ATTEMPT, second], kept=1, rung=0))
    store.add_feedback(number, True)
    found = only(store)
    assert (found.rung, found.effort, found.budget, found.predicted) == (0, "none", 0, 0.9)
    assert (found.score, found.verifier, found.accepted) == (None, "", False)


@pytest.mark.parametrize(
    ("attempt", "p_solved"), [({"model": "better"}, [0.9, 0.99]), ({}, []), ({"rung": 2}, [0.9, 0.99])]
)
def test_nothing_is_predicted_for_another_model_or_without_a_difficulty_model(
    store: SolveLog, attempt: dict[str, Any], p_solved: list[float]
) -> None:
    difficulty = {"level": "unknown", "p_solved": p_solved}
    number = store.add(result(attempts=[{**ATTEMPT, **attempt}], difficulty=difficulty))
    store.add_feedback(number, True)
    assert only(store).predicted is None


def test_a_model_with_a_masked_password_is_the_one_that_was_asked(store: SolveLog) -> None:
    model = "http://me:secret@host:1/v1"
    store.add_feedback(store.add(result(model=model, attempts=[{**ATTEMPT, "model": model}])), True)
    assert (only(store).model, only(store).predicted) == ("http://***@host:1/v1", 0.99)


def test_oldest_first_and_searched(store: SolveLog) -> None:
    for question in ("apples", "pears", "more apples"):
        store.add_feedback(store.add(result(question=question)), True)
    assert [o.id for o in read_observations(store)] == [1, 2, 3]
    assert [o.id for o in read_observations(store, "apples")] == [1, 3]
