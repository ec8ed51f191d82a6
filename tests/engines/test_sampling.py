from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.engines.protocol import Sampling
from adaptive.engines.sampling import compute_logprob, sample_token

LOGITS = np.array([1.0, 3.0, -2.0, 2.0, 0.5], dtype=np.float32)


def probabilities(logits: np.ndarray) -> np.ndarray:
    exact = np.exp(logits.astype(np.float64))
    return exact / exact.sum()


def draws(sampling: Sampling, count: int = 4000) -> np.ndarray:
    tokens = [sample_token(LOGITS, sampling, position)[0] for position in range(count)]
    return np.bincount(tokens, minlength=len(LOGITS)) / count


def test_greedy_takes_the_most_likely_and_the_first_of_equals() -> None:
    assert sample_token(LOGITS, Sampling(), 0)[0] == 1
    assert sample_token(np.array([0, 7, 7], np.float32), Sampling(), 0)[0] == 1


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=2.0), Sampling(temperature=1.0, top_k=1)])
def test_log_probability_is_that_of_the_untempered_distribution(sampling: Sampling) -> None:
    token, said = sample_token(LOGITS, sampling, 5)
    assert said == pytest.approx(np.log(probabilities(LOGITS)[token]), abs=1e-6)


@given(st.floats(0, 2, allow_subnormal=True), st.integers(0, 9))
def test_any_temperature_draws_without_a_warning(temperature: float, position: int) -> None:
    token, _ = sample_token(LOGITS * 1e3, Sampling(temperature=temperature), position)
    assert token == 1


def test_log_probability_survives_large_logits() -> None:
    assert compute_logprob(np.array([1e4, 1e4], np.float32), 0) == pytest.approx(np.log(0.5), abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_tempered_distribution(temperature: float) -> None:
    wanted = probabilities(LOGITS / temperature)
    assert np.abs(draws(Sampling(temperature=temperature)) - wanted).max() < 0.03


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(temperature=1.0, top_k=1), {1}),
        (Sampling(temperature=5.0, top_k=2), {1, 3}),
        (Sampling(temperature=5.0, top_k=99), {0, 1, 2, 3, 4}),
        (Sampling(temperature=1.0, top_p=0.1), {1}),
        (Sampling(temperature=1.0, top_p=0.0), {1}),
        (Sampling(temperature=1.0, top_p=0.7), {1, 3}),
        (Sampling(temperature=5.0, top_k=3, top_p=0.99), {0, 1, 3}),
    ],
)
def test_only_what_top_k_and_top_p_leave_is_drawn(sampling: Sampling, kept: set[int]) -> None:
    assert set(np.flatnonzero(draws(sampling))) == kept


@given(st.integers(), st.integers(0, 100_000))
def test_a_draw_depends_on_seed_and_position_alone(seed: int, position: int) -> None:
    sampling = Sampling(temperature=1.0, seed=seed)
    assert sample_token(LOGITS, sampling, position) == sample_token(LOGITS.copy(), sampling, position)


def test_seeds_and_positions_give_different_draws() -> None:
    flat = np.zeros(1000, np.float32)
    tokens = {sample_token(flat, Sampling(1.0, seed=s), p)[0] for s in range(-3, 4) for p in range(10)}
    assert len(tokens) > 60


def draw_from_all(logits: np.ndarray, sampling: Sampling, position: int) -> int:
    """The definition: all ids ranked, the shortest head that holds top_p, and a place in it."""
    ranked = np.argsort(-logits, kind="stable")[: sampling.top_k or None]
    weights = np.exp((logits[ranked].astype(np.float64) - logits.max()) / sampling.temperature)
    cumulative = np.cumsum(weights / weights.sum())
    size = min(int(np.searchsorted(cumulative, sampling.top_p)) + 1, len(ranked))
    number = np.random.default_rng((sampling.seed, position)).random()
    return int(ranked[min(int(np.searchsorted(cumulative, number * cumulative[size - 1], "right")), size - 1)])


@given(
    st.integers(0, 2**32),
    st.sampled_from([2, 50, 2000]),
    st.sampled_from([0.0, 0.1, 1.0, 8.0]),
    st.builds(
        Sampling,
        st.sampled_from([0.1, 0.7, 1.0, 3.0]),
        st.sampled_from([0.0, 0.1, 0.5, 0.95, 0.9999999, 1 - 2**-53, 1.0]),
        st.sampled_from([0, 0, 1, 3, 60, 3000]),
        st.integers(0, 2**40),
    ),
    st.booleans(),
)
def test_the_likely_ids_decide_as_all_would(
    seed: int, count: int, spread: float, sampling: Sampling, ties: bool
) -> None:
    logits = (np.random.default_rng(seed).normal(size=count) * spread).astype(np.float32)
    logits = np.round(logits) if ties else logits
    assert sample_token(logits, sampling, 7)[0] == draw_from_all(logits, sampling, 7)
