from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from adaptive.errors import InputError
from adaptive.profile.placement import Placement, Prior, place_model

PRIOR = Prior(ability=0.3, ability_sd=1.5, log_slope=-0.1, log_slope_sd=0.3)
FIXED = Prior(ability=0.3, ability_sd=1.5, log_slope=-0.1, log_slope_sd=0.0)


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows, rungs = draw(st.integers(0, 12)), draw(st.integers(1, 4))
    b = draw(st.lists(st.floats(-8, 8), min_size=rows, max_size=rows))
    cells = st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=rungs, max_size=rungs)
    solved = draw(st.lists(cells, min_size=rows, max_size=rows))
    return np.array(b), np.array(solved).reshape(rows, rungs)


@given(answers(), st.lists(st.floats(-30, 30), max_size=4))
def test_a_dearer_rung_is_never_less_likely_and_a_harder_question_never_more(
    given_answers: tuple[np.ndarray, np.ndarray], hard: list[float]
) -> None:
    placement = place_model(*given_answers, PRIOR)
    p = placement.p_solved(sorted(hard))
    assert p.shape == (len(hard), given_answers[1].shape[1])
    assert (np.diff(p, axis=1) >= 0).all()
    assert (np.diff(p, axis=0) <= 0).all()
    assert all(a <= b for a, b in pairwise(placement.abilities))


@given(answers(), st.data())
def test_one_more_right_answer_never_lowers_an_ability(
    given_answers: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    b, solved = given_answers
    wrong = np.argwhere(solved == 0)
    if not len(wrong):
        return
    better = solved.copy()
    better[tuple(data.draw(st.sampled_from(wrong.tolist())))] = 1
    before, after = place_model(b, solved, FIXED).abilities, place_model(b, better, FIXED).abilities
    assert (np.array(after) >= np.array(before) - 1e-9).all()


@pytest.mark.parametrize("solved", [np.empty((0, 3)), np.full((5, 3), np.nan)])
def test_without_an_answer_it_is_the_prior(solved: np.ndarray) -> None:
    placement = place_model(np.zeros(len(solved)), solved, PRIOR)
    assert placement.abilities == pytest.approx((0.3, 0.3, 0.3))
    assert placement.slope == pytest.approx(np.exp(-0.1))
    assert placement.answers == 0


def test_planted_abilities_and_slope_are_found() -> None:
    rng = np.random.default_rng(1)
    planted = Placement((-1.5, 0.2, 1.4), 1.3)
    b = rng.normal(0, 1.5, 6000)
    found = place_model(b, rng.random((6000, 3)) < planted.p_solved(b), PRIOR)
    assert found.abilities == pytest.approx(planted.abilities, abs=0.1)
    assert found.slope == pytest.approx(1.3, abs=0.1)
    assert found.answers == 18000


def test_rungs_out_of_order_become_one_as_a_solver_with_constraints_finds_them() -> None:
    rng = np.random.default_rng(2)
    b = rng.normal(size=30)
    solved = np.stack([rng.random(30) < p for p in (0.4, 0.8, 0.3, 0.35)], axis=1).astype(float)
    slope = np.exp(FIXED.log_slope)

    def loss(steps: np.ndarray) -> float:
        at = steps[0] + np.concatenate([[0.0], np.cumsum(steps[1:])])
        z = slope * (at - b[:, None])
        prior = ((at - FIXED.ability) / FIXED.ability_sd) ** 2
        return float((np.logaddexp(0, z) - solved * z).sum() + 0.5 * prior.sum())

    best = minimize(loss, np.zeros(4), bounds=[(None, None), *[(0, None)] * 3], method="L-BFGS-B").x
    expected = best[0] + np.concatenate([[0.0], np.cumsum(best[1:])])
    assert place_model(b, solved, FIXED).abilities == pytest.approx(expected, abs=1e-3)


def test_few_answers_are_shrunk_to_the_prior_and_many_are_not() -> None:
    few, many = (place_model(np.zeros(n), np.ones((n, 1)), PRIOR).abilities[0] for n in (2, 200))
    assert PRIOR.ability < few < 2 < many


def test_it_goes_through_json() -> None:
    placement = place_model([0.0, 1.0], [[1, 1], [0, np.nan]], PRIOR)
    assert Placement.from_json(json.loads(json.dumps(placement.to_json()))) == placement


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"abilities": [1.0, 0.0], "slope": 1.0, "answers": 0}, "never fall"),
        ({"abilities": [1.0], "slope": 0.0, "answers": 0}, "above 0, got 0.0"),
        ({"abilities": [1.0], "answers": 0}, "no key 'slope'"),
        ({"abilities": ["x"], "slope": 1.0}, "must be a number"),
    ],
)
def test_a_bad_placement_is_one_sentence(data: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Placement.from_json(data)


@pytest.mark.parametrize(
    ("b", "solved", "said"),
    [
        ([0.0, 1.0], [[1]], "are needed, got"),
        ([0.0], [1], "are needed, got"),
        ([0.0], [[2]], "neither solved"),
        ([np.nan], [[1]], "not a number"),
    ],
)
def test_bad_answers_are_one_sentence(b: list[float], solved: list[object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        place_model(b, solved, PRIOR)
