from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from adaptive.learn.fit.metrics import compute_auroc, count_folds, measure_difficulty, predict_held_out
from tests.learn.toy import labels_to_solved


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_auroc_is_scikit_learns(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([a for a, _ in rows]), np.array([b / 5 for _, b in rows])
    found = compute_auroc(truth, scores)
    if len(set(truth.tolist())) == 1:
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(truth, scores))


def test_figures_of_known_predictions() -> None:
    labels = np.array([0, 0, 1, 2])
    predicted = np.array([[0.9, 0.95], [0.4, 0.6], [0.2, 0.8], [0.1, 0.2]])
    figures = measure_difficulty(labels_to_solved(labels, 2), predicted, labels_to_solved(labels, 2))
    assert figures["level"]["table"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert figures["level"]["accuracy"] == 0.75
    assert figures["level"]["base"] == 0.5
    assert figures["shares"] == [0.5, 0.25, 0.25]
    for k in (0, 1):
        assert figures["rungs"][k]["brier"] == pytest.approx(brier_score_loss(labels <= k, predicted[:, k]))
        assert figures["rungs"][k]["log_loss"] == pytest.approx(log_loss(labels <= k, predicted[:, k]))
    assert figures["rungs"][0]["brier_base"] == pytest.approx(0.25)
    assert sum(row["count"] for row in figures["reliability"]) == predicted.size


@pytest.mark.parametrize(("count", "expected"), [(50, 50), (2400, 600)])
def test_nothing_is_predicted_by_a_model_that_saw_it(count: int, expected: int) -> None:
    def fit(seen: NDArray[np.int64]) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        return lambda asked: np.isin(asked, seen)[:, None].astype(np.float64)

    rows, predicted = predict_held_out(fit, np.arange(count) % count_folds(count))
    assert len(set(rows.tolist())) == expected
    assert not predicted.any()
