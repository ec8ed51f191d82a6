from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.profile.features import (
    COUNTS,
    MAX_CHARACTERS,
    QuestionFeatures,
    count_features,
    normalise_question,
)


def test_numbers_are_their_size() -> None:
    assert QuestionFeatures("What is 47 + 38?").to_tokens() == QuestionFeatures("What is 12 + 95?").to_tokens()
    assert QuestionFeatures("What is 47 + 38?").to_tokens() != QuestionFeatures("What is 4712 + 38?").to_tokens()


@pytest.mark.parametrize(
    ("question", "token"),
    [
        ("Tom has 5 apples", "tom has"),
        ("1,234.50 euros", "<4.2d>"),
        ("12 × 345", "<2d>*<3d>"),
        ("345*12", "<2d>*<3d>"),
        ("345 - 12", "<3d>-<2d>"),
        ("345 − 12", "<3d>-<2d>"),
        ("3 and 4 and 5", "#numbers=3"),
        ("x" * 700, "#characters=512"),
    ],
)
def test_tokens(question: str, token: str) -> None:
    assert token in QuestionFeatures(question).to_tokens()


def test_counts_name_what_they_count() -> None:
    row = dict(
        zip(
            COUNTS,
            np.expm1(count_features(["Each box holds 12 pens. How many pens are in 345 boxes?"])[0]),
            strict=True,
        )
    )
    expected = {
        "numbers": 2,
        "digits": 5,
        "longest_number": 3,
        "shortest_number": 2,
        "sentences": 2,
        "words": 10,
    }
    assert {name: round(row[name]) for name in expected} == expected
    assert round(row["key_rate"]) == 1


def test_products_take_more_work_than_sums() -> None:
    work = count_features(["123 + 45", "123 * 45"])[:, [COUNTS.index("work_add"), COUNTS.index("work_multiply")]]
    assert np.expm1(work).round().tolist() == [[3, 0], [0, 6]]


@given(st.text(max_size=200))
def test_any_text_has_finite_counts(question: str) -> None:
    assert np.isfinite(count_features([question])).all()
    assert len(QuestionFeatures(question).to_counts()) == len(COUNTS)


def test_no_questions_have_no_rows() -> None:
    assert count_features([]).shape == (0, len(COUNTS))


@pytest.mark.parametrize("piece", ["1", "1,", "a'", "+1", "(", "… ", "9" * 100 + " + "])
def test_long_questions_are_read_up_to_a_limit(piece: str) -> None:
    question = piece * 100_000
    started = time.process_time()
    assert QuestionFeatures(question).to_tokens() == QuestionFeatures(question[:MAX_CHARACTERS]).to_tokens()
    assert time.process_time() - started < 5


def test_the_same_question_in_another_dress() -> None:
    assert normalise_question("What is  2 + 3?") == normalise_question("what is 2 + 3")
    assert normalise_question("What is 2 + 3?") != normalise_question("What is 2 * 3?")
