from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.preprocessing import FunctionTransformer

from adaptive.errors import InputError
from adaptive.learn.fit import item_response
from adaptive.learn.fit.general import GeneralExamples, TrainedGeneral
from adaptive.learn.fit.item_response import Responses
from adaptive.profile.general import QUESTION_KINDS, GeneralDifficulty
from adaptive.profile.general_features import STRUCTURE, compute_structure, extract_terms, read_features
from adaptive.profile.placement import Prior
from adaptive.profile.weights import SKOPS, WEIGHTS
from tests.learn.toy import ROOT

ASKED = {
    "word problem": ("Tom has {} pens", " and buys {} more", ". How many pens has Tom now?"),
    "competition": ("Let $x = {}$", " and $\\frac{{x}}{{{}}} = y^2$", ". Find the integer $y$."),
    "code": ("def f(x):\n    x += {}", "\n    x *= {}", "\n    return x\nassert f(3) == ??"),
    "choice": ("Which is nearest to {}", " plus {}", "?\n(A) 12\n(B) 40\n(C) none of these"),
}
"""For each kind how a question begins, what makes it longer and harder, and how it ends."""


def question(kind: int, steps: int, rng: Random) -> str:
    first, more, end = ASKED[QUESTION_KINDS[kind]]
    return "".join([first, *[more] * steps, end]).format(*(rng.randrange(2, 99) for _ in range(steps + 1)))


@pytest.fixture(scope="module")
def made() -> GeneralExamples:
    """120 questions of each kind whose difficulty is how many steps they have; the steps of some are told."""
    rng = Random(0)
    kinds = [kind for kind in range(len(QUESTION_KINDS)) for _ in range(120)]
    steps = np.array([rng.randrange(8) for _ in kinds])
    questions = [question(kind, many, rng) for kind, many in zip(kinds, steps, strict=True)]
    told = np.where(np.arange(len(kinds)) % 2, steps, np.nan)[:, None]
    noise = np.array([rng.gauss(0, 0.3) for _ in kinds])
    fold, variance = np.arange(len(kinds)) % 5, np.full(len(kinds), 0.1)
    return GeneralExamples(questions, np.array(kinds), fold, steps - 4 + noise, variance, told)


@pytest.fixture(scope="module")
def trained(made: GeneralExamples) -> TrainedGeneral:
    return TrainedGeneral.fit(made).with_prior(Prior(0.5, 1.0, -0.2, 0.3))


@pytest.fixture(scope="module")
def saved(trained: TrainedGeneral, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("general")
    trained.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_it_learns_what_makes_questions_hard_and_of_which_kind_they_are(
    trained: TrainedGeneral, made: GeneralExamples
) -> None:
    rng = Random(1)
    model = trained.to_model()
    for kind in range(len(QUESTION_KINDS)):
        easy, hard = model.predict([question(kind, 1, rng), question(kind, 6, rng)])
        assert hard > easy + 1
    assert (model.predict_kinds(made.questions).argmax(axis=1) == made.kind).mean() > 0.95
    assert spearmanr(trained.out_of_fold, made.b)[0] > 0.8


def test_the_weights_predict_what_the_estimators_do(trained: TrainedGeneral, made: GeneralExamples) -> None:
    found = trained.to_matrix(made.questions).toarray()
    figures = compute_structure(made.questions)
    scaled = 0.05 * trained.structure.transform(figures)
    told = np.stack([line.predict(np.hstack([found, scaled])) for line in trained.asides], axis=1)
    share = trained.gate.predict_proba(trained.structure.transform(figures))
    expected = np.zeros(len(made.questions))
    for k, head in enumerate(trained.heads):
        own = 0.05 * head.structure.transform(figures), head.aside * head.asides.transform(told)
        said = head.line.predict(np.hstack([found, *own]))
        expected += share[:, k] * np.clip(said, head.lowest, head.highest)
    np.testing.assert_allclose(trained.to_model().predict(made.questions), expected, atol=1e-4)


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_has_a_difficulty_whatever_is_asked_beside_it(trained: TrainedGeneral, texts: list[str]) -> None:
    model = trained.to_model()
    b = model.predict(texts)
    assert b.shape == (len(texts),)
    assert ((b >= model.lowest.min()) & (b <= model.highest.max())).all()
    np.testing.assert_allclose(b, [model.predict([text])[0] for text in texts], atol=1e-9)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found, figures = read_features(text)
    assert len(figures) == len(STRUCTURE)
    assert np.isfinite(compute_structure([text])).all()
    assert found == extract_terms(text)


def test_what_is_long_is_read_from_its_start() -> None:
    assert read_features("a" * 20_000) == read_features("a" * 50_000)
    assert all(len(term) <= 49 for term in read_features("a" * 50 + " " + "b" * 50)[0])


@pytest.mark.parametrize("number", ["9" * 5000, "1,234.5", "٣", "²", "1.2.3"])
def test_odd_numbers_are_read(number: str) -> None:
    assert np.isfinite(compute_structure([f"Add {number} to 3"])).all()


def test_what_is_saved_is_loaded(folder: Path, trained: TrainedGeneral, made: GeneralExamples) -> None:
    expected = trained.to_model().predict(made.questions)
    loaded = GeneralDifficulty.load(folder)
    assert loaded.prior == trained.prior
    np.testing.assert_allclose(loaded.predict(made.questions), expected, atol=1e-4)
    refitted = TrainedGeneral.load(folder / SKOPS)
    np.testing.assert_allclose(refitted.to_model().predict(made.questions), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("other skops", "was not made from the difficulty.skops beside it"),
        ("cut", "is damaged"),
        ("not finite", "is damaged"),
        ("wrong shape", "is damaged"),
        ("garbage", "is damaged"),
        ("bad prior", "is damaged"),
        ("missing", "has no difficulty.npz"),
    ],
)
def test_weights_that_cannot_be_used_are_one_sentence(
    folder: Path, change: str, message: str, trained: TrainedGeneral
) -> None:
    file = folder / WEIGHTS
    if change == "other skops":
        weights = file.read_bytes()
        trained.with_prior(Prior(2.0, 1.0, 0.0, 0.1)).save(folder)
        file.write_bytes(weights)
    elif change in ("cut", "garbage"):
        file.write_bytes(file.read_bytes()[:1000] if change == "cut" else b"garbage")
    elif change == "missing":
        file.unlink()
    else:
        with np.load(file) as held:
            parts = dict(held)
        if change == "bad prior":
            parts["prior"] = parts["prior"] * 0
        else:
            parts["bias"] = parts["bias"] * np.nan if change == "not finite" else parts["bias"][:1]
        np.savez(file, **parts)
    with pytest.raises(InputError, match=message) as caught:
        GeneralDifficulty.load(folder)
    assert "\n" not in str(caught.value)


