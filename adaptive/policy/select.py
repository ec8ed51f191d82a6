"""Chooses the attempt whose answer is kept, and says why."""

from __future__ import annotations

from collections.abc import Sequence

from adaptive.types.attempt import Attempt
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.policy import Policy

VOTE_VERIFIER = "vote"
"""The verifier of the verdict on the majority of a vote."""


def select_best_attempt(attempts: Sequence[Attempt]) -> int:
    """Return the index of the attempt to keep: an accepted one, else one not verified, else a rejected one.

    Of several, the one with the highest score is kept, else the earliest. Of those that were not accepted, the one
    that leads a vote comes first, because the vote has weighed the scores of the others. An answer that was forced
    by the budget comes after the answer of the same chain with more room: a chain keeps its weakest stretch, so
    the longer one cannot score higher.
    """
    superseded = {a.base for a in attempts if a.arm == "budget" and a.answer is not None}

    def rank(index: int) -> tuple[bool, bool, bool, bool, bool, float, int]:
        verdict, attempt = attempts[index].verdict, attempts[index]
        accepted = verdict is not None and verdict.accepted is True
        unverified = verdict is not None and not verdict.decided and attempt.answer is not None
        voted = verdict is not None and not accepted and verdict.verifier == VOTE_VERIFIER
        score = verdict.score if verdict else 0.0
        return accepted, unverified, attempt.answer is not None, voted, index not in superseded, score, -index

    return max(range(len(attempts)), key=rank)


def stands(attempt: Attempt, policy: Policy, ladder: Ladder, options: Options) -> bool:
    """Return whether an attempt that was not accepted ends the solve: without evidence nothing more is spent.

    On a model that was measured every answer that is not accepted is followed by another attempt, if one pays.
    On any other only a rejected one is, and one whose thinking was cut at a budget that can be raised, unless the
    caller named the verifiers that must accept.

    Args:
        attempt: The attempt, with its verdict.
        policy: The policy of its model.
        ladder: The ladder of its model within the options.
        options: Whether they name verifiers counts.
    """
    if policy.measured or options.verify is not None or attempt.verdict is None or attempt.verdict.decided:
        return False
    return attempt.finish != "budget" or attempt.budget >= max(rung.budget for rung in ladder)


def explain_selection(attempts: Sequence[Attempt], selected: int) -> str:
    """Say why the attempt with the index `selected` is kept."""
    attempt, count = attempts[selected], len(attempts)
    verdict = attempt.verdict
    if verdict is not None and verdict.accepted:
        return f"attempt {selected + 1} of {count} was accepted ({verdict.verifier})"
    if count == 1:
        return "the only attempt"
    if attempt.answer is None:
        return f"none of {count} attempts gave an answer: the first"
    if verdict is not None and verdict.verifier == VOTE_VERIFIER:
        return f"none of {count} attempts was accepted: attempt {selected + 1} speaks for the majority"
    score = f"{verdict.score:.2f}" if verdict else "0.00"
    among = " of those not rejected" if verdict is not None and not verdict.decided else ""
    return f"none of {count} attempts was accepted: attempt {selected + 1} has the highest score{among}, {score}"
