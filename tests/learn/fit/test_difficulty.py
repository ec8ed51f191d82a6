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
from sklearn.preprocessing import FunctionTransformer

from adaptive.errors import InputError
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import LEAST, TRUSTED, TrainedDifficulty, assign_folds
from adaptive.profile.difficulty import DifficultyModel, name_level
from adaptive.profile.weights import SKOPS, WEIGHTS
from tests.learn.conftest import RUNGS, Data
from tests.learn.toy import ROOT, labels_to_solved


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_it_learns_what_makes_sums_hard(trained: TrainedDifficulty) -> None:
    easy, hard = trained.to_model().p_solved(["What is 3 + 4?", "What is 3141 + 2718?"])
    assert easy[0] > 0.7
    assert hard[-1] < 0.4


def test_the_weights_predict_what_the_estimators_do(trained: TrainedDifficulty, data: Data) -> None:
    corpus = Corpus.read(data[0])
    rows = corpus.to_matrix(trained.vocabulary, trained.scaler.transform(corpus.counts))
    each = [
        np.full(len(data[0]), c) if isinstance(c, float) else c.predict_proba(rows)[:, 1] for c in trained.rungs
    ]
    np.testing.assert_allclose(trained.to_model().p_solved(data[0]), np.stack(each, axis=1), atol=1e-9)
    np.testing.assert_allclose(trained.p_solved(corpus), np.stack(each, axis=1), atol=1e-9)
    assert trained.forecast(corpus)[1] is trained.to_model().forecast(data[0])[1] is None, "no tokens were given"


def test_tokens_are_fitted_saved_and_loaded_with_the_rest(data: Data, tmp_path: Path) -> None:
    questions, labels = data
    corpus, solved = Corpus.read(questions), labels_to_solved(labels, RUNGS)
    tokens = np.array([[4.0 * len(q), 16 * len(q), 40] for q in questions])
    fitted = TrainedDifficulty.refit(corpus, solved, tokens=tokens)
    p, expected = fitted.forecast(corpus)
    assert expected is not None
    assert expected.mean(axis=0) == pytest.approx(tokens.mean(axis=0), rel=0.02)
    assert np.corrcoef(expected[:, 0], tokens[:, 0])[0, 1] > 0.9
    assert expected[:, 2] == pytest.approx(40)
    fitted.save(tmp_path)
    for model in (
        fitted.to_model(),
        DifficultyModel.load(tmp_path),
        TrainedDifficulty.load(tmp_path / SKOPS).to_model(),
    ):
        again, tokens_again = model.forecast(questions)
        np.testing.assert_allclose(again, p, atol=1e-9)
        np.testing.assert_allclose(tokens_again, expected, rtol=1e-9)


def test_only_questions_whose_tokens_are_known_tell_of_tokens(data: Data) -> None:
    questions, labels = data
    corpus, solved = Corpus.read(questions), labels_to_solved(labels, RUNGS)
    tokens = np.array([[4.0 * len(q)] * RUNGS for q in questions])
    logged = np.arange(len(questions)) >= 200
    partly = np.where(logged[:, None], np.nan, tokens)
    known = np.flatnonzero(~logged)
    fitted = TrainedDifficulty.refit(corpus, solved, tokens=partly)
    assert fitted.costs is not None
    assert np.isfinite(
        fitted.costs.predict(corpus.to_matrix(fitted.vocabulary, fitted.scaler.transform(corpus.counts)))
    ).all()
    assert fitted.forecast(corpus.select(known))[1].mean() == pytest.approx(tokens[known].mean(), rel=0.02)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("p_solved", "word"),
    [
        ([], "unknown"),
        ([0.5, 0.9], "easy"),
        ([0.49, 0.5], "medium"),
        ([0.1, 0.49], "hard"),
        ([0.7], "easy"),
        ([0.1, 0.9, 0.2], "medium"),
    ],
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
    refitted = TrainedDifficulty.load(folder / SKOPS)
    np.testing.assert_array_equal(refitted.to_model().p_solved(data[0]), expected)


