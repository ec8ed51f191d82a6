"""Replay, tuning and bench on questions outside the profile's domain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adaptive.bench.split import RecordedPool, split_questions
from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, RecordedQuestion, make_plain_key
from adaptive.learn.data.questions import Question
from adaptive.learn.fit.domain import fit_domain
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.policy_search import Search
from adaptive.learn.tuning.replay import Replay, select_replayable
from adaptive.learn.tuning.tune import tune_policy
from adaptive.profile.profile import Profile
from tests.learn.made import LADDER, many
from tests.support.questions import make_essays, make_sums
from tests.support.solving import profile

SUMS, ESSAYS = make_sums(40), make_essays(40)
DOMAIN = fit_domain(SUMS, SUMS).domain
PLAIN = make_plain_key(1024)


def own() -> Profile:
    return replace(profile(), domain_model=lambda: DOMAIN)


def recorded(text: str, plain: bool) -> RecordedQuestion:
    """A question with the outcomes of a toy question; with a plain call too, or without."""
    one = many(1)[0]
    outcomes = {**one.outcomes}
    if plain:
        outcomes[PLAIN] = replace(outcomes[DIRECT], key=PLAIN, right=True)
    return RecordedQuestion(Question(text, text, one.question.reference), outcomes)


def test_outside_the_recorded_plain_call_is_what_a_solve_makes() -> None:
    one = recorded(ESSAYS[0], plain=True)
    result = Replay(own()).solve(one)
    assert (result.key, result.right, result.accepted, result.score) == (PLAIN, True, None, None)
    assert result.usage == one.outcomes[PLAIN].compute_usage()


def test_without_one_it_cannot_be_replayed_and_is_left_out() -> None:
    inside, outside = recorded(SUMS[0], plain=False), recorded(ESSAYS[0], plain=False)
    with pytest.raises(KeyError):
        Replay(own()).solve(outside)
    both = recorded(ESSAYS[1], plain=True)
    assert select_replayable(own(), [inside, outside, both]) == [inside, both]


def test_a_bench_leaves_it_out_and_says_so() -> None:
    every = [recorded(text, plain=False) for text in (*SUMS[:3], *ESSAYS[:2])]
    pool = RecordedPool.from_recorded(Path("outcomes.db"), every, LADDER)
    asked = [one.question for one in every]
    split = split_questions(pool, asked, "q.jsonl", (), replayed=own())
    assert [one.question.text for one in split.test] == SUMS[:3]
    assert any(note.startswith("2 of 5 questions are unlike") for note in split.notes)
    assert len(split_questions(pool, asked, "q.jsonl", ()).test) == 5
    with pytest.raises(InputError, match=r"every new question of q\.jsonl is unlike"):
        split_questions(pool, asked[3:], "q.jsonl", (), replayed=own())


def test_a_promise_about_other_questions_alone_is_refused() -> None:
    test = [recorded(text, plain=False) for text in ESSAYS[:3]]
    with pytest.raises(InputError, match="every question that was left to test on is unlike"):
        tune_policy(own(), Search([], {}), test, Goal())
