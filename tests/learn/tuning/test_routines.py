"""A profile that does a constant buys what the constant buys, whatever was recorded."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.constants import list_constants
from adaptive.learn.tuning.replay import Replay
from adaptive.types.attempt import Round
from tests.bench.planted import LADDER, WINDOW, outcome, recorded
from tests.support.solving import profile

WAITS, SAMPLES = 2, 4
PROFILE = profile((0.3, 0.5, 0.7, 0.8), LADDER, agreement=0.6, accept={"none": 0.8, "low": 0.9}, max_attempts=1)
"""Accepts by confidence and by agreement, so that the order of attempts matters."""
ANSWERS = st.sampled_from(("1", "2", "3", None))
SURE = st.sampled_from((0.2, 0.5, 0.7, 0.85, 0.95, None))


@st.composite
def chains(draw: st.DrawFn, effort: str, budget: int, sample: int = 0) -> list[Outcome]:
    """A chain that is cut or ends, and Waits after one that ended, as far as they were recorded."""
    key = OutcomeKey(effort, budget, 0, sample)
    end = draw(st.sampled_from(("natural", "natural", "budget", "context")))
    first = outcome(key, draw(st.booleans()), [(draw(st.integers(1, budget)), 0)], end, draw(SURE), draw(ANSWERS))
    made = [first]
    if end != "natural" or sample:
        return made
    for waits in range(1, draw(st.integers(0, WAITS)) + 1):
        before, last = made[-1].attempt.rounds, draw(st.sampled_from(("natural", "natural", "converged", "loop")))
        after = outcome(replace(key, waits=waits), draw(st.booleans()), sure=draw(SURE), answer=draw(ANSWERS))
        rounds = (*before, Round(draw(st.integers(1, 5)), 1, last))
        attempt = replace(after.attempt, rounds=rounds, finish="natural")
        made.append(replace(after, attempt=attempt, closing=2))
    return made


@st.composite
def questions(draw: st.DrawFn) -> RecordedQuestion:
    """A question with every rung and some of what may be recorded beside them."""
    made = [outcome(DIRECT, draw(st.booleans()), sure=draw(SURE), answer=draw(ANSWERS))]
    for effort, budget in (("low", 8), ("low", 16), ("high", 16)):
        made += draw(chains(effort, budget))
    for number in range(1, draw(st.integers(0, SAMPLES)) + 1):
        made += draw(chains("high", 16, number))
    for effort in ("high", "default"):
        made += [one for one in draw(chains(effort, WINDOW)) if not one.key.waits]
    return recorded(*made, number=draw(st.integers(0, 9)))


@given(questions())
def test_a_policy_that_does_a_constant_buys_what_it_buys(one: RecordedQuestion) -> None:
    replay = Replay.from_recorded(PROFILE, [one])
    for constant in list_constants(LADDER, [one], direct_first=True):
        bought = replay.with_policy(constant.to_policy(PROFILE.policy)).solve(one)
        stated = constant.choose(one, replay)
        assert (bought.key, bought.usage, bought.right, bought.attempts) == (
            stated.key, stated.usage, stated.right, stated.attempts,
        ), constant.name  # fmt: skip


@given(questions())
def test_an_answer_that_is_accepted_at_once_is_all_and_else_the_better_of_two_is_kept(
    one: RecordedQuestion,
) -> None:
    replay = Replay.from_recorded(PROFILE, [one])
    for constant in (c for c in list_constants(LADDER, [one], direct_first=True) if c.kind == "direct_first"):
        taken, direct = constant.choose(one, replay), one.outcomes[DIRECT]
        rung = one.require_chain(constant.key)
        assert taken.key in (direct.key, rung.key)
        if replay.accepts_direct(one):
            assert (taken.key, taken.attempts) == (DIRECT, 1)
        elif direct.attempt.answer is None and rung.attempt.answer is not None:
            assert taken.key == rung.key, "no answer is never kept in place of one"
