"""Chooses the attempt whose answer is kept, and says why."""

from __future__ import annotations

from collections.abc import Sequence

from adaptive.types.attempt import Attempt

VOTE_VERIFIER = "vote"
"""The verifier of the verdict on the majority of a vote."""


def select_best_attempt(attempts: Sequence[Attempt]) -> int:
    """Return the index of the attempt to keep: an accepted one, else the highest score, else the earliest.

    Of rejected attempts, the one that leads a vote comes first, because the vote has weighed the scores of the
    others. An answer that was forced by the budget comes after the answer of the same chain with more room: a
    chain keeps its weakest stretch, so the longer one cannot score higher.
    """
    superseded = {a.base for a in attempts if a.arm == "budget" and a.answer is not None}

    def rank(index: int) -> tuple[bool, bool, bool, bool, float, int]:
        verdict, attempt = attempts[index].verdict, attempts[index]
        accepted = verdict is not None and verdict.accepted
        voted = verdict is not None and not accepted and verdict.verifier == VOTE_VERIFIER
        score = verdict.score if verdict else 0.0
        return accepted, attempt.answer is not None, voted, index not in superseded, score, -index

    return max(range(len(attempts)), key=rank)


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
    return f"none of {count} attempts was accepted: attempt {selected + 1} has the highest score, {score}"