def test_loading_and_predicting_import_no_scikit_learn(saved: Path) -> None:
    code = (
        "import sys; from adaptive.profile.difficulty import DifficultyModel; "
        f"DifficultyModel.load({str(saved)!r}).p_solved(['1 + 1']); "
        "assert not {'sklearn', 'skops', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def dump(trained: TrainedDifficulty, file: Path, **changes: Any) -> None:
    """Write a file of estimators of which some parts are others."""
    parts = {"vocabulary": np.asarray(trained.vocabulary), "scaler": trained.scaler, "rungs": list(trained.rungs)}
    skops.io.dump(parts | changes, file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("other skops", "was not made from the difficulty.skops beside it"),
        ("cut", "is damaged"),
        ("not finite", "is damaged"),
        ("wrong shape", "is damaged"),
        ("no bias", "is damaged"),
        ("garbage", "is damaged"),
        ("missing", "has no difficulty.npz"),
    ],
)
def test_weights_that_cannot_be_used_are_one_sentence(
    folder: Path, change: str, message: str, trained: TrainedDifficulty
) -> None:
    file = folder / WEIGHTS
    if change == "other skops":
        dump(trained, folder / SKOPS, rungs=[*trained.rungs[:2], 0.9])
    elif change in ("cut", "garbage"):
        file.write_bytes(file.read_bytes()[:1000] if change == "cut" else b"garbage")
    elif change == "missing":
        file.unlink()
    else:
        with np.load(file) as held:
            parts = dict(held)
        bias = parts.pop("bias")
        if change != "no bias":
            parts["bias"] = bias * np.nan if change == "not finite" else bias[:1]
        np.savez(file, **parts)
    with pytest.raises(InputError, match=message) as caught:
        DifficultyModel.load(folder)
    assert "train" in str(caught.value)
    assert "\n" not in str(caught.value)


def _refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        TrainedDifficulty.load(folder / SKOPS)
    said = str(caught.value)
    assert str(folder / SKOPS) in said
    assert "\n" not in said
    return said


def test_a_file_with_other_types_is_refused(folder: Path) -> None:
    skops.io.dump({"scaler": FunctionTransformer(func=os.system), "rungs": []}, folder / SKOPS)
    assert "holds types that are not trusted (posix.system)" in _refused(folder)


def test_a_poisoned_file_runs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class in the file is swapped for a function, as a forger would do it."""
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    with zipfile.ZipFile(folder / SKOPS) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    schema = held["schema.json"].decode()
    assert '"StandardScaler"' in schema
    schema = schema.replace('"sklearn.preprocessing._data"', '"posix"').replace('"StandardScaler"', '"system"')
    with zipfile.ZipFile(folder / SKOPS, "w") as archive:
        for name, content in (held | {"schema.json": schema.encode()}).items():
            archive.writestr(name, content)
    assert "not trusted" in _refused(folder)
    assert ran == []


@pytest.mark.parametrize("kind", ["empty", "garbage", "cut", "no schema", "odd schema", "no scaler", "odd rungs"])
def test_a_damaged_file_is_one_sentence(folder: Path, kind: str, trained: TrainedDifficulty) -> None:
    file = folder / SKOPS
    whole = file.read_bytes()
    contents = {"empty": b"", "garbage": b"garbage", "cut": whole[: len(whole) // 2]}
    if kind in contents:
        file.write_bytes(contents[kind])
    elif kind in ("no schema", "odd schema"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("schema.json" if kind == "odd schema" else "other", json.dumps({"protocol": 0}))
    elif kind == "odd rungs":
        dump(trained, file, rungs=["x"])
    else:
        skops.io.dump({"rungs": []}, file)
    assert "is damaged" in _refused(folder)


def test_a_file_that_unpacks_to_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive.learn.fit.difficulty.LARGEST", 1000)
    assert "unpacks to more than" in _refused(folder)


def test_only_the_calibration_is_trusted_by_name() -> None:
    assert all(name.startswith("sklearn.calibration._") for name in TRUSTED)


def test_the_shipped_weights_are_those_of_the_shipped_estimators() -> None:
    folder = ROOT / "models" / "abacus" / "profile"
    refitted, shipped = TrainedDifficulty.load(folder / SKOPS).to_model(), DifficultyModel.load(folder)
    assert shipped.vocabulary == refitted.vocabulary
    np.testing.assert_allclose(shipped.on_tokens, refitted.on_tokens, atol=1e-9)
