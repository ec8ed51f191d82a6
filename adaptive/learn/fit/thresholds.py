"""Gates: from which confidence on an answer is right often enough to be accepted without another look."""

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
"""Answers that a threshold must let through before its precision is believed."""


@dataclass(frozen=True)
class Gate:
    """A threshold on confidence, None where none reaches the target precision on enough answers.

    answers: how many were judged, `right` of them right. accepted, accepted_right: of these, when each half
    is judged by the threshold of the other half; so these two are held out, and the threshold is of all.
    """

    target: float
    threshold: float | None
    answers: int
    right: int
    accepted: int
    accepted_right: int

    @classmethod
    def fit(cls, confidence: Sequence[float | None], correct: Sequence[bool], target: float, seed: int) -> Gate:
        """The lowest threshold that lets answers through of which the share `target` is right.

        An answer without a confidence is never let through.
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
        """Share of the answers that is accepted."""
        return self.accepted / self.answers if self.answers else 0.0

    @property
    def recall(self) -> float:
        """Share of the right answers that is accepted."""
        return self.accepted_right / self.right if self.right else 0.0

    def estimate_precision(self) -> tuple[float, float, float]:
        """Share of the accepted answers that is right, and its 95 % interval."""
        return estimate_share(self.accepted_right, self.accepted)

    def accepts(self, confidence: float | None) -> bool:
        """Whether an answer of this confidence is accepted."""
        return confidence is not None and self.threshold is not None and confidence >= self.threshold


def estimate_share(part: int, whole: int) -> tuple[float, float, float]:
    """part / whole and its 95 % Wilson interval (Wilson 1927); 0 and 0..1 where `whole` is 0."""
    if not whole:
        return 0.0, 0.0, 1.0
    z, p = 1.959964, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    width = z / (1 + z * z / whole) * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    return p, max(0.0, middle - width), min(1.0, middle + width)


def _find_threshold(sure: NDArray[np.float64], right: NDArray[np.bool_], target: float) -> float | None:
    """The lowest confidence at and above which answers are right with the target's share, in this sample."""
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    precision = np.cumsum(right[order]) / np.arange(1, len(ranked) + 1)
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True) if len(ranked) else np.empty(0, dtype=np.bool_)
    enough = np.arange(1, len(ranked) + 1) >= LEAST_ACCEPTED
    good = np.flatnonzero(last_of_ties & enough & (precision >= target) & (ranked >= 0))
    return float(ranked[good[-1]]) if len(good) else None


@dataclass(frozen=True)
class Gates:
    """Gates of direct answers, of each effort's chains, and of chains that agree with a direct answer."""

    direct: Gate
    chains: dict[str, Gate]
    agreement: Gate

    @classmethod
    def fit(cls, records: Sequence[GradedQuestion], target: float, seed: int) -> Gates:
        """Fit all gates. Chains are judged on questions whose direct answer is not accepted: others get no chain."""
        direct = _fit_gate((r.direct for r in records), target, seed)
        seen = [r for r in records if not direct.accepts(r.direct.confidence)]
        efforts = dict.fromkeys(c.effort for r in seen for c in r.chains)
        chains = {
            e: _fit_gate((c for r in seen for c in r.chains if c.effort == e), target, seed) for e in efforts
        }
        agreeing = (
            c
            for r in seen
            for c in r.chains
            if same_answer(c.answer, r.direct.answer) and not chains[c.effort].accepts(c.confidence)
        )
        return cls(direct, chains, _fit_gate(agreeing, target, seed))

    def to_thresholds(self, ladder: Ladder) -> dict[str, float | None]:
        """The threshold of each effort of the ladder; None where there was nothing to judge by."""
        gates = {"none": self.direct, **self.chains}
        return {r.effort: gates[r.effort].threshold if r.effort in gates else None for r in ladder}


def compute_probe_from(records: Sequence[GradedQuestion], direct: Gate) -> float:
    """The probability of a right direct answer from which on it pays to try it first, in 0..1.

    Trying costs the direct answer's tokens, and saves a chain's where it is right and accepted. The prompt is read
    once either way.
    """
    thought = [r for r in records if r.chains]
    if direct.threshold is None or not thought:
        return 1.0
    costs = _compute_mean_tokens(r.direct for r in thought)
    saves = direct.recall * _compute_mean_tokens(r.chains[0] for r in thought)
    return round(min(1.0, costs / saves), 4) if saves else 1.0


def _fit_gate(answers: Iterable[GradedAttempt], target: float, seed: int) -> Gate:
    """A gate for the attempts that gave an answer: `rules` rejects the others."""
    given = [a for a in answers if a.answer is not None and a.status == "answered"]
    return Gate.fit([a.confidence for a in given], [a.correct for a in given], target, seed)


def summarise_thinking(records: Sequence[GradedQuestion]) -> dict[str, Any]:
    """Mean tokens, and what thinking did to direct answers, on the audited records' dearest chains."""
    thought = [r for r in records if r.chains]
    return {
        "audited": len(thought),
        "tokens": {
            "direct": round(_compute_mean_tokens(r.direct for r in records), 1),
            "chains": round(_compute_mean_tokens(r.chains[-1] for r in thought), 1),
        },
        "mended": sum(not r.direct.correct and r.chains[-1].correct for r in thought),
        "broken": sum(r.direct.correct and not r.chains[-1].correct for r in thought),
    }


def _compute_mean_tokens(attempts: Iterable[GradedAttempt]) -> float:
    made = [a.tokens for a in attempts]
    return sum(made) / len(made) if made else 0.0
