"""On a question unlike those that a profile was measured on nothing that was measured counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.learn.fit.domain import fit_domain
from adaptive.profile.domain import UNLIKE
from adaptive.profile.profile import Profile
from adaptive.types.logistic import Logistic
from adaptive.types.options import Options
from adaptive.types.result import Result
from adaptive.verify.check_function import Function
from tests.support.questions import make_essays, make_sums
from tests.support.solving import PureEngine, ask, profile

SUMS = make_sums(100)
DOMAIN = fit_domain(SUMS, SUMS).domain
INSIDE, OUTSIDE = make_sums(1, seed=5)[0], make_essays(1)[0]
NOT_VERIFIED = f"not verified: {UNLIKE}"


def sure_of_all(**policy: Any) -> Profile:
    """A profile that accepts every answer to questions like the sums."""
    own = profile(accept={"none": 0.0}, agreement=0.0, **policy)
    return replace(own, verifier=Logistic({}, 9.0, 0.5), domain_model=lambda: DOMAIN)


def solved(question: str, own: Profile | None = None, **options: Any) -> Any:
    solver = build_solver(PureEngine(), profile=own or sure_of_all(), options=Options(**options))
    return solver.invoke(ask(question))["adaptive_result"]


@pytest.mark.parametrize("verify", [None, "learned", "rules,confidence", "confidence,agreement"])
def test_it_is_one_plain_call_that_is_not_verified(verify: str | None) -> None:
    inside, outside = (solved(question, verify=verify) for question in (INSIDE, OUTSIDE))
    assert inside["accepted"] is True
    assert (outside["accepted"], len(outside["attempts"])) == (None, 1)
    (one,) = outside["attempts"]
    assert outside["stopped"] == one["verdict"]["reason"] == NOT_VERIFIED
    assert one["reason"] == f"{UNLIKE}: the model thinks as long as it likes"
    assert (one["budget"], one["finish"]) == (PureEngine().context_window, "natural")


def test_the_result_says_where_the_question_is_and_that_its_difficulty_is_unknown() -> None:
    inside, outside = (Result.of({"adaptive_result": solved(q)}).difficulty for q in (INSIDE, OUTSIDE))
    assert (inside.outside, outside.outside) == (False, True)
    assert (inside.typical or 0) > 0.05 >= (outside.typical or 1)
    assert (outside.level, outside.p_solved, outside.general) == ("unknown", (), None)


def test_events_say_it_too() -> None:
    solver = build_solver(PureEngine(), profile=sure_of_all())
    events = {e["event"]: e for e in solver.stream(ask(OUTSIDE), stream_mode="custom")}
    assert (events["difficulty"]["outside"], events["difficulty"]["p_solved"]) == (True, [])
    assert UNLIKE in events["difficulty"]["reason"]
    assert events["verdict"]["reason"] == NOT_VERIFIED


@pytest.mark.parametrize("right", [True, False])
def test_a_check_decides_as_ever(right: bool) -> None:
    solver = build_solver(PureEngine(), profile=sure_of_all(), check=Function(lambda question, answer: right))
    result = solver.invoke({**ask(OUTSIDE), "adaptive_options": {"max_attempts": 1}})["adaptive_result"]
    assert result["accepted"] is right


def test_an_effort_that_the_caller_sets_is_kept() -> None:
    one = solved(OUTSIDE, effort="medium")["attempts"][0]
    assert one["effort"] == "medium"


def test_the_last_question_of_a_thread_counts_not_the_first() -> None:
    own = sure_of_all()
    assert [solved(q, own)["difficulty"]["outside"] for q in (OUTSIDE, INSIDE, OUTSIDE)] == [True, False, True]


def test_a_profile_that_does_the_same_at_every_question_has_nothing_to_lose() -> None:
    own = sure_of_all(measured=False)
    assert NOT_VERIFIED not in str(solved(OUTSIDE, own))
