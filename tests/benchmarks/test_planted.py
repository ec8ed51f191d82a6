"""Planted tables, small: tuning finds the structure that is there."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import planted

SIZES = {"TRAINING": 100, "SEARCH": 80, "TEST": 140, "TRUTH": 150}
SCENARIOS = {one.name: one for one in planted.SCENARIOS}


def measure(name: str, monkeypatch: pytest.MonkeyPatch, **sizes: int) -> dict[str, Any]:
    for size, count in {**SIZES, **sizes}.items():
        monkeypatch.setattr(planted, size, count)
    planted.train_profile.cache_clear()  # of another size
    scenario = SCENARIOS[name]
    row = planted.measure(scenario, planted.train_profile(scenario), 0)
    planted.train_profile.cache_clear()
    return row


@pytest.mark.slow
def test_where_difficulty_shows_the_policy_costs_what_an_oracle_does(monkeypatch: pytest.MonkeyPatch) -> None:
    row = measure("difficulty shows, confidence is noise", monkeypatch)
    assert row["tokens"] <= 1.05 * row["oracle_tokens"]
    assert row["tokens"] < 0.5 * row["best_tokens"]
    assert row["lost"] <= row["target"]


@pytest.mark.slow
def test_where_nothing_shows_the_policy_is_not_below_the_hull(monkeypatch: pytest.MonkeyPatch) -> None:
    row = measure("nothing shows", monkeypatch)
    assert row["hull_gain"] >= -0.02
    assert row["lost"] <= row["target"]


@pytest.mark.slow
def test_in_groups_of_40_no_more_is_lost_than_was_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    row = measure("groups of 40", monkeypatch, TRAINING=180)  # 32 groups, as many as training needs
    assert row["lost"] <= row["target"]
    assert row["tokens"] <= row["reference_tokens"]


def test_an_oracle_knows_what_each_question_needs() -> None:
    scenario = SCENARIOS["difficulty shows, confidence is noise"]
    truth = list(planted.make_questions(scenario, 200, planted.Random(0), "t"))
    oracle = planted.find_visible_oracle(truth, scenario)
    assert oracle["oracle_right"] == pytest.approx(0.85, abs=0.06), "15 % are solved by no rung"
    assert planted.find_visible_oracle(truth, SCENARIOS["nothing shows"])["oracle_tokens"] is None
