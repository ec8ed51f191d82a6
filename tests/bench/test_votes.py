"""Votes as baselines: who wins, what they take, and how many are paid for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.bench.baselines import Baseline, MissingBaseline
from adaptive.bench.votes import AdaptiveConsistency, SampleSource, SelfConsistency
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from tests.bench.planted import outcome, rungs, trial_of

DRAWN = SampleSource("low", 16)
SAMPLE = 5 + 2 + 3
"""What a sample takes, its prompt apart."""


def sampled(answers: Sequence[str | None], right: str = "1", budget: int = 16) -> list[Outcome]:
    return [
        outcome(OutcomeKey("low", budget, 0, i), said == right, [(5, 0)], answer=said)
        for i, said in enumerate(answers, 1)
    ]


def asked(*answers: str | None, number: int = 0) -> RecordedQuestion:
    return rungs((False,) * 4, (0.5,) * 4, number, *sampled(answers))


def test_samples_share_their_prompt() -> None:
    taken = SelfConsistency(DRAWN, 3)(asked("2", "1", "1", "2"))
    assert (taken.tokens, taken.right, taken.attempts) == (10 + 3 * SAMPLE, True, 3)


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (("2", "1"), False),
        (("1", "2"), True),
        (("2", "1", "2"), False),
        ((None, "1"), True),
        ((None, None), False),
    ],
)
def test_the_majority_and_of_equals_the_first(answers: tuple[str | None, ...], right: bool) -> None:
    assert SelfConsistency(DRAWN, len(answers))(asked(*answers)).right is right


@given(tokens=st.floats(0, 120), count=st.integers(1, 8))
def test_at_equal_tokens_there_is_never_room_for_one_more(tokens: float, count: int) -> None:
    vote = SelfConsistency.at_equal_tokens(DRAWN, [asked(*"1" * count)], tokens)
    assert vote.samples == 1 or 10 + vote.samples * SAMPLE <= tokens
    assert vote.samples == count or 10 + (vote.samples + 1) * SAMPLE > tokens


def test_adaptive_consistency_asks_no_further_than_it_must() -> None:
    taken = AdaptiveConsistency(DRAWN, 8, 0.85)(asked(*"11111111"))
    # P(majority) with two votes to none is 1 - 1/2^3 = 0.875.
    assert (taken.attempts, taken.tokens) == (2, 10 + 2 * SAMPLE)


def test_adaptive_consistency_goes_on_while_they_disagree() -> None:
    assert AdaptiveConsistency(DRAWN, 4, 0.99)(asked("2", "1", "1", "1")).attempts == 4


def test_samples_are_those_with_the_largest_budget() -> None:
    one = rungs((False,) * 4, (0.5,) * 4, 0, *sampled("11", budget=8), *sampled("11"))
    assert SampleSource.find([one]) == DRAWN


def test_votes_are_measured_on_questions_with_all_samples() -> None:
    full, less = asked("1", "1", number=0), asked("1", number=1)
    [vote] = [b for b in trial_of([full, less]).build_baselines() if b.kind == "votes"]
    assert isinstance(vote, Baseline)
    assert (vote.is_recorded(full), vote.is_recorded(less)) == (True, False)


def test_without_samples_there_is_no_vote() -> None:
    votes = [b for b in trial_of([rungs((False,) * 4)]).build_baselines() if b.kind in ("votes", "adaptive")]
    assert [type(b) for b in votes] == [MissingBaseline, MissingBaseline]
