"""Votes among samples: who leads, how sure that is, and how many more samples to draw at once.

Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860) stops sampling once the leader is likely to be the
majority: P(p1 > p2) under Beta(v1 + 1, v2 + 1) for the votes v1 of the leader and v2 of the runner-up. Here a vote
may weigh less than one (a verifier's score), and sampling also stops when the majority cannot change any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, fsum, lgamma, log
from typing import NamedTuple

from adaptive.answers.equality import same_answer
from adaptive.answers.extract import read_answer
from adaptive.answers.numerals import parse_number
from adaptive.answers.simplify import normalise_text

MOST_WORDS = 4
"""Two answers of more words are hardly ever the same text, even if they say the same."""


@dataclass(frozen=True)
class Ballot:
    """The vote of one sample; None abstains. Raises `ValueError` if `weight` is not in 0..1."""

    answer: str | None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"a ballot weighs {self.weight}: weights are in 0..1")


@dataclass(frozen=True)
class AnswerGroup:
    """The votes for one answer, as its first voter wrote it: weights, and indices of the ballots."""

    answer: str
    weights: tuple[float, ...]
    members: tuple[int, ...]

    @property
    def weight(self) -> float:
        """The sum of the weights; it is rounded once, so the order of the votes does not matter."""
        return fsum(self.weights)


def is_comparable(answer: str) -> bool:
    """Return whether an answer has a value to vote on: a number, a choice or a few words, but no free text.

    A sentence that gives a number has one.
    """
    value = read_answer(answer).text
    return parse_number(value) is not None or len(normalise_text(value).split()) <= MOST_WORDS


def group_ballots(ballots: Sequence[Ballot]) -> tuple[AnswerGroup, ...]:
    """Group the ballots by answer: the heaviest group first, of equal ones the earlier.

    A ballot joins the first group with an answer that is the same as its own, and stays there. Blank answers
    abstain. The order of ballots matters for ties, and if "12" meets both "12 cm" and "12 m", which are the same
    as it but not as each other.
    """
    groups: list[list[_Voter]] = []
    for at, ballot in enumerate(ballots):
        if ballot.answer is not None and same_answer(ballot.answer, ballot.answer):
            voter = _Voter(at, ballot.answer, ballot.weight)
            home = next((group for group in groups if _matches_group(group, voter)), None)
            if home is None:
                groups.append([voter])
            else:
                home.append(voter)
    return tuple(sorted(map(_make_group, groups), key=_rank_group, reverse=True))


def estimate_lead(ballots: Sequence[Ballot]) -> float:
    """Return P(the leader is the majority), in 0.5..1, against the runner-up, who may have no votes.

    It is 0.5 for a tie, and if nobody has voted.
    """
    return _estimate_group_lead(group_ballots(ballots))


def explain_settled(ballots: Sequence[Ballot], most: int, threshold: float) -> str:
    """Say why no more samples are needed; empty if the vote goes on.

    Args:
        ballots: The votes so far.
        most: The most samples of the vote.
        threshold: The vote ends when `estimate_lead` exceeds it, so 1 means only when it is decided.
    """
    return _explain_groups_settled(group_ballots(ballots), len(ballots), most, threshold)


def size_next_batch(ballots: Sequence[Ballot], most: int, threshold: float) -> int:
    """Return how many samples to draw at once; 0 if the vote is settled.

    It is the least number that could settle the vote, if all vote for the leader with full weight. Drawing one by
    one would need at least as many, so none of them is wasted. For the arguments see `explain_settled`.
    """
    groups, count = group_ballots(ballots), len(ballots)
    batch = 0
    while not _explain_groups_settled(_add_leader_votes(groups, count, batch), count + batch, most, threshold):
        batch += 1
    return batch


def beta_half(a: float, b: float) -> float:
    """Return I(1/2; a, b), the probability that a Beta(a, b) is below one half, for real a, b > 0.

    The power series of the smaller tail has positive terms only (DLMF 8.17.8), so no digits are lost. It takes
    some tens of terms, and a few hundred for thousands of votes. By hand, because importing scipy.special is slow.
    """
    if a < b:
        return 1 - beta_half(b, a)
    front = exp(lgamma(a + b) - lgamma(a + 1) - lgamma(b) - (a + b) * log(2))
    term = total = 1.0
    step = 0
    while term > total * 1e-17:
        term *= (a + b + step) / (2 * (a + 1 + step))
        total += term
        step += 1
    return min(0.5, front * total)


class _Voter(NamedTuple):
    at: int
    answer: str
    weight: float


def _matches_group(group: Sequence[_Voter], voter: _Voter) -> bool:
    return any(same_answer(answer, voter.answer) for answer in {other.answer for other in group})


def _make_group(voters: Sequence[_Voter]) -> AnswerGroup:
    return AnswerGroup(voters[0].answer, tuple(v.weight for v in voters), tuple(v.at for v in voters))


def _rank_group(group: AnswerGroup) -> tuple[float, int]:
    """Return the key by which the leader is the greatest."""
    return group.weight, -group.members[0]


def _estimate_group_lead(groups: Sequence[AnswerGroup]) -> float:
    first, second, *_ = (*(group.weight for group in groups), 0.0, 0.0)
    return 1 - beta_half(first + 1, second + 1)


def _explain_groups_settled(groups: Sequence[AnswerGroup], count: int, most: int, threshold: float) -> str:
    if count >= most:
        return f"all {count} samples are in"
    if _is_decided(groups, count, most - count):
        return "the majority cannot change"
    sure = _estimate_group_lead(groups)
    return f"confident enough: {sure:.2f}" if sure > threshold else ""


def _is_decided(groups: Sequence[AnswerGroup], count: int, left: int) -> bool:
    """Return whether neither a rival nor a new answer can lead after `left` more ballots."""
    if not groups:
        return False
    leader, *rivals = groups
    newcomer = (float(left), -count)
    return _rank_group(leader) > max([newcomer, *((fsum((*g.weights, left)), -g.members[0]) for g in rivals)])


def _add_leader_votes(groups: Sequence[AnswerGroup], count: int, more: int) -> tuple[AnswerGroup, ...]:
    """Return the groups after `more` ballots for the leader, or for a first answer if there is none."""
    leader, *rest = groups or (AnswerGroup("", (), (count,)),)
    return replace(leader, weights=leader.weights + (1.0,) * more), *rest
