"""`learned`: P(this answer is right), from what an attempt looked like. Here what it looks at; training fits it.

The features need no text of the question, and of the answer only its length and whether another is the same, so
nothing that either says can change a verdict.
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
from adaptive.verify.builtin import compute_effective_confidence, is_independent

UNSURE = 0.5
"""Taken for a probability that is not known; `unknown` then says so."""


FEATURE_NAMES = (
    "sure", "unknown", "weakest", "agree", "differ", "forced", "looped", "waits", "length", "filled", "direct",
    "size", "revised", "difficulty",
)  # fmt: skip
"""The names of `extract_attempt_features`, in order."""


def extract_attempt_features(
    attempt: Attempt, others: Sequence[Attempt], p_solved: Sequence[float] = ()
) -> dict[str, float]:
    """What a verifier model sees of an attempt; all numbers are finite, and most within -10..10.

    sure: log-odds of the confidence; unknown: 1 where there is none. weakest: mean log-probability (nats) of the
    weakest stretch. agree, differ: independent answers that say the same and that do not. forced: 1 where the
    thinking was cut or stopped; looped. waits. length: log of 1 + thinking tokens; filled: the share of the budget
    that is used. direct: 1 where nothing was thought. size: log of 1 + characters of the answer. revised: 1
    where a Wait changed the answer. difficulty: log-odds of p(solved) at its rung, by the question's text alone.
    """
    answers = [o.answer for o in others if o.answer is not None and is_independent(attempt, o)]
    agree = sum(same_answer(attempt.answer, a) for a in answers)
    sure = compute_effective_confidence(attempt, others)
    return {
        "sure": log_odds(UNSURE if sure is None else sure),
        "unknown": float(sure is None),
        "weakest": max(-10.0, attempt.weakest or 0.0),
        "agree": float(agree),
        "differ": float(len(answers) - agree),
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
    """Whether a Wait, this attempt, made another answer of the one before it."""
    if attempt.arm != "wait" or not others:
        return False
    before = others[len(others) - 1 if attempt.base is None else attempt.base]
    return not same_answer(attempt.answer, before.answer)


def compute_difficulty_log_odds(p_solved: Sequence[float], rung: int) -> float:
    """Log-odds of p(solved) at a rung, 0 where nothing is known."""
    return log_odds(p_solved[min(rung, len(p_solved) - 1)] if p_solved else UNSURE)


class VerifierModel(Protocol):
    """Anything that turns features into a probability."""

    @property
    def threshold(self) -> float:
        """The probability from which on an answer is accepted, in 0..1."""
        ...

    def p_right(self, features: Mapping[str, float]) -> float:
        """The probability that the answer is right, in 0..1."""
        ...


@dataclass(frozen=True)
class Learned:
    """Accepts an answer that the verifier model believes in; its score is that probability.

    p_solved: the difficulty model's probabilities for a question, one a rung, or none.
    """

    model: VerifierModel
    p_solved: Callable[[str], Sequence[float]] = lambda _: ()
    name: str = "learned"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Rejected where there is no answer."""
        if attempt.answer is None:
            return Verdict(False, 0.0, self.name, "there is no final answer")
        p = self.model.p_right(extract_attempt_features(attempt, others, self.p_solved(question)))
        passed = p >= self.model.threshold
        said = f"p(right) {p:.3f} {'reaches' if passed else 'is under'} {self.model.threshold:.3f}"
        return Verdict(passed, p, self.name, said)
