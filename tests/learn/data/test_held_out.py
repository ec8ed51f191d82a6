"""Out-of-fold predictions survive their file, by the hash of the question."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive.errors import InputError
from adaptive.learn.data.held_out import HeldOut, read_held_out, write_held_out
from adaptive.learn.data.splits import hash_question
from adaptive.profile.files import HELD_OUT_FILE
from adaptive.types.forecast import Forecast

ROWS = st.tuples(
    st.lists(st.integers(0, 10_000).map(lambda n: n / 10_000), min_size=3, max_size=3),
    st.lists(st.integers(1, 10**6).map(lambda n: n / 10), min_size=3, max_size=3),
)


@given(st.dictionaries(st.integers(0, 99).map(lambda n: f"What is {n} + 1?"), ROWS, max_size=5))
def test_what_is_written_is_read(rows: dict[str, tuple[list[float], list[float]]]) -> None:
    p, tokens = (np.array([row[i] for row in rows.values()]).reshape(len(rows), 3) for i in (0, 1))
    held_out = HeldOut(list(rows), p, tokens)
    assert held_out.to_forecasts() == {text: Forecast(tuple(p), tuple(t)) for text, (p, t) in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        write_held_out(Path(folder), held_out)
        read = read_held_out(Path(folder))
    assert read == {hash_question(text): one for text, one in held_out.to_forecasts().items()}


def test_a_file_that_is_missing_or_of_an_older_version_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not there: train the profile on outcomes first"):
        read_held_out(tmp_path)
    np.savez(tmp_path / HELD_OUT_FILE, keys=np.array(["a"]), p_solved=np.array([[0.5]]))
    with pytest.raises(InputError, match=r"held_out.npz is damaged .*tokens.*: train the profile again"):
        read_held_out(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": np.array(["a", "b"])},
        {"keys": np.asarray("a")},
        {"keys": np.array([["a"]])},
        {"keys": np.array([7])},
        {"p_solved": np.zeros(1, np.float32)},
        {"p_solved": np.full((1, 2), np.nan, np.float32)},
        {"tokens": np.zeros((1, 3), np.float32)},
        {"tokens": np.zeros((1, 2), np.float16)},
    ],
)
def test_arrays_that_do_not_fit_together_are_one_sentence(tmp_path: Path, changed: dict[str, Any]) -> None:
    whole = {"keys": np.array(["a"]), **dict.fromkeys(("p_solved", "tokens"), np.full((1, 2), 0.5, np.float32))}
    np.savez(tmp_path / HELD_OUT_FILE, **whole)
    assert read_held_out(tmp_path) == {"a": Forecast((0.5, 0.5), (0.5, 0.5))}
    np.savez(tmp_path / HELD_OUT_FILE, **whole | changed)
    with pytest.raises(InputError, match=r"held_out.npz is damaged \(its arrays do not fit together\)"):
        read_held_out(tmp_path)
