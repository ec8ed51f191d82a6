"""`learned`: P(this answer is right) from the features of an attempt, which training uses too.

No feature depends on the words of the question. Of the answer they use only its length and whether other answers
are the same. So nothing that the question or the answer says can change a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adaptive.answers.equality import same_answer
from adaptive.types.attempt import Attempt
from adaptive.types.logistic import log_odds
from adaptive.types.verdict import Verdict
from adaptive.verify.builtin import compute_effective_confidence, count_agreement

UNSURE = 0.5
"""Stands in for an unknown probability; the feature `unknown` then is 1."""

FEATURE_NAMES = (
    "sure", "unknown", "weakest", "agree", "differ", "forced", "looped", "waits", "length", "filled", "direct",
    "size", "revised", "difficulty",
)  # fmt: skip
"""The names of `extract_attempt_features`, in order."""


def extract_attempt_features(
    attempt: Attempt, others: Sequence[Attempt], p_solved: Sequence[float] = ()
) -> dict[str, float]:
    """Return the features of an attempt by name. All are finite, and most lie in -10..10.

    * sure: log-odds of the confidence; unknown: 1 if there is no confidence
    * weakest: mean log-probability (nats) of the weakest stretch
    * agree, differ: the number of independent answers that are the same, and that are not
    * forced: 1 if the thinking was cut or stopped; looped: 1 if because it repeated itself; waits: their number
    * length: log of 1 + thinking tokens; filled: the share of the budget that they use
    * direct: 1 without any thinking; size: log of 1 + characters of the answer
    * revised: 1 if a Wait changed the answer
    * difficulty: log-odds of p(solved) at the attempt's rung

    Args:
        attempt: The attempt to describe.
        others: The earlier attempts at the same question, oldest first.
        p_solved: The difficulty model's probabilities for the question, one a rung, or none.
    """
    agree, independent = count_agreement(attempt, others)
    confidence = compute_effective_confidence(attempt, others)
    return {
        "sure": log_odds(UNSURE if confidence is None else confidence),
        "unknown": float(confidence is None),
        "weakest": max(-10.0, attempt.weakest or 0.0),
        "agree": float(agree),
        "differ": float(independent - agree),
        "forced": float(attempt.finish not in ("natural", "none")),
        "looped": float(attempt.finish == "loop"),
        "waits": float(attempt.waits),
        "length": math.log1p(attempt.chain_tokens),
        "filled": attempt.chain_tokens / attempt.budget if attempt.budget else 0.0,
        "direct": float(attempt.finish == "none"),
        "size": math.log1p(len(attempt.answer or "")),
        "revised": float(_is_revised(attempt, others)),
        "difficulty": compute_difficulty_log_odds(p_solved, attempt.rung),
    }


def _is_revised(attempt: Attempt, others: Sequence[Attempt]) -> bool:
    """Whether the attempt is a Wait that changed the answer of the attempt before it."""
    if attempt.arm != "wait" or not others:
        return False
    before = others[len(others) - 1 if attempt.base is None else attempt.base]
    return not same_answer(attempt.answer, before.answer)


def compute_difficulty_log_odds(p_solved: Sequence[float], rung: int) -> float:
    """Return the log-odds of p(solved) at a rung; 0 without any probabilities."""
    return log_odds(p_solved[min(rung, len(p_solved) - 1)] if p_solved else UNSURE)


class VerifierModel(Protocol):
    """A model of the probability that an answer is right."""

    @property
    def threshold(self) -> float:
        """The lowest probability at which an answer is accepted, in 0..1."""
        ...

    def p_right(self, features: Mapping[str, float]) -> float:
        """Return the probability that the answer is right, in 0..1, from `extract_attempt_features`."""
        ...


@dataclass(frozen=True)
class Learned:
    """Accepts an answer whose probability of being right, its score, reaches the model's threshold.

    Attributes:
        model: The verifier model.
        p_solved: Returns the difficulty model's probabilities for a question, one a rung, or none.
    """

    model: VerifierModel
    p_solved: Callable[[str], Sequence[float]] = lambda _: ()
    name: str = "learned"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict, a rejection if there is no answer."""
        if attempt.answer is None:
            return Verdict(False, 0.0, self.name, "there is no final answer")
        p = self.model.p_right(extract_attempt_features(attempt, others, self.p_solved(question)))
        passed = p >= self.model.threshold
        reason = f"p(right) {p:.3f} {'reaches' if passed else 'is under'} {self.model.threshold:.3f}"
        return Verdict(passed, p, self.name, reason)
