from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import FunctionTransformer

from adaptive.errors import InputError
from adaptive.learn.fit.difficulty import LEAST, TRUSTED, TrainedDifficulty, assign_folds, labels_to_solved
from adaptive.profile.difficulty import SKOPS, WEIGHTS, DifficultyModel, name_level
from adaptive.profile.features import COUNTS
from tests.learn.conftest import RUNGS, Data
from tests.learn.toy import ROOT


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_it_learns_what_makes_sums_hard(trained: TrainedDifficulty) -> None:
    easy, hard = trained.to_model().p_solved(["What is 3 + 4?", "What is 3141 + 2718?"])
    assert easy[0] > 0.7
    assert hard[-1] < 0.4


def test_the_weights_predict_what_the_estimators_do(trained: TrainedDifficulty, data: Data) -> None:
    rows = trained.features.transform(data[0]).tocsr()
    each = [
        np.full(len(data[0]), c) if isinstance(c, float) else c.predict_proba(rows)[:, 1] for c in trained.rungs
    ]
    expected = np.maximum.accumulate(np.stack(each, axis=1), axis=1)
    np.testing.assert_allclose(trained.to_model().p_solved(data[0]), expected, atol=1e-9)


MODELS = st.builds(
    lambda tokens, counts, bias: DifficultyModel(("<2d>", "what", "+"), tokens, counts, bias),
    arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3)),
    arrays(np.float64, (4, len(COUNTS)), elements=st.floats(-1e3, 1e3)),
    arrays(np.float64, (4,), elements=st.floats(-1e3, 1e3)),
)


@given(MODELS, st.lists(st.text(max_size=50), max_size=3))
def test_p_solved_never_falls_whatever_the_weights_and_the_question(
    model: DifficultyModel, questions: list[str]
) -> None:
    p = model.p_solved(questions)
    assert p.shape == (len(questions), 4)
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p, axis=1) >= 0).all()


@pytest.mark.parametrize(
    ("p_solved", "word"),
    [([], "unknown"), ([0.5, 0.9], "easy"), ([0.49, 0.5], "medium"), ([0.1, 0.49], "hard"), ([0.7], "easy")],
)
def test_levels(p_solved: list[float], word: str) -> None:
    assert name_level(p_solved) == word


def test_a_rung_without_both_kinds_has_its_share(data: Data) -> None:
    questions, labels = data
    rare = TrainedDifficulty.fit(questions, labels_to_solved([max(1, k) for k in labels], RUNGS))
    assert rare.rungs[0] == pytest.approx(1 / (len(labels) + 2))
    assert rare.to_model().p_solved(["What is 3 + 4?"])[0][0] == pytest.approx(1 / (len(labels) + 2))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1] * (LEAST // 2 - 1), "too few to train on"),
        ([1] * 200, "too much alike"),
        ([0] * 200, "too much alike"),
    ],
)
def test_too_little_to_learn_from(labels: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TrainedDifficulty.fit([f"What is {i} + 1?" for i in range(len(labels))], labels_to_solved(labels, RUNGS))


@given(st.lists(st.integers(0, 3), min_size=1), st.integers(1, 5))
def test_folds_deal_every_label_out_evenly(labels: list[int], count: int) -> None:
    fold = assign_folds(labels, count, 0)
    for label in set(labels):
        sizes = np.bincount(fold[np.asarray(labels) == label], minlength=count)
        assert sizes.max() - sizes.min() <= 1


def test_what_is_saved_is_loaded(folder: Path, trained: TrainedDifficulty, data: Data) -> None:
    expected = trained.to_model().p_solved(data[0])
    np.testing.assert_array_equal(DifficultyModel.load(folder).p_solved(data[0]), expected)
    (folder / WEIGHTS).unlink()
    np.testing.assert_array_equal(DifficultyModel.load(folder).p_solved(data[0]), expected)


def test_loading_and_predicting_import_no_scikit_learn(saved: Path) -> None:
    code = (
        "import sys; from adaptive.profile.difficulty import DifficultyModel; "
        f"DifficultyModel.load({str(saved)!r}).p_solved(['1 + 1']); "
        "assert not {'sklearn', 'skops', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("change", ["other skops", "cut", "not finite", "wrong shape", "garbage", "missing"])
def test_weights_that_cannot_be_used_are_made_again(folder: Path, change: str, trained: TrainedDifficulty) -> None:
    file = folder / WEIGHTS
    if change == "other skops":
        skops.io.dump({"features": trained.features, "rungs": [*trained.rungs[:2], 0.9]}, folder / SKOPS)
    elif change in ("cut", "garbage"):
        file.write_bytes(file.read_bytes()[:1000] if change == "cut" else b"garbage")
    elif change == "missing":
        file.unlink()
    else:
        with np.load(file) as held:
            parts = dict(held)
        parts["bias"] = parts["bias"] * np.nan if change == "not finite" else parts["bias"][:1]
        np.savez(file, **parts)
    p = DifficultyModel.load(folder).p_solved(["What is 3 + 4?"])[0]
    expected = trained.to_model().p_solved(["What is 3 + 4?"])[0]
    assert p[-1] >= 0.9 if change == "other skops" else p == pytest.approx(expected)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/owned",)


def _refused(folder: Path) -> str:
    (folder / WEIGHTS).unlink()
    with pytest.raises(InputError) as caught:
        DifficultyModel.load(folder)
    said = str(caught.value)
    assert str(folder / SKOPS) in said
    assert "\n" not in said
    return said


def test_a_file_with_other_types_is_refused(folder: Path) -> None:
    skops.io.dump({"features": FunctionTransformer(func=os.system), "rungs": []}, folder / SKOPS)
    assert "holds types that are not trusted (posix.system)" in _refused(folder)


def test_a_poisoned_file_runs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function in the file is swapped for another one, as who forges a file would."""
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    with zipfile.ZipFile(folder / SKOPS) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    schema = (
        held["schema.json"]
        .decode()
        .replace('"adaptive.profile.features"', '"posix"')
        .replace('"counts"', '"system"')
    )
    with zipfile.ZipFile(folder / SKOPS, "w") as archive:
        for name, content in (held | {"schema.json": schema.encode()}).items():
            archive.writestr(name, content)
    assert "not trusted" in _refused(folder)
    assert ran == []


@pytest.mark.parametrize(
    "kind", ["empty", "garbage", "cut", "no schema", "odd schema", "no features", "odd rungs"]
)
def test_a_damaged_file_is_one_sentence(folder: Path, kind: str, trained: TrainedDifficulty) -> None:
    file = folder / SKOPS
    whole = file.read_bytes()
    contents = {"empty": b"", "garbage": b"garbage", "cut": whole[: len(whole) // 2]}
    if kind in contents:
        file.write_bytes(contents[kind])
    elif kind in ("no schema", "odd schema"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("schema.json" if kind == "odd schema" else "other", json.dumps({"protocol": 0}))
    else:
        held: dict[str, Any] = {"features": trained.features, "rungs": ["x"]}
        skops.io.dump(held if kind == "odd rungs" else {"rungs": []}, file)
    assert "is damaged" in _refused(folder)


def test_a_file_that_unpacks_to_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.learn.fit.difficulty.LARGEST", 1000)
    assert "unpacks to more than" in _refused(folder)


def test_only_our_own_functions_and_the_calibration_are_trusted_by_name() -> None:
    assert all(name.startswith(("adaptive.profile.features.", "sklearn.calibration._")) for name in TRUSTED)
