from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.profile.probe import Probe, extract_direct_features, find_direct_answer
from adaptive.types.logistic import LogitModel
from tests.learn.made import DIRECT, OutcomeKey, outcome

WEIGHT = st.floats(-1e3, 1e3)
LINES = st.builds(
    LogitModel,
    st.dictionaries(st.sampled_from(("text", "sure", "unknown", "missing", "length", "size")), WEIGHT),
    WEIGHT,
)
P = st.floats(0, 1)


@given(st.lists(st.tuples(LINES, P), min_size=1, max_size=4), P | st.none(), st.text(max_size=5) | st.none())
def test_each_rung_has_the_probability_of_its_own_line_whatever_was_learned_and_answered(
    rungs: list[tuple[LogitModel, float]], sure: float | None, answer: str | None
) -> None:
    direct: Any = outcome(DIRECT, answer, None, sure).attempt  # type: ignore[arg-type]
    p = Probe(tuple(line for line, _ in rungs)).p_solved([text for _, text in rungs], direct)
    assert p == [Probe((line,)).p_solved([text], direct)[0] for line, text in rungs]
    assert all(0 <= one <= 1 for one in p)


def test_a_dearer_rung_may_be_less_likely() -> None:
    lines = LogitModel({"text": 1.0}, 0.0), LogitModel({"text": 1.0, "sure": -1.0}, 0.0)
    base, thinking = Probe(lines).p_solved([0.8, 0.8], outcome(DIRECT, "1", None, 0.9).attempt)
    assert base == pytest.approx(0.8)
    assert thinking == pytest.approx(0.8 / 2.6)  # the odds of 0.8, 4, over those of 0.9, 9


def test_what_is_not_known_of_an_answer_is_said() -> None:
    seen = extract_direct_features(outcome(DIRECT, None, None, None).attempt)  # type: ignore[arg-type]
    assert (seen["sure"], seen["unknown"], seen["missing"]) == (0.0, 1.0, 1.0)


def test_the_probe_is_the_direct_answer_of_that_model() -> None:
    direct, chain = (
        outcome(k, "1", True, 0.9, n).attempt for k, n in ((DIRECT, 0), (OutcomeKey("medium", 32), 16))
    )
    assert find_direct_answer([chain, direct]) is direct
    assert find_direct_answer([chain]) is None
    assert find_direct_answer([direct], model=1) is None


def test_a_surer_answer_is_likelier_right() -> None:
    probe = Probe((LogitModel({"text": 1.0, "sure": 0.5}, 0.0),))
    low, high = (probe.p_solved([0.5], outcome(DIRECT, "1", None, c).attempt)[0] for c in (0.6, 0.9))
    assert low < high
    assert probe.p_solved([0.5], outcome(DIRECT, "1", None, 0.5).attempt)[0] == pytest.approx(0.5)
