"""The direct answer as a probe: once it was rejected, how hard the question is is known better."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.learn.data.outcome import DIRECT
from adaptive.profile.probe import Probe, find_direct_answer
from adaptive.types.logistic import LogitModel
from adaptive.types.options import Options
from adaptive.types.policy import FollowUp
from tests.learn.made import outcome
from tests.support.solving import RUNGS, PureEngine, ask, profile

TEXT = (0.6, 0.85, 0.9, 0.95)
"""By the text alone the direct answer comes first, and the first thinking rung is likely enough after it."""
WORTH = 50.0
FOLLOW_UPS = tuple(
    FollowUp("budget", 0, rung, right=0.3, bias=0.0, slope=1.0, breaks=0.0, cost=0.2) for rung in (1, 2, 3)
)


def probing(slope: float) -> Probe:
    """The first thinking rung by the confidence: a slope of 0 leaves what the text says."""
    plain = LogitModel({"text": 1.0}, 0.0)
    return Probe((plain, *(LogitModel({"text": 1.0, "sure": slope}, -2 * slope) for _ in RUNGS[1:-1]), plain))


def solved(probe: Probe | None) -> dict[str, Any]:
    known = replace(profile(TEXT, accept={"none": 0.95}, worth=WORTH, follow_ups=FOLLOW_UPS), probe=probe)
    result = build_solver(PureEngine(), profile=known, options=Options()).invoke(ask("2+2?"))
    found: dict[str, Any] = result["adaptive_result"]
    return found


@pytest.mark.parametrize(("probe", "rung"), [(None, 1), (probing(0.0), 1), (probing(6.0), 3)])
def test_a_doubtful_direct_answer_sends_the_question_further_up(probe: Probe | None, rung: int) -> None:
    result = solved(probe)
    assert [a["rung"] for a in result["attempts"]][:2] == [0, rung]
    assert result["difficulty"]["p_solved"] == list(TEXT)


def test_only_a_direct_answer_of_the_profiles_model_tells() -> None:
    known, direct = replace(profile(TEXT), probe=probing(3.0)), outcome(DIRECT, "0", None, 0.82).attempt
    assert known.predict_difficulty("2+2?", direct)["p_solved"][1] < 0.8
    for attempts in ([], [replace(direct, model=1)]):
        assert known.predict_difficulty("2+2?", find_direct_answer(attempts))["p_solved"] == list(TEXT)
