"""A model of which little is known: placed by a few graded questions on the general scale of difficulty."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from adaptive.cli import cli
from adaptive.errors import InputError
from adaptive.learn.data.held_out import read_held_out
from adaptive.learn.data.splits import assign_split, hash_question, read_used_keys
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.placer import PlacementFit, Placer
from adaptive.learn.fit.trainer import Trainer
from adaptive.learn.place import select_by_hash
from adaptive.profile.files import PROFILE_FILE
from adaptive.profile.general import PlacedDifficulty
from adaptive.profile.placement import Placement, Prior
from adaptive.profile.profile import Profile
from adaptive.types.policy import Policy
from tests.learn.made import LADDER, many, write

pytestmark = pytest.mark.usefixtures("quick")
Train = Callable[..., Result]
EASY, HARD = "What is 3 + 4?", "What is 3141 + 2718?"


@dataclass(frozen=True)
class Digits:
    """A general model that knows how hard a sum is: by its digits."""

    prior = Prior(0.0, 1.4, 0.0, 0.2)

    def predict(self, questions: Any) -> Any:
        return np.array([2.0 * max(map(len, "".join(c if c.isdigit() else " " for c in q).split())) - 5
                         for q in questions])  # fmt: skip


GENERAL: Any = Digits()


def placed(count: int, policy: Policy, target: float = 0.95) -> tuple[PlacementFit, Examples]:
    examples = Examples.read(many(300), LADDER, lambda _: True)
    chosen = select_by_hash(examples.texts, count)
    return Placer(GENERAL, Trainer(target)).place(examples, examples.solved, chosen, policy), examples


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Train:
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("adaptive.profile.general.load_shipped_difficulty", lambda: GENERAL)
    return lambda *args: CliRunner().invoke(cli, ["train", *map(str, args)], prog_name="adaptive")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "outcomes.db", many(300))


@given(st.lists(st.text("ab ", min_size=1), unique_by=hash_question), st.integers(1, 9), st.randoms())
def test_which_questions_place_a_model_does_not_depend_on_their_order(
    texts: list[str], count: int, rng: Any
) -> None:
    chosen = {texts[i] for i in select_by_hash(texts, count)}
    assert len(chosen) == min(count, len(texts))
    rng.shuffle(texts)
    assert {texts[i] for i in select_by_hash(texts, count)} == chosen


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=5).map(sorted),
    st.floats(0.1, 4),
    st.lists(st.sampled_from([EASY, HARD, "Add 12 and 30."]), min_size=1),
)
def test_a_dearer_rung_and_an_easier_question_are_never_less_likely(
    abilities: list[float], slope: float, texts: list[str]
) -> None:
    model = PlacedDifficulty(GENERAL, Placement(tuple(abilities), slope))
    p = model.p_solved(texts)
    assert p.shape == (len(texts), model.rungs)
    assert (np.diff(p, axis=1) >= 0).all()
    assert (model.p_solved([EASY]) >= model.p_solved([HARD])).all()


def test_forty_answers_beat_the_share_on_all_other_questions() -> None:
    found, examples = placed(40, Policy())
    measured = found.figures["difficulty"]
    assert (measured["questions"], measured["held_out"]) == (40, len(examples) - 40)
    assert all(r["brier"] < r["brier_base"] and r["auroc"] > 0.75 for r in measured["rungs"])
    assert len(found.held_out.texts) == len(found.held_out.to_forecasts()) == len(examples) - 40
    assert np.unique(found.held_out.tokens, axis=0).tolist() == [list(examples.average_tokens())]


def test_with_enough_questions_the_probe_and_the_verifier_are_fitted_too() -> None:
    found, _ = placed(150, Policy())
    assert found.probe is not None
    assert len(found.probe.rungs) == len(LADDER)
    assert found.verifier is not None
    assert found.notes == ()


def test_what_too_few_questions_do_not_teach_is_left_as_it_was() -> None:
    stated = Policy(accept={"none": 0.9, "medium": 0.8}, agreement=0.7, max_attempts=3)
    found, _ = placed(5, stated, 0.97)
    assert (found.probe, found.verifier, replace(found.policy, worth=None)) == (None, None, stated)
    assert found.policy.worth is not None
    assert found.notes == ("no probe and no verifier model: under 30 groups of questions",)


def test_of_outcomes_some_of_the_part_to_learn_from_place_the_model(
    train: Train, source: Path, tmp_path: Path
) -> None:
    result = train(source, "--calibrate", 20, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    profile = Profile.load(tmp_path)
    learn = {hash_question(r.question.text) for r in many(300) if assign_split(r.question) == "learn"}
    seen = read_used_keys(tmp_path)
    assert len(seen) == 20
    assert read_held_out(tmp_path).keys() == learn - seen
    assert profile.placement is not None
    assert profile.placement.answers == 20 * len(LADDER)
    assert profile.predict_difficulty(EASY)["level"] == "easy"
    easy, hard = (profile.predict_difficulty(q)["p_solved"] for q in (EASY, HARD))
    assert easy == sorted(easy)
    assert easy[-1] > 0.5 > hard[-1]
    assert len(profile.mean_tokens) == len(LADDER)
    assert [one.tokens for one in profile.forecast([EASY, HARD])] == [profile.mean_tokens] * 2
    assert profile.policy.worth is not None
    assert (profile.probe, profile.verifier, profile.tune_share) == (None, None, 0.5)
    assert "No probe and no verifier model: under 30 groups of questions." in result.stderr
    assert "Brier" in result.stdout
    assert "AUROC" in result.stdout
    assert result.stdout.strip() in (tmp_path / "README.md").read_text()


def test_fewer_questions_than_asked_for_are_told(train: Train, source: Path, tmp_path: Path) -> None:
    result = train(source, "--calibrate", 500, "--limit", 50, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "graded questions: the model is placed by all" in result.stderr


@pytest.mark.slow
def test_training_on_answers_takes_the_place_of_a_placement(train: Train, source: Path, tmp_path: Path) -> None:
    for more in (("--calibrate", 20), (), ("--calibrate", 20)):
        assert train(source, "--out", tmp_path, *more).exit_code == 0
        profile = Profile.load(tmp_path)
        assert (profile.placement is None) == (not more)
        assert profile.predict_difficulty(EASY)["level"] == "easy"


def test_a_placement_is_plain_json_and_older_profiles_have_none(tmp_path: Path) -> None:
    profile = Profile("toy", "toy", LADDER, placement=Placement((-1.0, 0.5, 0.5), 1.25, 60))
    profile.save(tmp_path)
    assert Profile.load(tmp_path) == profile
    data = json.loads((tmp_path / PROFILE_FILE).read_text())
    assert data["placement"] == {"abilities": [-1.0, 0.5, 0.5], "slope": 1.25, "answers": 60}
    del data["placement"]
    (tmp_path / PROFILE_FILE).write_text(json.dumps(data))
    assert Profile.load(tmp_path) == replace(profile, placement=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"placement": {"abilities": [0.0], "slope": 1.0}}, "knows 1 rungs, the ladder beside it has 3"),
        ({"placement": {"abilities": [1.0, 0.0, 2.0], "slope": 1.0}}, "numbers that never fall"),
        ({"placement": {"abilities": [0.0, 0.0, 0.0], "slope": "1"}}, "'placement'"),
        ({"difficulty": "difficulty.skops"}, "has a 'placement' and a 'difficulty'"),
    ],
)
def test_a_placement_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    Profile("toy", "toy", LADDER, placement=Placement((0.0, 0.0, 0.0), 1.0)).save(tmp_path)
    data = json.loads((tmp_path / PROFILE_FILE).read_text())
    (tmp_path / PROFILE_FILE).write_text(json.dumps(data | changes))
    with pytest.raises(InputError, match=said):
        Profile.load(tmp_path)
