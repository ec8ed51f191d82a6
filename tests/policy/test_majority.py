"""The vote: who leads, how sure that is, when asking stops, and that no batch asks for more than one by one."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from adaptive.policy.majority import (
    AnswerGroup,
    Ballot,
    beta_half,
    estimate_lead,
    explain_settled,
    group_ballots,
    size_next_batch,
)
from adaptive.verify import same_answer

PURE = settings(max_examples=settings.default.max_examples * 3 // 2)  # type: ignore[union-attr]  # cheap: no model

WEIGHTS = st.sampled_from((0.0, 0.1, 0.25, 0.3, 0.7, 1.0)) | st.floats(0, 1)
BALLOT = st.builds(Ballot, st.sampled_from((None, "5", "5.0", "7", "1/2", "0.5", "yes", "Yes.", "")), WEIGHTS)
BALLOTS = st.lists(BALLOT, max_size=12)
PLAIN = st.lists(st.builds(Ballot, st.sampled_from((None, "5", "7", "yes"))), max_size=12)
THRESHOLDS = st.sampled_from((0.6, 0.8, 0.9, 0.95, 0.99, 1.0))


def votes(text: str) -> list[Ballot]:
    """One full ballot for each letter; a dash abstains."""
    return [Ballot(None if letter == "-" else letter) for letter in text]


def test_answers_that_are_the_same_are_counted_together() -> None:
    ballots = [Ballot("7"), Ballot("0.5", 0.9), Ballot(None), Ballot("1/2", 0.8), Ballot("7.0", 0.25)]
    assert group_ballots(ballots) == (
        AnswerGroup("0.5", (0.9, 0.8), (1, 3)),
        AnswerGroup("7", (1.0, 0.25), (0, 4)),
    )
    assert [group.weight for group in group_ballots(ballots)] == pytest.approx([1.7, 1.25])


def test_a_ballot_joins_through_any_member_and_stays() -> None:
    assert [g.members for g in group_ballots([Ballot("12 cm"), Ballot("12"), Ballot("12 m")])] == [(0, 1, 2)]
    assert [g.members for g in group_ballots([Ballot("12 cm"), Ballot("12 m"), Ballot("12")])] == [(0, 2), (1,)]


def test_of_equal_groups_the_first_leads() -> None:
    assert [group.answer for group in group_ballots(votes("babac"))] == ["b", "a", "c"]


@pytest.mark.parametrize("answer", [None, "", "$", " "])
def test_who_says_nothing_abstains(answer: str | None) -> None:
    assert group_ballots([Ballot(answer)] * 2) == ()


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan, math.inf])
def test_weights_are_in_0_to_1(weight: float) -> None:
    with pytest.raises(ValueError, match=r"weights are in 0\.\.1"):
        Ballot("1", weight)


@pytest.mark.parametrize(
    ("ballots", "most", "threshold", "expected"),
    [
        ("", 5, 0.9, ""),
        ("--", 5, 0.9, ""),
        ("---", 3, 0.9, "all 3 samples are in"),
        ("aaa", 8, 0.9, "confident enough: 0.94"),
        ("aaa", 8, 0.95, ""),
        ("aaa", 5, 1.0, "the majority cannot change"),
        ("aaab", 6, 1.0, "the majority cannot change"),  # a tie at the end goes to the one that came first
        ("baaa", 6, 1.0, ""),
        ("a-----", 7, 1.0, "the majority cannot change"),
        ("aabb", 5, 0.6, ""),
        ("aabbc", 5, 0.6, "all 5 samples are in"),
    ],
)
def test_when_asking_stops(ballots: str, most: int, threshold: float, expected: str) -> None:
    assert explain_settled(votes(ballots), most, threshold) == expected


@pytest.mark.parametrize(
    ("ballots", "most", "threshold", "expected"),
    [
        ("", 8, 0.95, 4),  # 31/32 after four that agree
        ("", 3, 0.95, 2),  # two of three have won
        ("a", 8, 0.95, 3),
        ("ab", 20, 0.95, 5),
        ("ab", 8, 0.95, 3),  # four of eight can at worst be tied with, and came first
        ("aaaa", 8, 0.95, 0),
        ("ab", 3, 1.0, 1),
        ("---", 4, 0.95, 1),
        ("", 0, 0.95, 0),
    ],
)
def test_how_many_to_ask_for(ballots: str, most: int, threshold: float, expected: int) -> None:
    assert size_next_batch(votes(ballots), most, threshold) == expected


@PURE
@given(st.floats(0.05, 400), st.floats(0.05, 400))
def test_the_tail_of_the_beta_is_that_of_scipy(a: float, b: float) -> None:
    assert beta_half(a, b) == pytest.approx(betainc(a, b, 0.5), rel=1e-9, abs=1e-13)


@PURE
@given(st.integers(0, 60), st.integers(0, 60))
def test_whole_votes_have_a_closed_form(one: int, two: int) -> None:
    flips = one + two + 1  # P(Beta(one + 1, two + 1) < 1/2) is the chance of more than `one` heads in `flips`
    heads = sum(math.comb(flips, k) for k in range(one + 1, flips + 1)) / 2**flips
    assert beta_half(one + 1, two + 1) == pytest.approx(heads, rel=1e-10)


@PURE
@given(BALLOTS)
def test_lead_is_of_the_two_heaviest(ballots: list[Ballot]) -> None:
    first, second, *_ = (*(group.weight for group in group_ballots(ballots)), 0.0, 0.0)
    assert estimate_lead(ballots) == pytest.approx(1 - betainc(first + 1, second + 1, 0.5), abs=1e-12)
    assert 0.5 <= estimate_lead(ballots) <= 1


@PURE
@given(st.floats(0, 1), st.integers(0, 9))
def test_a_tie_is_even(weight: float, times: int) -> None:
    assert estimate_lead([Ballot("a", weight), Ballot("b", weight)] * times) == pytest.approx(0.5, abs=1e-12)


@PURE
@given(BALLOTS, st.floats(0.01, 1))
def test_more_for_the_leader_is_surer_and_more_for_the_runner_up_less(
    ballots: list[Ballot], weight: float
) -> None:
    groups = group_ballots([*ballots, Ballot("leader"), Ballot("second", 0.5)])
    ballots = [Ballot(name, w) for name, group in zip("ab", groups, strict=False) for w in group.weights]
    assert estimate_lead([*ballots, Ballot("a", weight)]) > estimate_lead(ballots)
    gap = groups[0].weight - groups[1].weight
    if gap > 0.01:
        assert estimate_lead([*ballots, Ballot("b", min(weight, gap))]) < estimate_lead(ballots)


@PURE
@given(st.data())
def test_the_order_of_ballots_matters_for_ties_only(data: st.DataObject) -> None:
    ballots = data.draw(BALLOTS)
    other = data.draw(st.permutations(ballots))
    weights = [group.weight for group in group_ballots(ballots)]
    assert [group.weight for group in group_ballots(other)] == weights
    assert estimate_lead(other) == estimate_lead(ballots)
    if all(a > b for a, b in pairwise(weights)):
        for one, two in zip(group_ballots(ballots), group_ballots(other), strict=True):
            assert same_answer(one.answer, two.answer)


@settings(max_examples=5 * settings.default.max_examples)
@given(PLAIN | BALLOTS, BALLOTS, st.integers(0, 12))
def test_what_cannot_change_does_not(ballots: list[Ballot], more: list[Ballot], left: int) -> None:
    if explain_settled(ballots, len(ballots) + left, 1.0) != "the majority cannot change":
        return
    leader, *rivals = group_ballots(ballots)
    against = [Ballot(answer) for answer in (*(g.answer for g in rivals), "new")]
    for rest in (more[:left], *([one] * left for one in against)):
        assert group_ballots([*ballots, *rest])[0].answer == leader.answer


@PURE
@given(PLAIN)
def test_what_is_not_said_to_be_decided_could_still_change(ballots: list[Ballot]) -> None:
    left = 2
    if explain_settled(ballots, len(ballots) + left, 1.0) or not group_ballots(ballots):
        return
    leader, *rivals = group_ballots(ballots)
    outcomes = {
        group_ballots([*ballots, *[Ballot(a)] * left])[0].answer for a in (*(g.answer for g in rivals), "new")
    }
    assert outcomes - {leader.answer}


def asked(stream: list[Ballot], threshold: float, *, together: bool) -> int:
    """How many of a stream of samples are asked for until the vote is settled, in batches or one by one."""
    count = 0
    while batch := size_next_batch(stream[:count], len(stream), threshold):
        assert 1 <= batch <= len(stream) - count
        assert not explain_settled(stream[:count], len(stream), threshold)
        count += batch if together else 1
    assert explain_settled(stream[:count], len(stream), threshold)
    return count


@settings(max_examples=3 * settings.default.max_examples)
@given(PLAIN | BALLOTS, THRESHOLDS)
def test_batches_ask_for_no_more_than_one_by_one(stream: list[Ballot], threshold: float) -> None:
    assert asked(stream, threshold, together=True) == asked(stream, threshold, together=False)
