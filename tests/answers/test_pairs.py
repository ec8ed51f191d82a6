"""How many replies are read and graded right; a wrong one is never graded right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adaptive.answers.math import AutoGrader
from tests.answers.held_out import HELD_OUT
from tests.answers.pairs import ROWS, list_pairs

Pair = tuple[str, str, str, bool]
LEAST = 0.98
"""The least share of pairs that must be graded as they are."""


@pytest.fixture(scope="module")
def auto() -> Iterator[AutoGrader]:
    with AutoGrader(seconds=30) as grader:  # a machine may be busy
        yield grader


@pytest.mark.parametrize("pairs", [list_pairs(ROWS), HELD_OUT], ids=["tuned on", "held out"])
def test_replies_are_graded_as_they_are(auto: AutoGrader, pairs: list[Pair]) -> None:
    grades = [(auto.grade(question, reply, reference).right, right) for question, reply, reference, right in pairs]
    wrong = [pair[1:3] for pair, (graded, right) in zip(pairs, grades, strict=True) if graded and not right]
    assert wrong == []
    assert sum(graded == right for graded, right in grades) >= LEAST * len(pairs)


def test_the_table_is_large_and_even() -> None:
    rights = [right for *_, right in list_pairs(ROWS)]
    assert len(rights) >= 300
    assert 0.4 <= sum(rights) / len(rights) <= 0.6
