"""What the domain tells: how well predictions hold inside and outside, and what flagging more would bring.

Each recorded question is placed in the domain without its group, and its predictions are out-of-fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive.learn.fit.domain import FittedDomain
from adaptive.learn.fit.metrics import compute_reliability
from adaptive.learn.fit.verifier import FittedVerifier

Floats = NDArray[np.float64]
FLAGGED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""The shares of questions, the most novel ones, without which accepted answers are counted."""


def measure_domain(
    domain: FittedDomain,
    rows: NDArray[np.int64],
    solved: NDArray[np.bool_],
    predicted: Floats,
    verifier: FittedVerifier | None,
) -> dict[str, Any]:
    """Return the figures of a domain in plain JSON types.

    Args:
        domain: The fitted domain.
        rows: The questions with predictions, shape (m,).
        solved: Whether each rung solves them, shape (m, rungs).
        predicted: The out-of-fold p(solved), shape (m, rungs).
        verifier: Its out-of-fold probabilities say which answers are accepted.
    """
    outside = domain.outside[rows]
    return {
        "alpha": domain.domain.alpha,
        "questions": len(domain.left_out),
        "outside": int(domain.outside.sum()),
        "inside_reliability": compute_reliability(solved[~outside], predicted[~outside]),
        "outside_reliability": compute_reliability(solved[outside], predicted[outside]) if outside.any() else [],
        "accepted": [_count_accepted(domain, share, verifier) for share in FLAGGED] if verifier else [],
    }


def _count_accepted(domain: FittedDomain, share: float, verifier: FittedVerifier) -> dict[str, Any]:
    """Return how many answers are accepted, and how many of them are right, without the most novel questions.

    Situations of a question are weighed as in the fit, so that each question counts once for each kind of them.
    """
    cases = verifier.cases
    question = np.array([one.question for one in cases.rows])
    accepted = (verifier.p >= verifier.model.threshold) & (domain.typical > share)[question]
    weight = cases.weight[accepted]
    return {
        "flagged": share,
        "accepted": float(weight.sum() / cases.weight.sum()),
        "right": float(weight[cases.right[accepted]].sum() / weight.sum()) if weight.sum() else None,
    }
