"""Halves of questions: the same whatever their order, and no group in both."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.fit.split import LEAST_IN_PART, LEAST_QUESTIONS, hold_out_half
from adaptive.learn.data.questions import Question
from adaptive.learn.data.splits import get_group


def asked(count: int, groups: int = 0) -> list[Question]:
    return [
        Question(str(i), f"What is {i} + 1?", str(i + 1), f"g{i % groups}" if groups else "") for i in range(count)
    ]


@given(st.integers(LEAST_QUESTIONS, 120), st.sampled_from((0, 12, 40)), st.integers(0, 5), st.randoms())
def test_a_split(count: int, groups: int, seed: int, rng: Random) -> None:
    questions = asked(count, groups)
    split = hold_out_half(questions, seed)
    assert sorted(one.text for one in split.questions) == sorted(one.text for one in questions)
    assert not {get_group(q) for q in split.learn} & {get_group(q) for q in split.held_out}
    assert LEAST_IN_PART <= len(split.held_out) <= count // 2
    assert groups or len(split.held_out) == count // 2
    rng.shuffle(questions)
    assert hold_out_half(questions, seed) == split


def test_the_seed_chooses_and_ids_do_not() -> None:
    questions = asked(60)
    assert hold_out_half(questions, 0) != hold_out_half(questions, 1)
    renamed = [Question(f"other {q.id}", q.text, q.reference, q.group) for q in questions]
    assert hold_out_half(renamed) == hold_out_half(questions)
    assert len({q.id for q in hold_out_half(questions).questions}) == 60


@pytest.mark.parametrize(
    ("questions", "sentence"),
    [
        (asked(29), "29 different questions are too few to fit a profile: give at least 30."),
        ([*asked(20), *asked(20)], "20 different questions are too few to fit a profile: give at least 30."),
        (
            asked(90, 1),
            "the 90 questions are in 1 groups, so that only 0 could be held out or learned from: give questions "
            "of more groups, at least 10 for each part.",
        ),
    ],
)
def test_too_few(questions: list[Question], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        hold_out_half(questions)
    assert str(caught.value) == sentence


def test_of_the_same_question_the_first_counts() -> None:
    double = Question("x", "what is 3 + 1 ?", "5")
    texts = {q.text for q in hold_out_half([*asked(30), double]).questions}
    assert "What is 3 + 1?" in texts
    assert len(texts) == 30
