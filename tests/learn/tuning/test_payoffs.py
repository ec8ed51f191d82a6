"""What is planted in recorded outcomes is measured of arms and of verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from adaptive.learn.data.outcome import DIRECT, OutcomeKey, RecordedQuestion
from adaptive.learn.data.questions import Question
from adaptive.learn.tuning.payoffs import MIN_TRIALS, QUANTILES, measure_evidence, measure_follow_ups
from adaptive.learn.tuning.replay import Replay
from adaptive.policy.utility import estimate_gain
from adaptive.profile.profile import Profile
from adaptive.types.forecast import Forecast
from adaptive.types.logistic import Logistic, log_odds
from adaptive.types.policy import FollowUp, Policy
from tests.learn.made import LADDER, outcome

COUNT = 3000
RIGHT, BREAKS, BIAS, SLOPE = 0.3, 0.2, -0.5, 0.8
"""Of the direct answers that are right, of those that a chain makes wrong, and how often it mends a wrong one."""
SHORT, LONG = OutcomeKey("medium", 32), OutcomeKey("medium", 64)
EXPECTED = (24.0, 20.0, 40.0)
PROFILE = Profile(
    "toy", "toy", LADDER, policy=Policy(vote_most=0), verifier=Logistic({"difficulty": 1, "sure": 1}, 0, 1.1)
)
"""Its verifier adds the confidence's log-odds to those that the rung solves the question, and accepts nothing."""


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def draw(
    seed: int, confidences: Callable[[bool], float], count: int = COUNT
) -> tuple[Replay, list[RecordedQuestion]]:
    """Questions whose chains are surer than their direct answers, with their forecasts."""
    rng, recorded, forecasts = np.random.default_rng(seed), [], {}
    for number in range(count):
        x = float(rng.uniform(-3, 3))
        first = bool(rng.random() < RIGHT)
        then = bool(rng.random() < ((1 - BREAKS) if first else sigmoid(BIAS + SLOPE * x)))
        answers = {
            DIRECT: outcome(DIRECT, "1" if first else "0", first, confidences(first)),
            SHORT: outcome(SHORT, "1" if then else "2", then, 0.99, 26),
            LONG: outcome(LONG, "1" if then else "2", then, 0.99, 56),
        }
        recorded.append(RecordedQuestion(Question(f"q{number}", f"{number}?", "1"), answers))
        forecasts[f"{number}?"] = Forecast((sigmoid(x),) * 3, EXPECTED)
    return Replay(PROFILE, forecasts), recorded


@pytest.fixture(scope="module")
def measured() -> tuple[FollowUp, ...]:
    return measure_follow_ups(*draw(0, lambda _: 0.6))


def test_what_was_planted_of_an_arm_is_measured(measured: tuple[FollowUp, ...]) -> None:
    assert [(one.arm, one.source, one.rung) for one in measured] == [("budget", 0, 1), ("budget", 0, 2)]
    for one in measured:
        assert one.count == COUNT
        assert one.right == pytest.approx(RIGHT, abs=0.03)
        assert one.breaks == pytest.approx(BREAKS, abs=0.04)
        assert (one.bias, one.slope) == (pytest.approx(BIAS, abs=0.15), pytest.approx(SLOPE, abs=0.1))
        assert one.cost == pytest.approx(1.5), "30 tokens of 20 expected, 60 of 40: the prompt was read before"


def test_what_was_measured_tells_what_is_won(measured: tuple[FollowUp, ...]) -> None:
    """The mean gain that is promised is the mean gain of the questions that were recorded."""
    replay, recorded = draw(1, lambda _: 0.6)
    policy, short = Policy(worth=1000), measured[0]
    promised = [estimate_gain(short, RIGHT, policy, replay.texts.forecast(one.question.text)) for one in recorded]
    won = [1000 * (one.is_solved(SHORT) - one.is_solved(DIRECT)) - 30 for one in recorded]
    assert np.mean(promised) == pytest.approx(np.mean(won), abs=40)
    likely = np.array([replay.texts.forecast(one.question.text).p_solved[1] > 0.8 for one in recorded])
    assert np.mean(np.array(promised)[likely]) == pytest.approx(np.mean(np.array(won)[likely]), abs=60)


def test_an_answer_that_stays_the_better_one_is_neither_mended_nor_broken() -> None:
    (short, _) = measure_follow_ups(*draw(2, lambda _: 0.999, 300))
    assert (short.right, short.breaks) == (pytest.approx(RIGHT, abs=0.1), pytest.approx(0.01, abs=0.01))
    assert all(sigmoid(short.bias + short.slope * x) < 0.05 for x in (-3, 0, 3))


def test_what_is_accepted_is_not_followed_and_few_trials_measure_nothing() -> None:
    replay, recorded = draw(3, lambda _: 0.6, 60)
    every = replay.with_policy(PROFILE.policy, threshold=0.0)
    assert measure_follow_ups(every, recorded) == ()
    assert measure_follow_ups(replay, recorded[: MIN_TRIALS - 1]) == ()
    assert len(measure_follow_ups(replay, recorded[:MIN_TRIALS])) == 2


def test_what_was_planted_of_verdicts_is_measured() -> None:
    rng = np.random.default_rng(4)
    shifts: dict[bool, list[float]] = {True: [], False: []}

    def draw_confidence(right: bool) -> float:
        shifts[right].append(float(rng.normal(1.5 if right else -1, 0.5)))
        return sigmoid(shifts[right][-1])

    direct, *chains = measure_evidence(*draw(4, draw_confidence, 400))
    assert direct.rung == 0
    assert direct.right == pytest.approx(np.quantile(shifts[True], QUANTILES), abs=1e-3)
    assert direct.wrong == pytest.approx(np.quantile(shifts[False], QUANTILES), abs=1e-3)
    assert direct.right == tuple(sorted(direct.right))
    assert [one.rung for one in chains] == [1, 2]
    for one in chains:
        assert [*one.right, *one.wrong] == pytest.approx([log_odds(0.99)] * 16, abs=1e-3), "it tells nothing"


@pytest.mark.parametrize("kind", ["no verifier model", "all right", "few"])
def test_verdicts_that_cannot_be_told_apart_are_no_evidence(kind: str) -> None:
    replay, recorded = draw(5, lambda _: 0.6, 60)
    if kind == "no verifier model":
        replay = Replay(replace(PROFILE, verifier=None), replay.texts.forecasts)
    elif kind == "few":
        recorded = recorded[: 2 * MIN_TRIALS - 1]
    else:
        recorded = [
            replace(r, outcomes={k: replace(o, right=True) for k, o in r.outcomes.items()}) for r in recorded
        ]
    assert measure_evidence(replay, recorded) == ()
