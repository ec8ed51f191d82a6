"""What a fit will take: scaled from what was recorded, each attempt counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptive.fit.estimate import (
    LEARN_SECONDS,
    LEARN_SECONDS_PER_QUESTION,
    Estimate,
    format_duration,
    sum_recorded_usage,
)
from adaptive.learn.data.outcome import OutcomeKey
from adaptive.prices import Prices
from tests.bench.planted import recorded
from tests.learn.made import outcome

FIRST = outcome(OutcomeKey("medium", 32), "1", True, 0.9, 20)
AGAIN = replace(FIRST, key=OutcomeKey("medium", 64))  # the chain had ended: the same attempt serves 64 too
OTHER = outcome(OutcomeKey("none"), "1", True, 0.8)
ONE = recorded(FIRST, AGAIN, OTHER)
PRICES = Prices.load(options=["toy=1000/2000"])


def test_an_attempt_that_is_stored_twice_is_counted_once() -> None:
    usage = sum_recorded_usage(ONE)
    assert usage.total == FIRST.attempt.usage.total + OTHER.attempt.usage.total == (20 + 20 + 4) + (20 + 4)
    assert usage == sum_recorded_usage(recorded(FIRST, OTHER))


def test_an_estimate() -> None:
    made = Estimate.from_recorded([ONE, recorded(OTHER)], 6.0, left=40, total=50, model="toy", prices=PRICES)
    assert made.questions == 40
    assert made.measured == 2
    assert made.tokens == (68 + 24) * 20
    assert made.seconds == pytest.approx(6.0 * 20 + LEARN_SECONDS + 50 * LEARN_SECONDS_PER_QUESTION)
    assert made.cost == pytest.approx(20 * (60 * 1000 + 32 * 2000) / 1e6)
    assert Estimate.from_recorded([ONE], 6.0, 4, 5, "hf:a/b", PRICES).cost is None


@pytest.mark.parametrize(
    ("changed", "exceeded"),
    [
        ({}, []),
        ({"seconds": 601}, ["10 minutes"]),
        ({"tokens": 1_000_001}, ["1,000,000 tokens"]),
        ({"cost": 1.01}, ["$1"]),
        ({"cost": None}, []),
        ({"seconds": 1e6, "tokens": 1 << 40, "cost": 1e6}, ["10 minutes", "1,000,000 tokens", "$1"]),
    ],
)
def test_what_must_be_confirmed(changed: dict[str, float | None], exceeded: list[str]) -> None:
    assert replace(Estimate(55, 600, 1_000_000, 1.0, 5), **changed).list_exceeded() == exceeded  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (
            Estimate(55, 61, 45_678, None, 5),
            "55 questions are left: about 61 seconds and 45,678 tokens (no price is known), measured on 5",
        ),
        (
            Estimate(300, 6000, 12, 0.314, 16),
            "300 questions are left: about 1.7 hours and 12 tokens ($0.31), measured on 16",
        ),
    ],
)
def test_in_words(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (1.4, "1 second"), (2, "2 seconds"), (89, "89 seconds"), (90, "2 minutes"),
     (5399, "90 minutes"), (5400, "1.5 hours")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
