"""How sure a model was: the weakest stretch of the thinking, the mean of the answer."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.engines.protocol import Generation
from adaptive.reason.chain import Thought
from adaptive.reason.confidence import WINDOW, compute_confidence, compute_mean_logprob, compute_weakest_logprob

LOGPROBS = st.lists(st.floats(-30, 0), max_size=60)


def made(logprobs: list[float], stop: float | None = None) -> Generation:
    return Generation(tuple(range(len(logprobs))), tuple(logprobs), "stop", 0, 0, None, stop)


@given(LOGPROBS)
def test_weakest_is_the_lowest_mean_of_any_window(logprobs: list[float]) -> None:
    width = min(WINDOW, len(logprobs))
    means = [sum(logprobs[i : i + width]) / width for i in range(len(logprobs) - width + 1)] if width else []
    assert (
        compute_weakest_logprob(made(logprobs)) == pytest.approx(min(means))
        if means
        else compute_weakest_logprob(made(logprobs)) is None
    )


def test_one_bad_stretch_is_not_averaged_away() -> None:
    assert compute_weakest_logprob(made([0.0] * 200 + [-2.0] * WINDOW + [0.0] * 200)) == pytest.approx(-2.0)


def test_without_logprobs_nothing_is_known() -> None:
    silent = Generation((1, 2), (), "length", 0, 0)
    assert compute_weakest_logprob(silent) is None
    assert compute_mean_logprob(silent) is None
    assert compute_confidence(compute_mean_logprob(silent), -1.0) is None


def test_the_end_of_the_answer_counts() -> None:
    assert compute_mean_logprob(made([-1.0], stop=-3.0)) == pytest.approx(-2.0)


@given(st.floats(-30, 0), st.none() | st.floats(-30, 0))
def test_confidence_is_a_probability_never_above_its_weaker_part(answer: float, thinking: float | None) -> None:
    sure = compute_confidence(answer, thinking)
    assert sure is not None
    assert 0 <= sure <= 1
    assert sure == pytest.approx(exp(min(answer, 0.0 if thinking is None else thinking)))


def test_what_was_weak_stays_weak_over_rounds() -> None:
    cut = Thought().with_round((), (1, 2), "budget", -5.0)
    assert cut.with_round((), (3,), "natural", -1.0).weakest == -5.0
    ended = Thought().with_round((), (1, 2), "natural", -5.0)
    assert ended.with_round((9,), (3,), "natural", -1.0).weakest == -5.0
