"""Constants: which there are, what they take, and how one is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.outcome import DIRECT, Outcome, OutcomeKey, RecordedQuestion
from adaptive.learn.tuning.constants import (
    Constant,
    choose_as_oracle,
    choose_constant,
    list_constants,
    list_partial_constants,
)
from adaptive.learn.tuning.cost_front import MeasuredConstants
from adaptive.learn.tuning.ways import Way, WayResult, find_cheapest_way
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from adaptive.types.usage import Usage
from tests.bench.planted import LADDER, LOW16, WINDOW, SureJudge, outcome, recorded, rungs

WRONG, UNSURE = (False,) * 4, (0.5,) * 4
LOW = Rung("low", 16)


def waited(count: int, right: bool = False) -> Outcome:
    return outcome(replace(LOW16, waits=count), right, [(12, 0)] + [(4, 1)] * count)


def sample(number: int, answer: str = "1", right: bool = False) -> Outcome:
    return outcome(OutcomeKey("low", 16, 0, number), right, [(5, 0)], answer=answer)


def plain(number: int = 0) -> RecordedQuestion:
    """Everything that can be recorded: two Waits, two samples, an unlimited chain and a plain call."""
    more = (waited(1), waited(2, True), sample(1), sample(2))
    unlimited = outcome(OutcomeKey("high", WINDOW), True, [(40, 0)])
    return rungs(WRONG, UNSURE, number, *more, unlimited, outcome(OutcomeKey("default", WINDOW), True, [(9, 0)]))


def names(constants: list[Constant]) -> list[str]:
    return [one.name for one in constants]


def test_all_that_was_recorded_of_every_question_is_a_constant() -> None:
    assert names(list_constants(LADDER, [plain(0), plain(1)], direct_first=True)) == [
        "no thinking", "low 8", "low 16", "low 16, 1 Wait", "low 16, 2 Waits", "high 16", "unlimited thinking",
        "one sample of low 16", "vote of 2 of low 16", "no thinking, then low 8", "no thinking, then low 16",
        "no thinking, then high 16", "a plain call",
    ]  # fmt: skip


def test_what_only_some_questions_have_is_none() -> None:
    both = [plain(0), rungs(WRONG, UNSURE, 1)]
    assert names(list_constants(LADDER, both)) == ["no thinking", "low 8", "low 16", "high 16"]
    assert "vote of 2 of low 16" in names(list_partial_constants(LADDER, both))


def test_nothing_follows_a_first_rung_that_thinks() -> None:
    ladder = Ladder(LADDER.rungs[1:])
    assert names(list_constants(ladder, [rungs(WRONG)], direct_first=True)) == ["low 8", "low 16", "high 16"]


def test_waits_pay_for_every_round_and_answer_once() -> None:
    taken = Constant("waits", replace(LOW, waits=2)).choose(plain())
    assert (taken.right, taken.tokens) == (True, 10 + 12 + 4 + 4 + 2 + 3)
    assert (taken.usage.thinking, taken.usage.injected) == (12 + 3 + 3, 1 + 1 + 2)


def test_a_chain_that_was_cut_has_no_wait_and_stays_as_it_is() -> None:
    cut, two = recorded(outcome(LOW16, True, [(16, 0)], "budget")), Constant("waits", replace(LOW, waits=2))
    assert two.is_recorded(cut)
    assert two.choose(cut).tokens == 10 + 16 + 2 + 3


def test_a_chain_that_ended_and_has_no_wait_was_not_recorded() -> None:
    ended = rungs(WRONG, UNSURE, 0, waited(1))
    assert Constant("waits", replace(LOW, waits=1)).is_recorded(ended)
    assert not Constant("waits", replace(LOW, waits=2)).is_recorded(ended)


@pytest.mark.parametrize(("sure", "attempts", "key"), [(0.9, 1, DIRECT), (0.5, 2, LOW16), (0.75, 2, DIRECT)])
def test_a_rung_follows_a_direct_answer_that_is_not_accepted_on_the_same_prompt(
    sure: float, attempts: int, key: OutcomeKey
) -> None:
    one = rungs((True, False, False, False), (sure, 0.5, 0.5, 0.5))
    first = {c.name: c for c in list_constants(LADDER, [one], direct_first=True)}
    taken = first["no thinking, then low 16"].choose(one, SureJudge())
    assert (taken.tokens, taken.key, taken.attempts) == ((13, 13 + 17)[attempts - 1], key, attempts)
    assert taken.right is (key == DIRECT)
    dear = first["no thinking, then high 16"].choose(one, SureJudge())
    assert dear.tokens == (13, 13 + 29)[attempts - 1], "another effort has another prompt"


def test_a_wait_that_brought_nothing_is_the_last() -> None:
    """A recorder makes each Wait alone, a solve all at once: it ends with the first that brings nothing."""
    once = waited(1)
    ends = tuple(replace(one, end="converged") for one in once.attempt.rounds)
    repeats = replace(once, attempt=replace(once.attempt, rounds=ends))
    one = rungs(WRONG, UNSURE, 0, repeats, waited(2, True))
    assert Constant("waits", replace(LOW, waits=2)).choose(one).key == once.key


def test_a_profile_can_do_every_constant_and_says_so_by_its_name() -> None:
    listed = list_constants(LADDER, [plain()], direct_first=True)
    policies = {one.name: one.to_policy(Policy(max_attempts=1)) for one in listed}
    assert {name: policy.always.name for name, policy in policies.items() if policy.always} == {
        name: name for name in names(listed)
    }
    assert {name for name, policy in policies.items() if policy.max_attempts > 1} == {
        "no thinking, then low 8", "no thinking, then low 16", "no thinking, then high 16",
    }  # fmt: skip
    assert policies["vote of 2 of low 16"].always == Routine(LOW, 2)
    assert policies["unlimited thinking"].always == Routine(Rung("high", WINDOW), early_stops=False)


def way(right: float, tokens: int, count: int = 4) -> Way:
    return Way("", tuple(WayResult(i < round(right * count), Usage(answer=tokens)) for i in range(count)))


def measured(*rows: tuple[float, int]) -> list[tuple[Constant, Way]]:
    constants = [Constant("rung", rung) for rung in LADDER] + [Constant("vote", LOW, 2)]
    return [(one, way(*row)) for one, row in zip(constants, rows, strict=False)]


@pytest.mark.parametrize(
    ("rows", "margin", "best"),
    [
        (((0.25, 1), (0.75, 5), (0.75, 4), (0.5, 9)), 0.0, "low 16"),
        (((0.25, 1), (0.75, 5), (1.0, 40), (0.5, 9)), 0.0, "low 16"),
        (((0.25, 1), (0.75, 5), (1.0, 40), (0.5, 9)), 0.25, "low 8"),
        (((0.25, 1), (0.75, 50), (1.0, 40), (0.5, 9)), 0.25, "low 16"),
        (((0.25, 1), (0.75, 5), (0.75, 4), (0.5, 9), (1.0, 99)), 0.0, "vote of 2 of low 16"),
    ],
)  # fmt: skip
def test_the_best_is_the_most_accurate_and_of_equals_the_cheapest(
    rows: tuple[tuple[float, int], ...], margin: float, best: str
) -> None:
    assert choose_constant(measured(*rows), LADDER, margin=margin).name == best


def test_tokens_and_dollars_are_never_mixed() -> None:
    """The samples have a cost and the rungs have none: all is counted in tokens."""
    paid = [sample(n) for n in (1, 2)]
    paid = [replace(one, attempt=replace(one.attempt, usage=Usage(answer=3, cost=9.0))) for one in paid]
    asked = [rungs((False, False, True, True), UNSURE, n, *paid) for n in range(4)]
    constants = MeasuredConstants.replay(LADDER, asked, asked)
    assert {way.unit for way in (*constants.on_search, *constants.on_test)} == {"tokens"}
    front = constants.build_front("chosen", constants.get_way(constants.choose()))
    assert front.unit == front.gain.unit == "tokens"
    assert {one.name: one.cost for one in front.points} == {
        "no thinking": 13, "low 8": 23, "low 16": 27, "high 16": 29, "one sample of low 16": 3,
        "vote of 2 of low 16": 6, "chosen": 27, "oracle": 27,
    }  # fmt: skip


def test_any_constant_can_be_named() -> None:
    some = measured(*[(0.5, 1)] * 5)
    assert [choose_constant(some, LADDER, name).name for name in ("top", "vote of 2 of low 16", "low 8")] == [
        "high 16", "vote of 2 of low 16", "low 8",
    ]  # fmt: skip
    said = r"^there is no constant 'low 7' to compare with: name best, top or one of 'no thinking', 'low 8',"
    with pytest.raises(InputError, match=said):
        choose_constant(some, LADDER, "low 7")


@pytest.mark.parametrize(
    ("right", "tokens"),
    [((True, True, True, True), 13), ((False, False, True, True), 27), ((False, False, False, True), 29),
     (WRONG, 13)],
)  # fmt: skip
def test_the_oracle_pays_for_the_cheapest_that_is_right_only(right: tuple[bool, ...], tokens: int) -> None:
    one = rungs(right)
    taken = choose_as_oracle(list_constants(LADDER, [one]), one, "tokens")
    assert (taken.tokens, taken.right) == (tokens, any(right))


def test_what_the_grader_could_not_tell_is_not_right() -> None:
    one = rungs(WRONG)
    undecided = replace(one, outcomes={k: replace(o, right=None) for k, o in one.outcomes.items()})
    assert not choose_as_oracle(list_constants(LADDER, [undecided]), undecided, "tokens").right


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=8), st.integers(0, 6))
def test_no_way_that_is_accurate_enough_is_cheaper(rows: list[tuple[int, int]], least: int) -> None:
    right, tokens = np.array(rows, float).T
    chosen = find_cheapest_way(right, tokens, float(least))
    enough = [t for r, t in rows if r >= least] or [t for r, t in rows if r == max(r for r, _ in rows)]
    assert tokens[chosen] == min(enough)
    assert right[chosen] >= min(least, right.max())
