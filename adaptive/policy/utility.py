"""What an attempt promises: the worth of its probability of being right, less its expected tokens.

A right answer is worth a number of tokens (`Policy.worth`). The first attempt is the rung with the highest
promise, in which what may follow is included: an answer that its verdict finds doubtful can be followed by another
attempt, one that it finds right need not be. This looks one step ahead, as Russell and Wefald 1991 ("Do the Right
Thing") value a computation. Pure functions of plain data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from adaptive.policy.vote import DECISIVE_VERIFIERS
from adaptive.types.attempt import Attempt
from adaptive.types.forecast import Forecast
from adaptive.types.logistic import log_odds, to_probability
from adaptive.types.policy import Evidence, FollowUp, Policy

UNLIMITED = 1e9
"""The worth of a right answer if no number of tokens is too many for it."""


def get_worth(policy: Policy) -> float:
    """Return what a right answer is worth, in tokens."""
    return UNLIMITED if policy.worth is None else policy.worth


def choose_promising_rung(indices: Sequence[int], policy: Policy, forecast: Forecast) -> int:
    """Return the rung that promises most, of equals the cheapest.

    Args:
        indices: The rungs to choose from, ascending, at least one.
        policy: Its `worth`, `follow_ups`, `evidence` and `max_attempts` count.
        forecast: Of the question, for each rung of the ladder.
    """
    return max(indices, key=lambda i: estimate_promise(i, policy, forecast))


def estimate_promise(index: int, policy: Policy, forecast: Forecast) -> float:
    """Return what an attempt at a rung promises, in tokens, with what may follow it."""
    alone = get_worth(policy) * forecast.p_solved[index] - forecast.tokens[index]
    goes_on = policy.escalates and policy.max_attempts > 1
    return alone + (_estimate_option(index, policy, forecast) if goes_on else 0.0)


def _estimate_option(index: int, policy: Policy, forecast: Forecast) -> float:
    """Return the expected gain of the follow-up of an attempt, over what its verdict may be."""
    evidence = next((e for e in policy.evidence if e.rung == index), None)
    follow_ups = [f for f in policy.follow_ups if f.source == index and f.rung < len(forecast.p_solved)]
    if evidence is None or not follow_ups:
        return 0.0
    scores = _list_scores(evidence, forecast.p_solved[index])
    # What does not depend on the score is computed once: every replay of a policy search comes through here.
    worth, measured = get_worth(policy), [(f, *_estimate_mends_and_cost(f, forecast)) for f in follow_ups]
    return math.fsum(
        share * max(0.0, *(worth * _gain_right(score, mends, f.breaks) - cost for f, mends, cost in measured))
        for share, score in scores
    )


def _list_scores(evidence: Evidence, p: float) -> Iterable[tuple[float, float]]:
    """Return the scores that a verdict may have, each with its probability."""
    for share, shifts in ((p, evidence.right), (1 - p, evidence.wrong)):
        for shift in shifts:
            yield share / len(shifts), to_probability(log_odds(p) + shift)


def estimate_gain(follow_up: FollowUp, score: float, policy: Policy, forecast: Forecast) -> float:
    """Return what a follow-up promises to add, in tokens; negative if it takes more than it promises.

    Args:
        follow_up: What was measured of the arm.
        score: The probability that the answer so far is right.
        policy: Its `worth` counts.
        forecast: Of the question.
    """
    gained, cost = estimate_effect(follow_up, score, forecast)
    return get_worth(policy) * gained - cost


def estimate_effect(follow_up: FollowUp, score: float, forecast: Forecast) -> tuple[float, float]:
    """Return the right answers that a follow-up adds, and what it takes, whatever a right answer is worth.

    The arguments are those of `estimate_gain`.
    """
    mends, cost = _estimate_mends_and_cost(follow_up, forecast)
    return _gain_right(score, mends, follow_up.breaks), cost


def _estimate_mends_and_cost(follow_up: FollowUp, forecast: Forecast) -> tuple[float, float]:
    """Return how often a follow-up makes a wrong answer right at this question, and the tokens that it takes."""
    mends = to_probability(follow_up.bias + follow_up.slope * log_odds(forecast.p_solved[follow_up.rung]))
    return mends, follow_up.cost * forecast.tokens[follow_up.rung]


def _gain_right(score: float, mends: float, breaks: float) -> float:
    return (1 - score) * mends - score * breaks


def read_score(follow_up: FollowUp, attempt: Attempt) -> float:
    """Return the probability that a rejected attempt is right.

    No answer is not right, nor is one that a check or a judge rejected. The score of a `learned` verdict is
    calibrated. Other scores are not (on abacus, rejected answers scored 0.75 and 27 of 100 were right): then the
    measured share counts.
    """
    verdict = attempt.verdict
    if attempt.answer is None or (
        verdict is not None and verdict.rejected and verdict.verifier in DECISIVE_VERIFIERS
    ):
        return 0.0
    return verdict.score if verdict is not None and verdict.verifier == "learned" else follow_up.right
