"""Logged solves that difficulty is fitted to besides the recorded questions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from adaptive.learn.data.observations import Observation
from adaptive.learn.data.splits import assign_split, hash_question, read_used_keys
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import TrainedDifficulty
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.log_rows import REPEATED, LogRows
from adaptive.learn.fit.trainer import Trainer
from adaptive.profile.profile import Profile
from adaptive.solve_log import SolveLog
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.policy import Policy
from tests.cli.stub import ATTEMPT, result
from tests.learn.made import LADDER, many, write

pytestmark = pytest.mark.usefixtures("quick")
Train = Callable[..., Result]


def seen(question: str = "a", **changed: Any) -> Observation:
    made: dict[str, Any] = {
        "id": 1, "question": question, "answer": "7", "right": True, "source": "user", "reference": "7", "rung": 1,
        "effort": "medium", "budget": 32, "waits": 0, "arm": "first", "p_solved": (), "predicted": None,
        "score": None, "verifier": "", "accepted": False, "model": "toy", "profile": "toy",
    }  # fmt: skip
    return Observation(**{**made, **changed})


def of(*found: Observation, ladder: Ladder = LADDER, recorded: frozenset[str] = frozenset()) -> LogRows:
    return LogRows.from_observations(found, ladder, "toy", recorded)


def test_each_question_is_a_row_with_the_rungs_that_were_seen() -> None:
    added = of(seen("a"), seen("b", right=False, budget=64), seen("a", effort="none", budget=0, right=False))
    assert added.texts == ["a", "b"]
    assert added.observed.tolist() == [[True, True, False], [False, False, True]]
    assert added.solved.tolist() == [[False, True, False], [False, False, False]]
    assert (added.observations, added.left_out) == (3, {})


def test_the_newest_word_counts() -> None:
    added = of(seen("a"), seen("A ", right=False), seen("a", right=False))
    assert (added.observations, added.solved.tolist()) == (1, [[False, False, False]])
    assert added.left_out == {REPEATED: 2}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": "other"}, "are of another model"),
        ({"budget": 48}, "are of no rung of this ladder"),
        ({"effort": "low"}, "are of no rung of this ladder"),
        ({"waits": 1, "arm": "wait"}, "are of no rung of this ladder"),
        ({"arm": "vote"}, "are samples of a vote"),
        ({"question": "Known?"}, "are of questions that were recorded"),
    ],
)
def test_what_is_left_out_is_told(changes: dict[str, Any], why: str) -> None:
    added = of(seen(**changes), recorded=frozenset({hash_question("known?")}))
    assert (added.texts, added.observations, added.left_out) == ([], 0, {why: 1})
    assert added.solved.shape == (0, len(LADDER))


def test_a_rung_that_grants_waits_is_seen_where_they_were_taken() -> None:
    ladder = Ladder((Rung("none", 0), Rung("medium", 32, waits=1)))
    added = of(seen("a"), seen("b", waits=1, arm="wait"), ladder=ladder)
    assert (added.texts, added.left_out) == (["b"], {"are of no rung of this ladder": 1})


def test_a_password_in_the_models_address_is_no_other_model() -> None:
    found = [seen("a", model="openai:http://***@host/v1")]
    assert (
        LogRows.from_observations(found, LADDER, "openai:http://me:secret@host/v1", frozenset()).observations == 1
    )


def test_what_is_not_known_of_a_rung_is_not_learned_from() -> None:
    examples = Examples.read(many(200), LADDER, lambda _: True)
    corpus, solved = Corpus.read(examples.texts), examples.solved
    known = np.random.default_rng(0).random(solved.shape) < 0.7
    one = TrainedDifficulty.refit(corpus, solved, observed=known).p_solved(corpus)
    other = TrainedDifficulty.refit(corpus, np.where(known, solved, ~solved), observed=known).p_solved(corpus)
    assert (one == other).all()
    whole = TrainedDifficulty.refit(corpus, solved).p_solved(corpus)
    assert (whole == TrainedDifficulty.refit(corpus, solved, observed=np.ones_like(solved)).p_solved(corpus)).all()
    assert (whole != one).any()


@pytest.mark.slow
def test_logged_solves_move_the_rung_that_they_were_made_at() -> None:
    examples = Examples.read(many(300), LADDER, lambda _: True)
    found = [seen(f"What is {i % 9} + {i // 9}, zebra?", right=False, effort="none", budget=0) for i in range(80)]
    plain = Trainer().fit(examples, Policy())
    more = Trainer().fit(examples, Policy(), log_rows=of(*found))
    asked = ["What is 3 + 4, zebra?"]
    before, after = (one.difficulty.to_model().p_solved(asked)[0] for one in (plain, more))
    assert before[0] > 0.5 > after[0]
    assert after[2] > 0.5
    assert more.figures["difficulty"]["held_out"] == plain.figures["difficulty"]["held_out"] == len(examples)
    assert more.held_out.texts == plain.held_out.texts


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Train:
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path / "solves.db"))
    return lambda *args: CliRunner().invoke(cli, ["train", *map(str, args)], prog_name="adaptive")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "outcomes.db", many(200))


def log(file: Path, question: str, model: str = "toy", right: bool = True) -> None:
    attempt = {**ATTEMPT, "effort": "medium", "budget": 32}
    with SolveLog(file) as store:
        store.add_feedback(store.add(result(question=question, model=model, attempts=[attempt])), right)


def test_the_log_is_added_and_told(train: Train, source: Path, tmp_path: Path) -> None:
    held = [r.question.text for r in many(200) if assign_split(r.question) == "tune"]
    for question in ("Who is it?", "What is it?", held[0]):
        log(tmp_path / "solves.db", question)
    log(tmp_path / "solves.db", "Where is it?", model="embedded")
    told = train(source, "--out", tmp_path / "toy", "--add", "logs")
    assert told.exit_code == 0, told.output
    said = "Difficulty is fitted to 2 logged observations of 2 other questions too"
    assert said in told.stderr
    assert said in (tmp_path / "toy" / "README.md").read_text()
    assert "1 observations are of questions that were recorded: they are left out." in told.stderr
    assert "1 observations are of another model: they are left out." in told.stderr
    keys = read_used_keys(tmp_path / "toy")
    assert {hash_question("Who is it?"), hash_question("What is it?")} < keys
    assert hash_question(held[0]) not in keys
    assert len(Profile.load(tmp_path / "toy").predict_difficulty("Who is it?")["p_solved"]) == len(LADDER)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "nothing is logged yet"),
        (("--rule", "s1"), "--add logs knows single rungs, and --rule s1 needs all of them"),
        (("--calibrate", "20"), "--calibrate fits no difficulty: --add does not apply"),
    ],
)
def test_wrong_use_is_one_sentence(
    train: Train, source: Path, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    found = train(source, "--out", tmp_path / "toy", "--add", "logs", *args)
    assert found.exit_code == 2
    assert said in found.stderr
    assert not (tmp_path / "toy").exists()
