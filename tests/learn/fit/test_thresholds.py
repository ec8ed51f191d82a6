from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.fit.thresholds import LEAST_ACCEPTED, Gate, estimate_share

ANSWERS = st.lists(st.tuples(st.none() | st.floats(0, 1), st.booleans()), max_size=120)


def test_the_threshold_parts_the_right_from_the_wrong() -> None:
    confidence = [i / 1000 for i in range(1000)]
    gate = Gate.fit(confidence, [c >= 0.4 for c in confidence], 1.0, seed=0)
    assert gate.threshold == pytest.approx(0.4)
    assert gate.estimate_precision()[0] > 0.99
    assert gate.coverage == pytest.approx(0.6, abs=0.02)
    assert gate.recall == pytest.approx(1.0, abs=0.02)
    assert gate.accepts(0.4)
    assert not gate.accepts(0.399)
    assert not gate.accepts(None)


@given(ANSWERS, st.floats(0.5, 1))
def test_what_passes_is_right_often_enough(answers: list[tuple[float | None, bool]], target: float) -> None:
    confidence, correct = [a for a, _ in answers], [b for _, b in answers]
    gate = Gate.fit(confidence, correct, target, seed=1)
    passed = [b for a, b in answers if gate.accepts(a)]
    if gate.threshold is None:
        assert not passed
    else:
        assert len(passed) >= LEAST_ACCEPTED
        assert sum(passed) / len(passed) >= target
    assert 0 <= gate.accepted_right <= gate.accepted <= gate.answers


@pytest.mark.parametrize(
    "answers", [[], [(None, True)] * 50, [(0.9, False)] * 50, [(0.9, True)] * (LEAST_ACCEPTED - 1)]
)
def test_where_nothing_is_sure_enough_nothing_passes(answers: list[tuple[float | None, bool]]) -> None:
    gate = Gate.fit([a for a, _ in answers], [b for _, b in answers], 0.97, seed=0)
    assert gate.threshold is None
    assert not gate.accepts(1.0)
    assert gate.estimate_precision() == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 0, (0, 0, 1)), (5, 10, (0.5, 0.2366, 0.7634)), (10, 10, (1, 0.7225, 1)), (0, 10, (0, 0, 0.2775))],
)
def test_shares_have_wilson_intervals(part: int, whole: int, expected: tuple[float, float, float]) -> None:
    assert estimate_share(part, whole) == pytest.approx(expected, abs=1e-4)
