"""Fits the verifier model: P(right | what the attempt looked like), over all situations of a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.fit import logistic
from adaptive.learn.fit.examples import Judged
from adaptive.learn.fit.metrics import auroc, reliability
from adaptive.learn.fit.situations import KINDS
from adaptive.learn.fit.thresholds import Gate
from adaptive.profile.difficulty import LIKELY
from adaptive.types.logistic import MOST_LOGIT, Logistic
from adaptive.verify.learned import FEATURES, difficulty_of

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Truth = NDArray[np.bool_]
NEVER = 1.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class Judge:
    """A verifier model and its figures."""

    model: Logistic
    figures: dict[str, Any]


@dataclass(frozen=True)
class Cases:
    """Situations as arrays of n rows: features (n, F), right, weight, and which question and group each is of."""

    rows: tuple[Judged, ...]
    seen: Floats
    right: Truth
    weight: Floats
    group: Labels

    @classmethod
    def of(cls, judged: Sequence[Judged], p_solved: Mapping[int, Sequence[float]], group: Labels) -> Cases:
        """Those of questions whose p(solved) is known; each question counts once for each kind of situation."""
        rows = tuple(j for j in judged if j.question in p_solved)
        seen = np.array([
            [{**j.seen, "difficulty": difficulty_of(p_solved[j.question], j.rung)}[n] for n in FEATURES]
            for j in rows
        ]).reshape(len(rows), len(FEATURES))  # fmt: skip
        several: dict[tuple[int, str, bool], int] = {}
        for j in rows:
            several[_of(j)] = several.get(_of(j), 0) + 1
        weight = np.array([1 / several[_of(j)] for j in rows])
        right = np.array([j.right for j in rows], dtype=np.bool_)
        return cls(rows, seen, right, weight, group[[j.question for j in rows]])


def judge(
    judged: Sequence[Judged], p_solved: Mapping[int, Sequence[float]], group: Labels, target: float, seed: int
) -> Judge | None:
    """The verifier model, its threshold that from which on the share `target` is right; None where nearly all
    answers are right or nearly none is.

    p_solved: of questions by their row, as a model says that was not fitted to them. group: of each question.
    """
    cases = Cases.of(judged, p_solved, group)
    if not logistic.learnable(cases.right, cases.group):
        return None
    given = cases.seen, cases.right, cases.weight, cases.group
    fitted = logistic.fit(*given, seed)
    p = logistic.out_of_fold(*given, seed)
    gate = _gate(cases, p, target, seed)
    threshold = NEVER if gate.threshold is None else gate.threshold
    precision, low, high = gate.precision()
    figures = {
        "situations": len(cases.rows),
        "by_kind": _by_kind(cases, p),
        "reliability": reliability(cases.right[:, None], p[:, None]),
        "importance": [[n, round(w, 4)] for n, w in fitted.importance(FEATURES)],
        "gate": {"target": target, "threshold": gate.threshold, "judged": gate.answers, "right": gate.right,
                 "accepted": gate.accepted, "precision": precision, "low": low, "high": high},
    }  # fmt: skip
    return Judge(Logistic(fitted.named(FEATURES), round(fitted.bias, 6), threshold), figures)


def _of(one: Judged) -> tuple[int, str, bool]:
    return one.question, one.kind, one.after_direct


def _gate(cases: Cases, p: Floats, target: float, seed: int) -> Gate:
    """On one situation, picked by chance, of each question and kind; what is likelier wrong is not let through."""
    order = np.random.default_rng(seed).permutation(len(cases.rows))
    picked = {_of(cases.rows[i]): int(i) for i in order}
    some = sorted(picked.values())
    sure = [one if one >= LIKELY else None for one in p[some].tolist()]
    return Gate.fit(sure, cases.right[some].tolist(), target, seed)


def _by_kind(cases: Cases, p: Floats) -> list[dict[str, Any]]:
    """Figures of each kind of situation, alone and after a direct answer, beside those of the raw confidence."""
    sure = 1 / (1 + np.exp(-np.clip(cases.seen[:, FEATURES.index("sure")], -MOST_LOGIT, MOST_LOGIT)))
    made = []
    for kind in KINDS:
        for after in (False, True):
            of = np.array([j.kind == kind and j.after_direct == after for j in cases.rows], dtype=np.bool_)
            if of.any():
                made.append({"kind": kind, "after_direct": after, **_figures(cases.right[of], p[of], sure[of])})
    return made


def _figures(right: Truth, p: Floats, sure: Floats) -> dict[str, Any]:
    return {
        "count": len(right),
        "right": float(right.mean()),
        "auroc": auroc(right, p),
        "auroc_confidence": auroc(right, sure),
        "brier": float(np.mean((p - right) ** 2)),
        "brier_confidence": float(np.mean((sure - right) ** 2)),
        "brier_base": float(np.mean((right.mean() - right) ** 2)),
    }
