"""The starving brain does what it says, question by question, in any order of calls."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hosted.brains import UNITS, starving
from tests.hosted.clients import NAMES, client
from tests.hosted.script import Asked, said
from tests.hosted.server import Hosted

CAP = 256
questions = st.text(min_size=1, max_size=20)
efforts = st.sampled_from([None, *UNITS])
QUESTIONS = [f"What is {n} and {n}?" for n in range(12)]


def one(question: str, effort: str | None, cap: int | None, budget: int | None = None) -> Asked:
    return Asked("openai", "gpt-5", (("user", question),), effort=effort, cap=cap, budget=budget)


@given(questions, efforts, st.integers(1, 4 * CAP), st.integers(0, 9), st.floats(0, 1))
def test_a_call_starves_exactly_where_it_is_said_to(
    question: str, effort: str | None, cap: int, seed: int, share: float
) -> None:
    brain = starving(seed, share, CAP, answer=lambda _: "It is four.")
    asked = one(question, effort, cap)
    made = said(asked, brain(asked))
    starved = made.finish == "length" and not made.answer
    assert brain.starves(question, effort, cap) <= starved
    assert (made.answer == "It is four.") == (cap >= brain.enough(question, effort))
    assert made.completion <= cap
    assert made.thought == min(brain.need(question, effort), cap)


@given(questions, st.integers(0, 9))
def test_at_the_first_cap_the_hungry_starve_from_medium_effort_up_and_no_other(question: str, seed: int) -> None:
    brain = starving(seed, 0.5, CAP)
    for effort in ("medium", "high", "xhigh", None):
        assert brain.starves(question, effort, CAP) == brain.hungry(question)
    for effort in ("none", "minimal", "low"):
        assert brain.enough(question, effort) <= CAP


@given(st.integers(0, 99))
def test_the_share_is_the_share(seed: int) -> None:
    hungry = [starving(seed, 0.3, CAP).hungry(f"question {n}") for n in range(1000)]
    assert 200 < sum(hungry) < 400
    assert not any(starving(seed, 0, CAP).hungry(f"question {n}") for n in range(100))
    assert all(starving(seed, 1, CAP).hungry(f"question {n}") for n in range(100))


def test_a_budget_is_kept() -> None:
    brain = starving(1, 1, CAP)
    asked = one("What?", "high", CAP, budget=100)
    assert said(asked, brain(asked)).thought == 100


def test_without_a_cap_nothing_starves() -> None:
    brain = starving(1, 1, CAP)
    asked = one("What?", "xhigh", None)
    assert said(asked, brain(asked)).answer == "42"


@pytest.mark.parametrize("name", NAMES)
async def test_many_calls_at_once_starve_as_predicted(name: str) -> None:
    brain = starving(3, 0.5, CAP)
    more = {"thinking": {"type": "adaptive"}} if name == "anthropic" else {}
    with Hosted(brain) as hosted:
        chat = client(name, hosted, max_tokens=CAP, **more)
        messages = await asyncio.gather(*(chat.ainvoke(question) for question in QUESTIONS))
    assert [not message.text for message in messages] == [brain.hungry(question) for question in QUESTIONS]
    assert sorted(asked.question for asked in hosted.asked) == sorted(QUESTIONS)
