"""How many replies are read and graded right; a wrong one is never graded right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adaptive.answers.math import AutoGrader
from tests.answers.held_out import HELD_OUT
from tests.answers.pairs import ROWS, list_pairs

Pair = tuple[str, str, str, bool]


@pytest.fixture(scope="module")
def auto() -> Iterator[AutoGrader]:
    with AutoGrader(seconds=30) as grader:  # a machine may be busy
        yield grader


def grade_all(auto: AutoGrader, pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """The wrong replies that are graded right, and the right ones that are not."""
    graded = [(pair, auto.grade(*pair[:3]).right) for pair in pairs]
    return [p for p, right in graded if right and not p[3]], [p for p, right in graded if p[3] and not right]


def test_replies_are_graded_as_they_are(auto: AutoGrader) -> None:
    assert grade_all(auto, list_pairs(ROWS)) == ([], [])


def test_held_out_replies_are_graded_as_they_are(auto: AutoGrader) -> None:
    wrong, missed = grade_all(auto, HELD_OUT)
    assert wrong == []
    assert len(missed) <= 0.02 * len(HELD_OUT)


def test_the_table_is_large_and_even() -> None:
    rights = [right for *_, right in list_pairs(ROWS)]
    assert len(rights) >= 300
    assert 0.4 <= sum(rights) / len(rights) <= 0.6
