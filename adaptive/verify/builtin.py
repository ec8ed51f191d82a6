"""The verifiers that cost no tokens: `rules`, `confidence`, `agreement`.

A verdict's score is in 0..1. It is the attempt's confidence (`adaptive.reason.confidence`), or 0.5 if the engine
gives no log-probabilities; an independent answer that agrees halves the doubt. Without an answer in the right form
it is 0. It orders attempts; it is not calibrated to a probability of being right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adaptive.answers.equality import same_answer
from adaptive.answers.extract import is_refusal, read_answer
from adaptive.answers.numerals import parse_number
from adaptive.types.attempt import Attempt
from adaptive.types.verdict import Verdict
from adaptive.verify.base import UNKNOWN

NO_LOGPROBS = "the engine gives no log-probabilities, so there is no confidence"
_DANGLING = re.compile(r"[-+*/^=,(\[{]\s*$")


@dataclass(frozen=True)
class Rules:
    """Accepts an answer that is complete and has the right form.

    Attributes:
        form: "number" accepts only a number, fraction or quantity; "any" accepts any text except a refusal.
    """

    form: Literal["any", "number"] = "any"
    name: str = "rules"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict. The reason of a rejection is the first rule that is broken."""
        broken = self._find_broken_rule(attempt)
        score = 0.0 if broken else score_attempt(attempt)
        return Verdict(not broken, score, self.name, broken or "the answer is in form")

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
        if self.form == "number" and parse_number(read_answer(attempt.answer).text) is None:
            return "the answer is not a number"
        return ""


@dataclass(frozen=True)
class CompleteAnswer:
    """Accepts any complete answer, and rejects only on evidence: no answer, one that was cut off, a loop.

    Unlike `Rules` it does not read the words: a model that says what it cannot do has answered.
    """

    name: str = "rules"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Reject an attempt without a complete answer of its own."""
        evidence = _find_evidence(attempt)
        score = 0.0 if evidence else score_attempt(attempt, others)
        return Verdict(not evidence, score, self.name, evidence or "the answer is whole")


@dataclass(frozen=True)
class Unverified:
    """Stands where nothing can tell whether an answer is right: its verdict is undecided.

    Attributes:
        why: What is missing.
    """

    why: str = "no profile, no check"
    name: str = "none"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return an undecided verdict."""
        return Verdict.undecided(score_attempt(attempt, others), self.name, self.why)


@dataclass(frozen=True)
class Confidence:
    """Accepts an answer whose confidence reaches the threshold of its effort.

    Attributes:
        thresholds: Effort to threshold in 0..1; None if confidence alone never accepts. An effort that is not
            listed has the strictest of them. If nothing is listed, no confidence is enough.
    """

    thresholds: Mapping[str, float | None]
    name: str = "confidence"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict. It is undecided if the engine gives no log-probabilities."""
        score = score_attempt(attempt, others)
        confidence = compute_effective_confidence(attempt, others)
        if confidence is None:
            return Verdict.undecided(score, self.name, NO_LOGPROBS)
        passed, reason = _check_threshold(confidence, self._get_threshold(attempt.effort))
        return Verdict(passed, score, self.name, reason)

    def _get_threshold(self, effort: str) -> float | None:
        numbers = [t for t in self.thresholds.values() if t is not None]
        strictest = max(numbers) if len(numbers) == len(self.thresholds) and numbers else None
        return self.thresholds.get(effort, strictest)


@dataclass(frozen=True)
class Agreement:
    """Accepts an answer that an independent attempt gave too.

    The direct answer is independent, and so is an answer from another chain. An earlier attempt whose chain this
    one continues is not, because the model would only repeat itself.

    Attributes:
        least: The confidence in 0..1 that the answer needs besides; None if agreement never accepts.
    """

    least: float | None = 0.0
    name: str = "agreement"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Return the verdict: undecided without an independent answer, a rejection if none of them agrees."""
        agreeing, independent = count_agreement(attempt, others)
        score = score_attempt(attempt, others, agreed=agreeing > 0)
        if not independent:
            return Verdict.undecided(score, self.name, "no independent answer yet")
        if not agreeing:
            return Verdict(False, score, self.name, f"none of {independent} independent answers agrees")
        reason = f"agrees with {agreeing} of {independent} independent answers"
        if self.least == 0:
            return Verdict(True, score, self.name, reason)
        passed, why = _check_threshold(compute_effective_confidence(attempt, others), self.least)
        return Verdict(passed, score, self.name, f"{reason}, {why}")


