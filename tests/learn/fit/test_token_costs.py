"""How many tokens an attempt takes: predicted without bias, within what was recorded; the worth of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict

from adaptive.learn.fit.token_costs import NEARLY, WORTHS, TokenFit, choose_default_worth, measure_tokens

SIZE, RUNGS = 400, 2


def draw_rows(rng: np.random.Generator, size: int = SIZE) -> tuple[Any, Any]:
    """Features of questions, and the tokens of two rungs: long questions take more, and chance does much."""
    length, other = rng.normal(0, 1, size), rng.normal(0, 1, size)
    spread = rng.normal(0, 0.8, (size, RUNGS))
    tokens = np.exp(np.log([50, 800]) + np.outer(length, [0.3, 0.9]) + spread).round()
    return csr_array(np.column_stack([length, other])), np.maximum(tokens, 1)


def split(size: int = SIZE, count: int = 4) -> list[tuple[Any, Any]]:
    fold = np.arange(size) % count
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(count)]


def predict_out_of_fold(fitted: TokenFit, rows: Any, tokens: Any) -> Any:
    """What the lines of these strengths predict of rows that they were not fitted to, without any scaling."""
    logs = [
        cross_val_predict(
            Ridge(alpha=line.alpha, solver="sparse_cg", tol=1e-4), rows, column, cv=split(len(tokens))
        )
        for line, column in zip(fitted.lines, np.log(tokens).T, strict=True)
    ]
    return np.exp(np.clip(np.column_stack(logs), fitted.least, fitted.most))


def test_out_of_fold_the_mean_prediction_is_the_mean_of_the_tokens() -> None:
    rows, tokens = draw_rows(np.random.default_rng(0))
    fitted = TokenFit.fit(rows, tokens, split())
    medians = predict_out_of_fold(fitted, rows, tokens)
    assert (medians.mean(axis=0) < 0.85 * tokens.mean(axis=0)).all(), "the exponential of a mean logarithm is less"
    assert medians.mean(axis=0) * np.exp(fitted.shift) == pytest.approx(tokens.mean(axis=0))


def test_of_new_questions_too_the_mean_is_predicted() -> None:
    rng = np.random.default_rng(1)
    rows, tokens = draw_rows(rng)
    new_rows, new_tokens = draw_rows(rng, 20_000)
    predicted = TokenFit.fit(rows, tokens, split()).predict(new_rows)
    assert predicted.mean(axis=0) == pytest.approx(new_tokens.mean(axis=0), rel=0.12)
    long, short = (new_rows.toarray()[:, 0] > 1, new_rows.toarray()[:, 0] < -1)
    for some in (long, short):
        assert predicted[some].mean(axis=0) == pytest.approx(new_tokens[some].mean(axis=0), rel=0.2)


TOKENS = st.lists(st.lists(st.integers(1, 10**6), min_size=RUNGS, max_size=RUNGS), min_size=4, max_size=20)


@given(TOKENS, st.lists(st.floats(-100, 100), min_size=1, max_size=5), st.booleans())
def test_nothing_is_predicted_beyond_what_was_recorded(
    recorded: list[list[int]], new: list[float], held_out: bool
) -> None:
    tokens = np.array(recorded, dtype=np.float64)
    rows = csr_array(np.arange(len(tokens), dtype=np.float64)[:, None] % 3)
    fitted = TokenFit.fit(rows, tokens, split(len(tokens), 2) if held_out else [])
    predicted = fitted.predict(csr_array(np.array(new)[:, None]))
    assert predicted.shape == (len(new), RUNGS)
    assert (predicted >= tokens.min(axis=0) * (1 - 1e-9)).all()
    assert (predicted <= tokens.max(axis=0) * (1 + 1e-9)).all()


@pytest.mark.parametrize("held_out", [True, False])
def test_tokens_that_are_always_the_same_are_predicted(held_out: bool) -> None:
    rows, _ = draw_rows(np.random.default_rng(2))
    tokens = np.tile([7.0, 900.0], (SIZE, 1))
    fitted = TokenFit.fit(rows, tokens, split() if held_out else [])
    assert fitted.predict(rows) == pytest.approx(tokens)


def test_figures_tell_how_much_of_the_spread_is_explained() -> None:
    rows, tokens = draw_rows(np.random.default_rng(3))
    mean = np.tile(tokens.mean(axis=0), (SIZE, 1))
    assert [one["explained"] for one in measure_tokens(tokens, tokens)] == [1.0, 1.0]
    assert [one["explained"] for one in measure_tokens(tokens, mean)] == [0.0, 0.0]
    cheap, dear = measure_tokens(tokens, TokenFit.fit(rows, tokens, split()).predict(rows))
    assert cheap["explained"] == pytest.approx(0.09 / (0.09 + 0.64), abs=0.06)
    assert dear["explained"] == pytest.approx(0.81 / (0.81 + 0.64), abs=0.06)
    assert (dear["mean"], dear["predicted"]) == (
        round(float(tokens[:, 1].mean()), 1),
        pytest.approx(dear["mean"], rel=0.1),
    )
    assert measure_tokens(mean, mean)[0]["explained"] == 0.0


def choose(solved: Any, p_solved: Any, costs: tuple[float, ...]) -> float:
    tokens = np.tile(costs, (len(solved), 1))
    return choose_default_worth(np.asarray(solved, dtype=np.bool_), np.asarray(p_solved), tokens, tokens)


def test_the_worth_is_the_least_that_reaches_the_best_rung() -> None:
    """Every other question needs the dear rung, which takes 90 tokens more, and the forecast knows which."""
    solved = np.array([[1, 1], [0, 1]] * 50)
    worth = choose(solved, solved, (10, 100))
    step = (WORTHS[1] / WORTHS[0]) ** (1 / 59)
    assert 90 < worth <= 90 * step + 0.1


def test_the_better_the_dear_rung_is_foreseen_the_less_it_must_be_worth() -> None:
    solved = np.array([[1, 1], [0, 1]] * 50)
    worths = [choose(solved, np.where(solved, high, 1 - high), (10, 100)) for high in (0.6, 0.8, 1.0)]
    assert worths == sorted(worths, reverse=True)
    assert worths[0] > 3 * worths[-1]


def test_if_the_cheapest_rung_is_as_good_as_any_an_answer_is_worth_little() -> None:
    solved = np.array([[1, 1], [0, 0]] * 50)
    assert choose(solved, np.full((100, 2), 0.5), (10, 100)) == pytest.approx(WORTHS[0] * 55)


def test_if_no_forecast_helps_an_answer_is_worth_the_most_that_is_tried() -> None:
    """The dear rung is right, and the forecast says the contrary."""
    solved = np.array([[0, 1]] * 50)
    assert choose(solved, 1 - solved, (10, 100)) == pytest.approx(WORTHS[1] * 55)


@given(st.integers(0, 10**6), st.integers(1, 4))
@example(16593, 3)  # two rungs promise almost as much, and a worth with fewer digits chooses the other
def test_choosing_by_the_worth_is_about_as_accurate_as_the_best_rung(seed: int, rungs: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random((60, rungs))
    solved, tokens = rng.random(p.shape) < p, rng.integers(1, 2000, p.shape).astype(np.float64)
    worth = choose_default_worth(solved, p, tokens, tokens)
    right = solved[np.arange(60), np.argmax(worth * p - tokens, axis=1)].mean()
    most = WORTHS[1] * tokens.mean()
    assert right >= solved.mean(axis=0).max() - NEARLY or worth == pytest.approx(most, abs=0.1)
    assert worth > 0
