"""The vote of a solve's attempts: who has a ballot, and what the vote comes to as a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.policy.arms import Plan
from adaptive.policy.majority import Ballot, estimate_lead, explain_settled, group_ballots, size_next_batch
from adaptive.policy.select import VOTE_VERIFIER
from adaptive.types.attempt import Attempt
from adaptive.types.policy import Policy
from adaptive.types.verdict import Verdict

DECISIVE_VERIFIERS = ("check", "judge")
"""What these reject has no ballot, and what they could not tell of is not accepted for being repeated."""


def list_voters(attempts: Sequence[Attempt]) -> list[int]:
    """The attempts that have a ballot: of each chain the last one, for it went on from those before it."""
    continued = {a.base for a in attempts}
    return [i for i in range(len(attempts)) if i not in continued]


def collect_ballots(attempts: Sequence[Attempt], plan: Plan) -> tuple[list[Ballot], int]:
    """The ballots so far, weighted by their verdicts' scores, and how many there may be in all.

    What a check or a judge rejected abstains: that many say the same does not make it right.
    """
    inside = list_voters(attempts)
    earlier = sum(attempts[i].arm != "vote" for i in inside)
    return [_make_ballot(attempts[i]) for i in inside], earlier + plan.samples


def judge_vote(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> tuple[str, int, Verdict]:
    """Why the vote is over ("" where it is not), the attempt that speaks for the leader, and its verdict by vote.

    It is accepted where the leader is the majority for as sure as the policy asks, and not alone.
    """
    inside = list_voters(attempts)
    ballots, most = collect_ballots(attempts, plan)
    over = explain_settled(ballots, most, policy.vote_sure)
    groups = group_ballots(ballots)
    if not groups:
        return (
            over,
            inside[0],
            Verdict(False, 0.0, VOTE_VERIFIER, f"none of {len(ballots)} attempts gave an answer"),
        )
    members = [inside[i] for i in groups[0].members]
    spokesman = max(members, key=lambda i: (_make_ballot(attempts[i]).weight, -i))
    sure = estimate_lead(ballots)
    said = f"{len(members)} of {len(ballots)} answers agree, the majority with probability {sure:.2f}; {over}"
    own = attempts[spokesman].verdict
    unheard = own is not None and own.verifier in DECISIVE_VERIFIERS
    accepted = bool(over) and len(members) > 1 and sure >= policy.vote_sure and not unheard
    return over, spokesman, Verdict(accepted, sure, VOTE_VERIFIER, said)


def count_wanted_samples(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> int:
    """How many samples to draw next, side by side; one at least, and then 0 where the vote is settled."""
    return size_next_batch(*collect_ballots(attempts, plan), policy.vote_sure) or int(
        all(a.arm != "vote" for a in attempts)
    )


@dataclass(frozen=True)
class VoteResult:
    """A vote as it stands: the attempts, the leader's verdict among theirs where the vote is over; whether one is
    accepted; why the vote is over ("" where it is not), the attempt that leads it, and its verdict by vote."""

    attempts: tuple[Attempt, ...]
    accepted: bool
    finished: str
    leader: int
    verdict: Verdict


def count_vote(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> VoteResult:
    """Count a vote. Where it is over, nothing was accepted and no check or judge has spoken, its word counts."""
    accepted = any(a.verdict is not None and a.verdict.accepted for a in attempts)
    over, leader, verdict = judge_vote(attempts, plan, policy)
    own, now = attempts[leader].verdict, list(attempts)
    if over and not accepted and not (own is not None and own.verifier in DECISIVE_VERIFIERS):
        now[leader] = replace(now[leader], verdict=combine_with_vote(own, verdict))
        accepted = verdict.accepted
    return VoteResult(tuple(now), accepted, over, leader, verdict)


def combine_with_vote(own: Verdict | None, vote: Verdict) -> Verdict:
    """The verdict of an answer that leads a vote: the vote's, but where that accepts nothing, no worse a score
    than its own."""
    own_score = own.score if own and not vote.accepted else 0.0
    return replace(vote, score=max(own_score, vote.score))


def _make_ballot(attempt: Attempt) -> Ballot:
    verdict = attempt.verdict
    score = verdict.score if verdict else 0.0
    rejected = (
        verdict is not None and verdict.decided and not verdict.accepted and verdict.verifier in DECISIVE_VERIFIERS
    )
    return Ballot(None if rejected else attempt.answer, min(1.0, max(0.0, score)))