def compute_effective_confidence(attempt: Attempt, others: Sequence[Attempt]) -> float | None:
    """Return the attempt's confidence, which a Wait that only repeats the answer cannot raise.

    A chain that misread the question is sure of the same misreading when it checks itself. On abacus the
    confidence of the check alone tells right from wrong with an AUROC of 0.81, the lower of both with 0.95.
    """
    if attempt.arm != "wait" or not others or attempt.confidence is None:
        return attempt.confidence
    at = len(others) - 1 if attempt.base is None else attempt.base
    if not same_answer(attempt.answer, others[at].answer):
        return attempt.confidence
    before = compute_effective_confidence(others[at], others[:at])
    return None if before is None else min(before, attempt.confidence)


def score_attempt(attempt: Attempt, others: Sequence[Attempt] = (), *, agreed: bool = False) -> float:
    """Return how good the answer looks, in 0..1; the module's docstring says how.

    Args:
        attempt: The attempt to score.
        others: The earlier attempts at the same question, oldest first.
        agreed: Whether an independent answer agrees.
    """
    if attempt.answer is None:
        return 0.0
    confidence = compute_effective_confidence(attempt, others)
    score = UNKNOWN if confidence is None else min(1.0, max(0.0, confidence))
    return 1 - (1 - score) / 2 if agreed else score


def count_agreement(attempt: Attempt, others: Sequence[Attempt]) -> tuple[int, int]:
    """Return how many independent answers are the same as the attempt's, and how many there are."""
    answers = [other.answer for other in others if other.answer is not None and is_independent(attempt, other)]
    return sum(same_answer(attempt.answer, answer) for answer in answers), len(answers)


def is_independent(attempt: Attempt, other: Attempt) -> bool:
    """Whether `other` reached its answer by another way than the chain that `attempt` ended."""
    if other.model != attempt.model:
        return True
    if attempt.turns:  # of a chat model: an answer of another conversation
        return attempt.turns[: len(other.turns)] != other.turns
    if not other.trace:
        return bool(attempt.trace)  # a direct answer, compared with one that was thought about
    return attempt.trace[: len(other.trace)] != other.trace


def _find_evidence(attempt: Attempt) -> str:
    """Say what speaks against an attempt, whatever its answer says; empty if nothing does."""
    if attempt.status == "refused":
        return "the model ended its turn without an answer"
    if attempt.status != "answered":
        looped = " (it went round in a loop)" if attempt.finish == "loop" else ""
        return f"the answer is not whole: {attempt.status}{looped}"
    if attempt.answer is None or not attempt.answer.strip():
        return "there is no final answer"
    if attempt.rounds and attempt.finish == "loop":
        return "the thinking went round in a loop, and its answer was forced"
    if attempt.rounds and attempt.finish == "context":
        return "the thinking filled the context window, and its answer was forced"
    return ""


def _check_threshold(confidence: float | None, threshold: float | None) -> tuple[bool, str]:
    """Return whether the threshold is reached, and the same in words."""
    if confidence is None:
        return False, NO_LOGPROBS
    if threshold is None:
        return False, f"confidence {confidence:.2f}, and here no confidence is enough"
    passed = confidence >= threshold
    return passed, f"confidence {confidence:.3f} {'reaches' if passed else 'is under'} {threshold:.3f}"


def _is_cut_off(answer: str) -> bool:
    """Whether an operator or an open bracket stands at the end: the model was stopped in the middle."""
    unclosed = any(answer.count(a) > answer.count(b) for a, b in ("()", "{}"))
    return unclosed or bool(_DANGLING.search(answer))
