"""Fits the verifier model: P(right | features of an attempt), over all situations of a policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.fit import logistic
from adaptive.learn.fit.examples import VerifierExample
from adaptive.learn.fit.metrics import compute_auroc, compute_reliability
from adaptive.learn.fit.situations import SITUATION_KINDS
from adaptive.learn.fit.thresholds import Gate
from adaptive.profile.difficulty import LIKELY
from adaptive.types.logistic import MAX_LOGIT, Logistic
from adaptive.verify.learned import FEATURE_NAMES, compute_difficulty_log_odds

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Truth = NDArray[np.bool_]
NEVER = 1.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class FittedVerifier:
    """A verifier model and its figures. p: the out-of-fold P(right) of each case, shape (n,)."""

    model: Logistic
    figures: dict[str, Any]
    cases: VerifierCases
    p: Floats


@dataclass(frozen=True)
class VerifierCases:
    """Situations as arrays of n rows: features, shape (n, F), right, weight and group."""

    rows: tuple[VerifierExample, ...]
    features: Floats
    right: Truth
    weight: Floats
    group: Labels

    @classmethod
    def from_examples(
        cls, examples: Sequence[VerifierExample], p_solved: Mapping[int, Sequence[float]], group: Labels
    ) -> VerifierCases:
        """Return the cases of questions with a p(solved). Each question counts once for each kind of situation.

        Args:
            examples: Situations of all questions.
            p_solved: By the questions' rows.
            group: The group of each question.
        """
        rows = tuple(j for j in examples if j.question in p_solved)
        table = [
            {**j.features, "difficulty": compute_difficulty_log_odds(p_solved[j.question], j.rung)} for j in rows
        ]
        features = np.array([[row[n] for n in FEATURE_NAMES] for row in table]).reshape(
            len(rows), len(FEATURE_NAMES)
        )
        counts = Counter(map(_make_case_key, rows))
        weight = np.array([1 / counts[_make_case_key(j)] for j in rows])
        right = np.array([j.right for j in rows], dtype=np.bool_)
        return cls(rows, features, right, weight, group[[j.question for j in rows]])


def fit_verifier_model(
    examples: Sequence[VerifierExample],
    p_solved: Mapping[int, Sequence[float]],
    group: Labels,
    target: float,
    seed: int,
) -> FittedVerifier | None:
    """Fit the verifier model, and the threshold at which the share `target` of its accepted answers is right.

    Args:
        examples: Situations of all questions.
        p_solved: The out-of-fold p(solved) of questions, by their row. Situations of other questions are not used.
        group: The group of each question.
        target: The precision of accepted answers, in 0..1.
        seed: For folds and samples.

    Returns:
        The model and its figures; None if nearly all answers are right, or nearly none is.
    """
    cases = VerifierCases.from_examples(examples, p_solved, group)
    if not logistic.is_learnable(cases.right, cases.group):
        return None
    data = cases.features, cases.right, cases.weight, cases.group
    fitted = logistic.fit_logistic(*data, seed)
    p = logistic.predict_out_of_fold(*data, seed)
    gate = _fit_gate(cases, p, target, seed)
    threshold = NEVER if gate.threshold is None else gate.threshold
    precision, low, high = gate.estimate_precision()
    figures = {
        "situations": len(cases.rows),
        "by_kind": _measure_kinds(cases, p),
        "reliability": compute_reliability(cases.right[:, None], p[:, None]),
        "importance": [[n, round(w, 4)] for n, w in fitted.rank_weights(FEATURE_NAMES)],
        "gate": {"target": target, "threshold": gate.threshold, "judged": gate.answers, "right": gate.right,
                 "accepted": gate.accepted, "precision": precision, "low": low, "high": high},
    }  # fmt: skip
    return FittedVerifier(
        Logistic(fitted.weights_by_name(FEATURE_NAMES), round(fitted.bias, 6), threshold), figures, cases, p
    )


def _make_case_key(one: VerifierExample) -> tuple[int, str, bool]:
    return one.question, one.kind, one.after_direct


def _fit_gate(cases: VerifierCases, p: Floats, target: float, seed: int) -> Gate:
    """Fit the gate to one random situation of each question and kind. Answers likelier wrong never pass."""
    order = np.random.default_rng(seed).permutation(len(cases.rows))
    picked = {_make_case_key(cases.rows[i]): int(i) for i in order}
    some = sorted(picked.values())
    sure = [one if one >= LIKELY else None for one in p[some].tolist()]
    return Gate.fit(sure, cases.right[some].tolist(), target, seed)


def _measure_kinds(cases: VerifierCases, p: Floats) -> list[dict[str, Any]]:
    """Return figures of each kind of situation, alone and after a direct answer, and of the raw confidence."""
    sure = 1 / (1 + np.exp(-np.clip(cases.features[:, FEATURE_NAMES.index("sure")], -MAX_LOGIT, MAX_LOGIT)))
    figures = []
    for kind in SITUATION_KINDS:
        for after in (False, True):
            of = np.array([j.kind == kind and j.after_direct == after for j in cases.rows], dtype=np.bool_)
            if of.any():
                figures.append(
                    {"kind": kind, "after_direct": after, **_measure_scores(cases.right[of], p[of], sure[of])}
                )
    return figures


def _measure_scores(right: Truth, p: Floats, sure: Floats) -> dict[str, Any]:
    return {
        "count": len(right),
        "right": float(right.mean()),
        "auroc": compute_auroc(right, p),
        "auroc_confidence": compute_auroc(right, sure),
        "brier": float(np.mean((p - right) ** 2)),
        "brier_confidence": float(np.mean((sure - right) ** 2)),
        "brier_base": float(np.mean((right.mean() - right) ** 2)),
    }
