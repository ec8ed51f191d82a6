"""Gates: thresholds of confidence at which answers are right often enough to be accepted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.answers.equality import same_answer
from adaptive.learn.fit.graded import GradedAttempt, GradedQuestion
from adaptive.types.ladder import Ladder

LEAST_ACCEPTED = 20
"""A threshold counts only if at least so many answers pass it."""


@dataclass(frozen=True)
class Gate:
    """A threshold on confidence; None if no threshold reaches the target precision on enough answers.

    answers: how many were judged, `right` of them right. accepted, accepted_right: the same of answers that pass,
    each half judged by the threshold of the other half. So these two are held out, while `threshold` is fitted to
    all.
    """

    target: float
    threshold: float | None
    answers: int
    right: int
    accepted: int
    accepted_right: int

    @classmethod
    def fit(cls, confidence: Sequence[float | None], correct: Sequence[bool], target: float, seed: int) -> Gate:
        """Fit the lowest threshold whose passing answers are right with the share `target`.

        Args:
            confidence: Of each answer; one without a confidence never passes.
            correct: Whether each answer is right.
            target: The precision to reach, in 0..1.
            seed: Halves the answers.
        """
        sure = np.array([-1.0 if c is None else c for c in confidence], dtype=np.float64)
        right = np.asarray(correct, dtype=np.bool_)
        half = np.random.default_rng(seed).permutation(len(sure)) % 2
        passed = np.zeros(len(sure), dtype=np.bool_)
        for one in (0, 1):
            threshold = _find_threshold(sure[half != one], right[half != one], target)
            passed |= (half == one) & (sure >= (math.inf if threshold is None else threshold))
        return cls(
            target=target,
            threshold=_find_threshold(sure, right, target),
            answers=len(sure),
            right=int(right.sum()),
            accepted=int(passed.sum()),
            accepted_right=int((passed & right).sum()),
        )

    @property
    def coverage(self) -> float:
        """The share of the answers that is accepted."""
        return self.accepted / self.answers if self.answers else 0.0

    @property
    def recall(self) -> float:
        """The share of the right answers that is accepted."""
        return self.accepted_right / self.right if self.right else 0.0

    def estimate_precision(self) -> tuple[float, float, float]:
        """Return the share of the accepted answers that is right, and its 95 % interval."""
        return estimate_share(self.accepted_right, self.accepted)

    def accepts(self, confidence: float | None) -> bool:
        """Return whether an answer of this confidence is accepted."""
        return confidence is not None and self.threshold is not None and confidence >= self.threshold


def estimate_share(part: int, whole: int) -> tuple[float, float, float]:
    """Return part / whole and its 95 % Wilson interval (Wilson 1927); 0 and 0..1 if `whole` is 0.

    It is by hand: importing `scipy.stats` takes most of a second, which commands that only print such an interval
    would pay, and its `binomtest` has more digits of z, so that figures of profiles would change in the last ones.
    """
    if not whole:
        return 0.0, 0.0, 1.0
    z, p = 1.959964, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    width = z / (1 + z * z / whole) * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    return p, max(0.0, middle - width), min(1.0, middle + width)


def _find_threshold(sure: NDArray[np.float64], right: NDArray[np.bool_], target: float) -> float | None:
    """Return the lowest confidence at and above which answers of this sample reach the target."""
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    precision = np.cumsum(right[order]) / np.arange(1, len(ranked) + 1)
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True) if len(ranked) else np.empty(0, dtype=np.bool_)
    enough = np.arange(1, len(ranked) + 1) >= LEAST_ACCEPTED
    good = np.flatnonzero(last_of_ties & enough & (precision >= target) & (ranked >= 0))
    return float(ranked[good[-1]]) if len(good) else None


@dataclass(frozen=True)
class Gates:
    """Gates of direct answers, of each effort's chains, and of chains that agree with a direct answer.

    Without direct answers their gate has judged none and accepts none.
    """

    direct: Gate
    chains: dict[str, Gate]
    agreement: Gate

    @classmethod
    def fit(cls, records: Sequence[GradedQuestion], target: float, seed: int) -> Gates:
        """Fit all gates. Chains are judged if the direct answer is not accepted: otherwise a solve makes none.

        Args:
            records: The graded attempts of each question.
            target: The precision to reach, in 0..1.
            seed: Halves the answers.
        """
        direct = _fit_gate((r.direct for r in records if r.direct), target, seed)
        rejected = [r for r in records if r.direct is None or not direct.accepts(r.direct.confidence)]
        efforts = dict.fromkeys(c.effort for r in rejected for c in r.chains)
        chains = {
            e: _fit_gate((c for r in rejected for c in r.chains if c.effort == e), target, seed) for e in efforts
        }
        agreeing = (
            c
            for r in rejected
            for c in r.chains
            if r.direct and same_answer(c.answer, r.direct.answer) and not chains[c.effort].accepts(c.confidence)
        )
        return cls(direct, chains, _fit_gate(agreeing, target, seed))

    def to_thresholds(self, ladder: Ladder) -> dict[str, float | None]:
        """Return the threshold of each effort of the ladder; None if there was nothing to fit it to."""
        gates = {"none": self.direct, **self.chains}
        return {r.effort: gates[r.effort].threshold if r.effort in gates else None for r in ladder}


def _fit_gate(answers: Iterable[GradedAttempt], target: float, seed: int) -> Gate:
    """Fit a gate to the attempts with an answer: the verifier `rules` rejects the others."""
    answered = [a for a in answers if a.answer is not None and a.status == "answered"]
    return Gate.fit([a.confidence for a in answered], [a.correct for a in answered], target, seed)


def summarise_thinking(records: Sequence[GradedQuestion]) -> dict[str, Any]:
    """Return mean tokens, and how often the dearest chain mended or broke a direct answer.

    Without direct answers their tokens are None.
    """
    thought = [r for r in records if r.chains]
    direct = [r.direct for r in records if r.direct]
    both = [(r.direct.correct, r.chains[-1].correct) for r in thought if r.direct]
    return {
        "audited": len(thought),
        "tokens": {
            "direct": round(_compute_mean_tokens(direct), 1) if direct else None,
            "chains": round(_compute_mean_tokens(r.chains[-1] for r in thought), 1),
        },
        "mended": sum(not before and after for before, after in both),
        "broken": sum(before and not after for before, after in both),
    }


def _compute_mean_tokens(attempts: Iterable[GradedAttempt]) -> float:
    tokens = [a.tokens for a in attempts]
    return sum(tokens) / len(tokens) if tokens else 0.0
