"""The wording of a question: what is left of it if numbers, formulas and single letters are all the same."""

from __future__ import annotations

import numpy as np
import pytest

from adaptive.profile.features import QuestionFeatures
from adaptive.profile.question_traits import TABLES, QuestionTraits, read_wording


def wording(question: str) -> str:
    return " ".join(read_wording(QuestionFeatures(question).shapes))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is (3 + 4) * 2?", "what is # ?"),
        ("What is -47.5 / 3?", "what is # ?"),
        ("Solve for q: 3*q - 7 = 5", "solve for x : # x #"),
        ("What is 15% of 1,200?", "what is # % of # ?"),
        ("I ate 3 of <5> cakes", "x ate # of < # > cakes"),
        ("7*8", "#"),
        ("", ""),
    ],
)
def test_numbers_formulas_and_letters_are_the_same(question: str, expected: str) -> None:
    assert wording(question) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is 47 + 38?", "What is (3 + 4) * 2?", True),
        ("Solve for y: y + 1 = 2", "Solve for b: 7*b = 14", False),
        ("Solve for y: 3*y + 1 = 2", "Solve for b: 7*b - 9 = 14", True),
        ("How many legs have 3 spiders?", "How many legs have 3 days?", False),
    ],
)
def test_four_words_in_a_row_of_the_wording_are_compared(one: str, other: str, same: bool) -> None:
    first, second = (QuestionTraits.read(question).slots["wordings"] for question in (one, other))
    assert np.array_equal(first, second) == same


@pytest.mark.parametrize(("question", "count"), [("", 0), ("7", 1), ("7*8", 1), ("What is 7?", 4)])
def test_short_questions_have_a_wording_too(question: str, count: int) -> None:
    assert len(QuestionTraits.read(question).slots["wordings"]) == count


def test_slots_lie_within_their_tables() -> None:
    slots = QuestionTraits.read("How many legs do 4 spiders have? " * 40).slots
    assert all(0 <= places.min() <= places.max() < 2 ** TABLES[name] for name, places in slots.items())
