"""The difficulty model as plain weights: whatever they are, what it predicts is in range, and survives a file."""

from __future__ import annotations

import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaptive.errors import InputError
from adaptive.profile.difficulty import DifficultyModel, TokenWeights
from adaptive.profile.features import COUNTS
from adaptive.profile.weights import SKOPS, WEIGHTS

RUNGS, VOCABULARY = 4, ("<2d>", "what", "+")
WEIGHT = st.floats(-1e3, 1e3)


def weights(*shape: int, elements: Any = WEIGHT) -> st.SearchStrategy[Any]:
    return arrays(np.float64, shape, elements=elements)


LINES = weights(RUNGS, len(VOCABULARY)), weights(RUNGS, len(COUNTS)), weights(RUNGS)
BOUNDS = (weights(RUNGS, elements=st.floats(*ends)) for ends in ((0, 5), (5, 12)))
MODELS = st.builds(
    DifficultyModel, st.just(VOCABULARY), *LINES, st.none() | st.builds(TokenWeights, *LINES, *BOUNDS)
)
QUESTIONS = st.lists(st.text(max_size=50) | st.sampled_from(["What is 12 + 34?", "what"]), max_size=3)


@given(MODELS, QUESTIONS)
def test_a_prediction_is_in_range_whatever_the_weights_and_the_question(
    model: DifficultyModel, questions: list[str]
) -> None:
    p, tokens = model.forecast(questions)
    assert p.shape == (len(questions), RUNGS)
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_array_equal(model.p_solved(questions), p)
    if model.costs is None:
        assert tokens is None or not questions
        return
    assert tokens is not None
    assert tokens.shape == p.shape
    low, high = np.exp(model.costs.least), np.exp(model.costs.most)
    assert ((tokens >= low) & (tokens <= high)).all(), "nothing beyond what was recorded"


@given(MODELS, QUESTIONS)
def test_a_question_has_the_same_prediction_alone_and_among_others(
    model: DifficultyModel, questions: list[str]
) -> None:
    p, tokens = model.forecast(questions)
    for row, question in enumerate(questions):
        own_p, own_tokens = model.forecast([question])
        np.testing.assert_allclose(own_p[0], p[row], rtol=1e-6)
        if tokens is not None and own_tokens is not None:
            np.testing.assert_allclose(own_tokens[0], tokens[row], rtol=1e-6)


def save(model: DifficultyModel, folder: Path) -> Path:
    (folder / SKOPS).write_bytes(b"the estimators")
    model.save(folder)
    return folder


@given(MODELS, QUESTIONS)
def test_what_is_saved_is_loaded(model: DifficultyModel, questions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded = DifficultyModel.load(save(model, Path(folder)))
    assert (loaded.vocabulary, loaded.rungs) == (VOCABULARY, RUNGS)
    assert (loaded.costs is None) == (model.costs is None)
    for own, again in zip(model.forecast(questions), loaded.forecast(questions), strict=True):
        np.testing.assert_array_equal(again, own)


def make_model(**costs: Any) -> DifficultyModel:
    line = np.zeros((2, 0)), np.zeros((2, len(COUNTS)))
    parts = {"bias": np.full(2, 3.0), "least": np.zeros(2), "most": np.full(2, 9.0), **costs}
    return DifficultyModel((), *line, np.zeros(2), TokenWeights(*line, **parts))


@pytest.mark.parametrize("name", ["bias", "least", "most"])
@pytest.mark.parametrize("value", [np.zeros(3), np.array([0.0, np.nan]), np.array([np.inf, 0.0])])
def test_weights_of_tokens_that_cannot_be_used_are_one_sentence(tmp_path: Path, name: str, value: Any) -> None:
    folder = save(make_model(**{name: value}), tmp_path)
    with pytest.raises(InputError, match=r"is damaged: train it again\.$") as caught:
        DifficultyModel.load(folder)
    assert str(folder / WEIGHTS) in str(caught.value)


def forge(folder: Path, **changed: Any) -> Path:
    """Change some of the arrays of a model's file."""
    with np.load(folder / WEIGHTS) as held:
        parts = dict(held)
    np.savez_compressed(folder / WEIGHTS, **parts | changed)
    return folder


@pytest.mark.parametrize(
    "changed",
    [
        {"vocabulary": np.zeros(5_000_000, np.uint8)},
        {"vocabulary": np.full(1_000_000, "a"), "on_tokens": np.zeros((2, 1_000_000), np.uint8)},
        {"bias": np.asarray(0.0)},
        {"bias": np.zeros(2, np.complex128)},
    ],
)
def test_forged_arrays_are_one_sentence_and_take_little_memory(tmp_path: Path, changed: dict[str, Any]) -> None:
    folder = forge(save(replace(make_model(), costs=None), tmp_path), **changed)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"is damaged: train it again\.$"):
            DifficultyModel.load(folder)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_half_of_the_weights_of_tokens_is_damage(tmp_path: Path) -> None:
    folder = save(make_model(), tmp_path)
    with np.load(folder / WEIGHTS) as held:
        parts = {name: value for name, value in held.items() if name != "cost_most"}
    np.savez(folder / WEIGHTS, **parts)
    with pytest.raises(InputError, match="is damaged: train it again"):
        DifficultyModel.load(folder)
