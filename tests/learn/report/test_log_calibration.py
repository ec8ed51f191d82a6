"""Predicted against observed: counted in tenths, once each, and never by a verdict's own word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.learn.data.observations import Observation
from adaptive.learn.report.log_calibration import Calibration, Proportion, bin_predictions, compute_calibrations

PAIRS = st.lists(st.tuples(st.none() | st.floats(0, 1), st.booleans()), max_size=60)


def seen(**changed: Any) -> Observation:
    made: dict[str, Any] = {
        "id": 1, "question": "q", "answer": "73", "right": True, "source": "user", "reference": "73", "rung": 1,
        "effort": "low", "budget": 64, "waits": 0, "arm": "first", "p_solved": (0.5, 0.75), "predicted": 0.75,
        "score": 0.9,
        "verifier": "learned", "accepted": True, "model": "embedded", "profile": "abacus",
    }  # fmt: skip
    return Observation(**{**made, **changed})


@given(PAIRS)
def test_every_prediction_is_in_one_tenth(pairs: list[tuple[float | None, bool]]) -> None:
    found = bin_predictions(pairs)
    known = [(p, right) for p, right in pairs if p is not None]
    assert sum(b.proportion.count for b in found) == len(known)
    assert sum(b.proportion.right for b in found) == sum(right for _, right in known)
    assert [b.low for b in found] == sorted({b.low for b in found})
    assert all(b.low - 1e-9 <= b.predicted <= b.high + 1e-9 for b in found)


@pytest.mark.parametrize(("p", "low"), [(0.0, 0.0), (0.0999, 0.0), (0.1, 0.1), (0.95, 0.9), (1.0, 0.9)])
def test_which_tenth(p: float, low: float) -> None:
    assert [b.low for b in bin_predictions([(p, True)])] == [low]


def test_each_model_and_profile_by_itself() -> None:
    others = [seen(profile="mine"), seen(model="hf:other"), seen(right=False)]
    found = compute_calibrations([seen(), *others])
    assert [(c.model, c.profile) for c in found] == [
        ("embedded", "abacus"),
        ("embedded", "mine"),
        ("hf:other", "abacus"),
    ]
    assert found[0].p_solved[0].proportion == Proportion(2, 1)
    assert compute_calibrations([]) == []


def test_scores_are_told_apart_by_verifier() -> None:
    made = Calibration.from_observations(
        "m", "p", [seen(), seen(verifier="confidence", score=0.3, accepted=False, right=False)]
    )
    assert {name: [(b.low, b.proportion) for b in rows] for name, rows in made.scores.items()} == {
        "confidence": [(0.3, Proportion(1, 0))],
        "learned": [(0.9, Proportion(1, 1))],
    }
    assert made.accepted == Proportion(1, 1)


def test_a_verdict_is_not_tested_by_its_own_word() -> None:
    made = Calibration.from_observations(
        "m", "p", [seen(source="verdict", verifier="check"), seen(source="reference")]
    )
    assert made.p_solved[0].proportion == Proportion(2, 2)
    assert list(made.scores) == ["learned"]
    assert made.accepted == Proportion(1, 1)
    assert made.sources == {"reference": 1, "verdict": 1}


def test_as_json() -> None:
    told = Calibration.from_observations("m", "p", [seen()]).to_json()
    assert told["p_solved"] == [
        {"from": 0.7, "to": 0.8, "predicted": 0.75, "count": 1, "right": 1, "observed": 1.0,
         "interval": pytest.approx([0.2065, 1.0], abs=1e-4)}
    ]  # fmt: skip
    assert (told["accepted"]["count"], list(told["scores"])) == (1, ["learned"])
