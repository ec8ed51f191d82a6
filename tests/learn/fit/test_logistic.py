"""Out-of-fold predictions: no group that a prediction is for is among those that its model was fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.fit import logistic


@given(st.integers(12, 40), st.integers(0, 9), st.integers(1, 4))
def test_no_prediction_has_seen_its_group(count: int, seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"g{i}" for i in range(count)], size)
    truth = rng.random(len(groups)) < 0.5
    rows = np.arange(len(groups), dtype=float)[:, None]  # each row says which one it is
    fitted: list[set[str]] = []

    class Recorded:
        def __init__(self, names: set[str]) -> None:
            self.names = names

        def predict(self, asked: Any) -> Any:
            assert not self.names & set(groups[asked[:, 0].astype(int)].tolist())
            return np.full(len(asked), 0.5)

    def record(inside: Any, _truth: Any, _weight: Any, names: Any, _seed: int) -> Recorded:
        assert names.tolist() == groups[inside[:, 0].astype(int)].tolist()
        fitted.append(set(names.tolist()))
        return Recorded(fitted[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logistic, "fit_logistic", record)
        predicted = logistic.predict_out_of_fold(rows, truth, np.ones(len(groups)), groups, seed)
    assert predicted.tolist() == [0.5] * len(groups)
    assert set().union(*fitted) == set(groups.tolist())
