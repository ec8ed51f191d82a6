"""The vote of a solve's attempts: which have a ballot, and the verdict that the vote gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptive.policy.arms import Plan
from adaptive.policy.majority import (
    Ballot,
    estimate_lead,
    explain_settled,
    group_ballots,
    is_comparable,
    size_next_batch,
)
from adaptive.policy.select import VOTE_VERIFIER
from adaptive.types.attempt import Attempt
from adaptive.types.policy import Policy
from adaptive.types.verdict import Verdict

DECISIVE_VERIFIERS = ("check", "judge")
"""An answer that these reject has no ballot, and one that they could not judge is not accepted by a vote."""

ALIKE = "every sample of this vote weighs the same"
"""Why measured verifiers judge no sample of a vote that draws every sample."""


@dataclass(frozen=True)
class VoteState:
    """How a vote stands.

    finished: why it is over; empty while it goes on. leader: the index of the attempt that leads it. verdict: the
    vote's verdict on the leader.
    """

    finished: str
    leader: int
    verdict: Verdict


@dataclass(frozen=True)
class VoteResult(VoteState):
    """A counted vote. attempts: with the vote's verdict on the leader, if it counts. accepted: whether one is."""

    attempts: tuple[Attempt, ...]
    accepted: bool


def list_voters(attempts: Sequence[Attempt]) -> list[int]:
    """Return the attempts that have a ballot: the last one of each chain, which continued the earlier ones."""
    continued = {a.base for a in attempts}
    return [i for i in range(len(attempts)) if i not in continued]


def collect_ballots(attempts: Sequence[Attempt], plan: Plan) -> tuple[list[Ballot], int]:
    """Return the ballots so far, and the most that there may be.

    They are weighted by the scores of their verdicts, unless the plan draws every sample. An answer that a check
    or a judge rejected abstains: repeating it does not make it right.
    """
    voters = list_voters(attempts)
    earlier = sum(attempts[i].arm != "vote" for i in voters)
    ballots = [_make_ballot(attempts[i]) for i in voters]
    if plan.every_sample:
        ballots = [replace(ballot, weight=1.0) for ballot in ballots]
    return ballots, earlier + plan.samples


def judge_vote(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> VoteState:
    """Return how the vote stands.

    The leader is accepted if the vote is over, it is the majority with the probability that the policy asks for,
    and more than one attempt gave its answer. On a model that was not measured a vote only says which answer to
    keep: what a majority is worth there nobody knows, so its leader is not verified. Such a vote ends with the
    first sample whose answer cannot be compared. Nor is the leader rejected of a vote that draws every sample: it
    is the answer that was chosen, whatever its majority.

    Args:
        attempts: The attempts so far, with their verdicts.
        plan: The plan of the vote.
        policy: Its `vote_sure` counts.
    """
    voters = list_voters(attempts)
    ballots, most = collect_ballots(attempts, plan)
    finished = explain_settled(ballots, most, policy.vote_sure) or _explain_incomparable(attempts, policy)
    groups = group_ballots(ballots)
    if not groups:
        none = Verdict(False, 0.0, VOTE_VERIFIER, f"none of {len(ballots)} attempts gave an answer")
        return VoteState(finished, voters[0], none)
    members = groups[0].members
    leader = voters[max(members, key=lambda at: (ballots[at].weight, -at))]
    sure = estimate_lead(ballots)
    reason = (
        f"{len(members)} of {len(ballots)} answers agree, the majority with probability {sure:.2f}; {finished}"
    )
    own = attempts[leader].verdict
    undecided = own is not None and own.verifier in DECISIVE_VERIFIERS
    accepted = bool(finished) and len(members) > 1 and sure >= policy.vote_sure and not undecided
    if not policy.measured or (plan.every_sample and not accepted):
        return VoteState(finished, leader, Verdict.undecided(sure, VOTE_VERIFIER, reason))
    return VoteState(finished, leader, Verdict(accepted, sure, VOTE_VERIFIER, reason))


def count_wanted_samples(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> int:
    """Return how many samples to draw next: the first time at least one, later 0 if the vote is settled.

    Every sample is drawn at once if the plan says so. While no attempt at a model that was not measured gave an
    answer, samples are drawn one by one: nobody knows whether answers can be compared.
    """
    if plan.every_sample:
        return plan.samples - sum(a.arm == "vote" for a in attempts)
    if _explain_incomparable(attempts, policy):
        return 0
    first = all(a.arm != "vote" for a in attempts)
    wanted = size_next_batch(*collect_ballots(attempts, plan), policy.vote_sure) or int(first)
    blind = not policy.measured and all(a.answer is None for a in attempts)
    return min(wanted, 1) if blind else wanted


def count_vote(attempts: Sequence[Attempt], plan: Plan, policy: Policy) -> VoteResult:
    """Count a vote; for the arguments see `judge_vote`.

    The leader gets the vote's verdict if the vote is over, no attempt was accepted, and neither a check nor a
    judge has judged the leader; of a vote that draws every sample also if these could not tell.
    """
    accepted = any(a.verdict is not None and a.verdict.accepted for a in attempts)
    state = judge_vote(attempts, plan, policy)
    own, counted = attempts[state.leader].verdict, list(attempts)
    judged = own is not None and own.verifier in DECISIVE_VERIFIERS and (own.decided or not plan.every_sample)
    if state.finished and not accepted and not judged:
        counted[state.leader] = replace(counted[state.leader], verdict=combine_with_vote(own, state.verdict))
        accepted = bool(state.verdict.accepted)
    return VoteResult(state.finished, state.leader, state.verdict, tuple(counted), accepted)


def _explain_incomparable(attempts: Sequence[Attempt], policy: Policy) -> str:
    """Say that samples of a model that was not measured cannot be compared; empty if they can."""
    answers = [a.answer for a in attempts if a.arm == "vote" and a.answer is not None]
    free = not policy.measured and any(not is_comparable(answer) for answer in answers)
    return "answers in free text cannot be compared" if free else ""


def combine_with_vote(own: Verdict | None, vote: Verdict) -> Verdict:
    """Return the verdict of a vote's leader: the vote's; unless that accepts it, its score is at least its own."""
    own_score = own.score if own and not vote.accepted else 0.0
    return replace(vote, score=max(own_score, vote.score))


def _make_ballot(attempt: Attempt) -> Ballot:
    verdict = attempt.verdict
    score = verdict.score if verdict else 0.0
    rejected = verdict is not None and verdict.rejected and verdict.verifier in DECISIVE_VERIFIERS
    return Ballot(None if rejected else attempt.answer, min(1.0, max(0.0, score)))