def _refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        TrainedGeneral.load(folder / SKOPS)
    said = str(caught.value)
    assert str(folder / SKOPS) in said
    assert "\n" not in said
    return said


def test_a_file_with_other_types_is_refused(folder: Path) -> None:
    skops.io.dump({"structure": FunctionTransformer(func=os.system)}, folder / SKOPS)
    assert "holds types that are not trusted (posix.system)" in _refused(folder)


def test_a_poisoned_file_runs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class in the file is swapped for a function, as a forger would do it."""
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    with zipfile.ZipFile(folder / SKOPS) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    schema = held["schema.json"].decode()
    assert '"StandardScaler"' in schema
    forged = schema.replace('"sklearn.preprocessing._data"', '"posix"').replace('"StandardScaler"', '"system"')
    with zipfile.ZipFile(folder / SKOPS, "w") as archive:
        for name, content in (held | {"schema.json": forged.encode()}).items():
            archive.writestr(name, content)
    assert "not trusted" in _refused(folder)
    assert ran == []


@pytest.mark.parametrize("kind", ["empty", "garbage", "cut", "odd schema", "no parts", "odd heads", "odd sizes"])
def test_a_damaged_file_is_one_sentence(folder: Path, kind: str) -> None:
    file = folder / SKOPS
    whole = file.read_bytes()
    contents = {"empty": b"", "garbage": b"garbage", "cut": whole[: len(whole) // 2]}
    held: dict[str, Any] = {}
    if kind.startswith("odd") and kind != "odd schema":
        held = skops.io.load(file)
    if kind == "odd heads":
        held["heads"] = held["heads"][:1]
    if kind == "odd sizes":
        held["gate"].coef_ = held["gate"].coef_[:2]
    if kind in contents:
        file.write_bytes(contents[kind])
    elif kind == "odd schema":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("schema.json", json.dumps({"protocol": 0}))
    else:
        skops.io.dump(held, file)
    assert "is damaged" in _refused(folder)


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no general difficulty model"):
        GeneralDifficulty.load(tmp_path)


def test_the_shipped_model_needs_no_scikit_learn_and_tells_easy_from_hard() -> None:
    code = (
        "import sys; from adaptive.profile.general import GeneralDifficulty; "
        "easy, hard = GeneralDifficulty.load().predict(['Tom has 3 pens and buys 4 more. How many pens has he?', "
        "'Let $f(x)$ be a polynomial with integer coefficients such that $f(7) = 11$ and $f(11) = 13$. Find the "
        "number of ordered triples $(a,b,c)$ of positive integers with $a^2 + b^2 = c^2$ and $f(a) = 0$.']); "
        "assert hard > easy + 2, (easy, hard); "
        "assert not {'sklearn', 'skops', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_shipped_weights_are_those_of_the_shipped_estimators() -> None:
    folder = ROOT / "models" / "difficulty"
    made_again = TrainedGeneral.load(folder / SKOPS).to_model()
    shipped = GeneralDifficulty.load(folder)
    assert shipped.vocabulary == made_again.vocabulary
    np.testing.assert_allclose(shipped.on_terms, made_again.on_terms, atol=1e-5)


def test_planted_difficulties_are_found_and_sets_are_linked_by_models_in_both() -> None:
    rng = np.random.default_rng(0)
    ability = rng.permutation(np.linspace(-2, 3, 60))
    b = rng.normal(0, 1, 200), rng.normal(2, 1, 200)
    in_set = slice(0, 40), slice(20, 60)
    sets = []
    for hard, models in zip(b, in_set, strict=True):
        solved = (rng.random((200, 40)) < 1 / (1 + np.exp(hard[:, None] - ability[models]))).astype(float)
        solved[rng.random(solved.shape) < 0.1] = np.nan
        sets.append(Responses(tuple(f"m{i}" for i in range(60))[models], solved))
    found = item_response.fit_item_response(sets)
    for planted, estimated in zip(b, found.b, strict=True):
        assert np.corrcoef(planted, estimated)[0, 1] > 0.85
    assert found.b[1].mean() - found.b[0].mean() == pytest.approx(2, abs=0.7)
    assert all((variance > 0).all() for variance in found.variance)
