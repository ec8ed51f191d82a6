"""The verifiers that cost no tokens: `rules`, `confidence`, `agreement`.

A verdict's score is in 0..1: the attempt's confidence (`adaptive.reason.confidence`), with its doubt halved
where an independent answer agrees, 0.5 where the engine gives no log-probabilities, and 0 where there is no
answer in form. It orders attempts; it is not yet calibrated to a probability of being right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adaptive.answers.equality import parse_number, same_answer
from adaptive.answers.extract import is_refusal
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict
from adaptive.verify.base import UNKNOWN

NO_LOGPROBS = "the engine gives no log-probabilities, so there is no confidence"
_DANGLING = re.compile(r"[-+*/^=,(\[{]\s*$")


@dataclass(frozen=True)
class Rules:
    """Accepts an answer that is there, in form, and whole.

    form "number" wants one number, fraction or quantity; "any" takes any text that is not a refusal.
    """

    form: Literal["any", "number"] = "any"
    name: str = "rules"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Rejected with the first rule that is broken."""
        broken = self._find_broken_rule(attempt)
        return Verdict(
            not broken, 0.0 if broken else score_attempt(attempt), self.name, broken or "the answer is in form"
        )

    def _find_broken_rule(self, attempt: Attempt) -> str:
        if attempt.status == "refused":
            return "the model ended its turn without an answer"
        if attempt.status != "answered":
            return f"the attempt is {attempt.status}, not answered"
        if is_refusal(attempt.answer or attempt.text):
            return "the model says that it does not know"
        if attempt.answer is None or not attempt.answer.strip():
            return "there is no final answer"
        if _is_cut_off(attempt.answer):
            return "the answer is cut off"
        if self.form == "number" and parse_number(attempt.answer) is None:
            return "the answer is not a number"
        return ""


@dataclass(frozen=True)
class Confidence:
    """Accepts an answer of at least the confidence that its effort's threshold asks for.

    thresholds: one for each effort, None where confidence alone never accepts. An effort that is not listed has
    the strictest of them, and where there are none no confidence is enough.
    """

    thresholds: Mapping[str, float | None]
    name: str = "confidence"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Undecided where the engine gives no log-probabilities."""
        sure = compute_effective_confidence(attempt, others)
        if sure is None:
            return Verdict.undecided(score_attempt(attempt, others), self.name, NO_LOGPROBS)
        passed, reason = _check_threshold(sure, self._get_threshold(attempt.effort))
        return Verdict(passed, score_attempt(attempt, others), self.name, reason)

    def _get_threshold(self, effort: str) -> float | None:
        known = [t for t in self.thresholds.values() if t is not None]
        strictest = max(known) if len(known) == len(self.thresholds) and known else None
        return self.thresholds.get(effort, strictest)


@dataclass(frozen=True)
class Agreement:
    """Accepts an answer that an independent attempt gave too, from confidence `least` on (None: never).

    Independent is the direct answer, and an answer from another chain. An earlier attempt whose chain this
    one continues is not: it repeats itself.
    """

    least: float | None = 0.0
    name: str = "agreement"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Undecided where there is no independent answer, rejected where none says the same."""
        answers = [o.answer for o in others if o.answer is not None and is_independent(attempt, o)]
        agreeing = sum(same_answer(attempt.answer, a) for a in answers)
        if not answers:
            return Verdict.undecided(score_attempt(attempt, others), self.name, "no independent answer yet")
        if not agreeing:
            reason = f"none of {len(answers)} independent answers agrees"
            return Verdict(False, score_attempt(attempt, others), self.name, reason)
        passed, why = (
            (True, "")
            if self.least == 0
            else _check_threshold(compute_effective_confidence(attempt, others), self.least)
        )
        reason = f"agrees with {agreeing} of {len(answers)} independent answers"
        return Verdict(
            passed, score_attempt(attempt, others, agreed=True), self.name, f"{reason}, {why}" if why else reason
        )


def compute_effective_confidence(attempt: Attempt, others: Sequence[Attempt]) -> float | None:
    """The attempt's confidence; after a Wait that only repeated the answer, no more than before it.

    The check of a chain that misread the question is sure of the same misreading: on abacus the confidence of
    the check alone tells right from wrong with an AUROC of 0.81, the lower of both with 0.95.
    """
    if attempt.arm != "wait" or not others or attempt.confidence is None:
        return attempt.confidence
    at = len(others) - 1 if attempt.base is None else attempt.base
    if not same_answer(attempt.answer, others[at].answer):
        return attempt.confidence
    before = compute_effective_confidence(others[at], others[:at])
    return None if before is None else min(before, attempt.confidence)


def score_attempt(attempt: Attempt, others: Sequence[Attempt] = (), *, agreed: bool = False) -> float:
    """How good the answer looks, in 0..1: see the module's docstring."""
    if attempt.answer is None:
        return 0.0
    sure = compute_effective_confidence(attempt, others)
    likely = UNKNOWN if sure is None else min(1.0, max(0.0, sure))
    return 1 - (1 - likely) / 2 if agreed else likely


def is_independent(attempt: Attempt, other: Attempt) -> bool:
    """Whether `other` reached its answer on another way than the chain that `attempt` ended."""
    if other.model != attempt.model:
        return True
    if attempt.turns:  # of a chat model: an answer of another talk
        return attempt.turns[: len(other.turns)] != other.turns
    if not other.trace:
        return bool(attempt.trace)  # a direct answer, against one that was thought about
    return attempt.trace[: len(other.trace)] != other.trace


def _check_threshold(confidence: float | None, threshold: float | None) -> tuple[bool, str]:
    """Whether the threshold is reached, and that in words."""
    if confidence is None:
        return False, NO_LOGPROBS
    if threshold is None:
        return False, f"confidence {confidence:.2f}, and here no confidence is enough"
    passed = confidence >= threshold
    return passed, f"confidence {confidence:.3f} {'reaches' if passed else 'is under'} {threshold:.3f}"


def _is_cut_off(answer: str) -> bool:
    """An operator or an open bracket at the end: the model was stopped in the middle."""
    unclosed = any(answer.count(a) > answer.count(b) for a, b in ("()", "{}"))
    return unclosed or bool(_DANGLING.search(answer))
