"""Votes as baselines: who wins, what they take, and how many are paid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adaptive.bench.baselines import Baseline, MissingBaseline
from adaptive.bench.figures import compute_figures
from adaptive.bench.votes import AdaptiveConsistency
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.constants import Constant
from adaptive.learn.tuning.samples import SampleSource
from adaptive.learn.tuning.ways import Way, WayResult
from adaptive.types.ladder import Rung
from adaptive.types.usage import Usage
from tests.bench.planted import outcome, rungs, trial_of

DRAWN = SampleSource(OutcomeKey("low", 16))
SAMPLE = 5 + 2 + 3
"""What a sample takes, its prompt apart."""


def sampled(answers: Sequence[str | None], right: str = "1", budget: int = 16) -> list[Outcome]:
    return [
        outcome(OutcomeKey("low", budget, 0, i), said == right, [(5, 0)], answer=said)
        for i, said in enumerate(answers, 1)
    ]


def asked(*answers: str | None, number: int = 0) -> RecordedQuestion:
    return rungs((False,) * 4, (0.5,) * 4, number, *sampled(answers))


def vote(samples: int) -> Constant:
    return Constant("vote", Rung("low", 16), samples)


def test_samples_share_their_prompt() -> None:
    taken = vote(3).choose(asked("2", "1", "1", "2"))
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
    assert vote(len(answers)).choose(asked(*answers)).right is right


@pytest.mark.parametrize(("tokens", "samples"), [(10, 1), (20, 1), (29, 1), (30, 2), (39, 2), (40, 3), (999, 3)])
def test_at_equal_tokens_there_is_never_room_for_one_more(tokens: int, samples: int) -> None:
    one = asked("1", "1", "1")
    policy = WayResult(True, Usage(thinking=tokens))
    [made] = [b for b in trial_of([one], policy=lambda _: policy).build_baselines() if b.kind == "votes"]
    assert isinstance(made, Baseline)
    assert made.name == f"self-consistency ({samples} of low 16)"
    assert (made.description == "one sample, though it takes more than the policy") == (tokens < 20)


def priced(one: RecordedQuestion, dear: float) -> RecordedQuestion:
    """The question as a provider billed it: a sample at a cent, any other attempt at so many dollars."""
    turn = ({"role": "assistant"},)
    billed = {
        key: replace(made, attempt=replace(
            made.attempt, turns=turn, usage=replace(made.attempt.usage, cost=0.01 if key.sample else dear)
        ))
        for key, made in one.outcomes.items()
    }  # fmt: skip
    return replace(one, outcomes=billed)


@pytest.mark.parametrize(("cost", "samples"), [(0.019, 1), (0.02, 2), (9.0, 3)])
def test_where_dollars_count_no_more_samples_are_bought_than_the_policy_pays_for(
    cost: float, samples: int
) -> None:
    one, policy = priced(asked("1", "1", "1"), 0.1), WayResult(True, Usage(thinking=1, cost=cost))
    setup = trial_of([one], policy=lambda _: policy)
    setup = replace(setup, policy=Way("policy", (policy,), setup.constants.unit))
    [made] = [b for b in setup.build_baselines() if b.kind == "votes"]
    assert isinstance(made, Baseline)
    assert made.name == f"self-consistency ({samples} of low 16)"
    assert made.description == "the most samples that the policy's dollars pay for"
    lines = {line.kind: line for line in compute_figures(setup, 1.0, (), {}, live=False).lines}
    for kind, spent in (("votes", samples * 0.01), ("top", 0.1)):
        against = lines[kind].against
        assert against is not None
        assert against.ratio is not None
        assert against.ratio.value == pytest.approx(cost / spent)


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
