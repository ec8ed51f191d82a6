"""How many questions could show a saving."""

from __future__ import annotations

import numpy as np
import pytest

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.tuning.power import count_questions_to_show
from adaptive.learn.tuning.risk import compute_p_value, count_minimum_questions
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.usage import Usage

PROMISE = (0.02, 0.95)


def way(right: np.ndarray, tokens: np.ndarray) -> Way:
    rows = zip(right.tolist(), tokens.tolist(), strict=True)
    return Way("", tuple(WayResult(bool(r), Usage(answer=int(t))) for r, t in rows))


def questions(count: int, size: int = 1) -> list[RecordedQuestion]:
    return [RecordedQuestion(Question(f"q{i}", f"{i}?", "1", f"g{i // size}" if size > 1 else ""), {})
            for i in range(count)]  # fmt: skip


def test_without_a_question_that_differs_it_is_the_least_that_the_promise_takes() -> None:
    right = np.ones(400)
    dear, cheap = way(right, np.full(400, 100)), way(right, np.full(400, 20))
    asked = questions(400)
    assert count_questions_to_show(0.1, dear, [cheap], asked, PROMISE) == count_minimum_questions(*PROMISE)
    assert count_questions_to_show(0.9, dear, [cheap], asked, PROMISE) is None


def test_the_more_answers_differ_by_chance_the_more_questions_it_takes() -> None:
    rng = np.random.default_rng(0)
    needed = []
    for noise in (0.02, 0.1, 0.4):
        dear = way(rng.random(3000) < 0.8, np.full(3000, 100))
        cheap = way(np.where(rng.random(3000) < noise, rng.random(3000) < 0.8, dear.right > 0), np.full(3000, 50))
        needed.append(count_questions_to_show(0.1, dear, [cheap], questions(3000), PROMISE))
    assert None not in needed
    assert needed == sorted(needed)  # type: ignore[type-var]
    assert needed[0] < needed[-1]  # type: ignore[operator]


def test_a_rare_large_saving_takes_more_questions_than_a_common_small_one() -> None:
    right, tokens = np.ones(400), np.full(400, 10)
    tokens[:4] = 1000
    rare = count_questions_to_show(
        0.1, way(right, tokens), [way(right, np.full(400, 10))], questions(400), PROMISE
    )
    even = count_questions_to_show(0.1, way(right, tokens), [way(right, tokens // 2)], questions(400), PROMISE)
    assert rare is not None
    assert even is not None
    assert rare > count_minimum_questions(*PROMISE)


def test_in_groups_it_takes_as_many_more_as_a_group_has() -> None:
    right = np.ones(400)
    ways = way(right, np.full(400, 100)), [way(right, np.full(400, 20))]
    alone = count_questions_to_show(0.1, *ways, questions(400), PROMISE)
    assert alone is not None
    assert count_questions_to_show(0.1, *ways, questions(400, 8), PROMISE) == 8 * alone


@pytest.mark.parametrize("gains", [0.0, 0.01, 0.05])
def test_so_many_questions_are_shown_by_about_every_second_run(gains: float) -> None:
    """A policy that moves a fifth of the questions, and gains and loses as many, against the exact test."""
    rng = np.random.default_rng(1)
    count = 5000
    dear = rng.random(count) < 0.7
    cheap = np.where(rng.random(count) < gains / 0.3, ~dear & (rng.random(count) < 1), dear)
    needed = count_questions_to_show(
        0.1, way(dear, np.full(count, 100)), [way(cheap, np.full(count, 50))], questions(count), PROMISE
    )
    assert needed is not None
    share = 0.2 * float(np.mean(cheap & ~dear))
    shown = [
        compute_p_value(*rng.multinomial(needed, [share, share, 1 - 2 * share])[:2].tolist(), needed, PROMISE[0])
        <= 1 - PROMISE[1]
        for _ in range(60)
    ]
    assert 0.25 < np.mean(shown) <= 1
