"""`adaptive tune`: writes the policy and its promise, or nothing at all."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adaptive.learn.data.held_out import HeldOut, write_held_out
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.splits import assign_split, hash_question, read_used_keys
from adaptive.learn.report.tuning_card import HEADING
from adaptive.profile.profile import Profile
from tests.cli.conftest import Run
from tests.learn.fitted import fitted, quickly
from tests.learn.made import many, write

GOAL = ("--target-loss", "0.1", "--confidence", "0.9")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the profile `toy` and its outcomes; not to be written to."""
    folder = tmp_path_factory.mktemp("trained")
    fitted(folder)
    return folder


@pytest.fixture
def profile(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "made")
    return tmp_path / "made" / "toy"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_policy_and_its_promise_are_written(run: Run, profile: Path) -> None:
    before, seen = Profile.load(profile), read_used_keys(profile)
    made = run("tune", str(profile), *GOAL, "--against", "top")
    assert made.exit_code == 0, made.stderr
    said = (
        r"The policy saves \d+ % \(\d+ to \d+\) of the tokens of always medium 64, at no loss beyond 10 points\. "
    )
    assert re.match(said, made.stdout)
    assert "With confidence 0.9 that holds on questions like the" in made.stdout
    after = Profile.load(profile)
    said = after.figures["tuned"]
    assert made.stdout.startswith(f"{said['verdict']} ")
    assert said["bound"] <= said["target_loss"] == 0.1
    assert (said["right_against"] - said["right"]) * said["questions"] == pytest.approx(
        said["losses"] - said["gains"], abs=0.1
    )
    assert said["tokens"] < said["tokens_against"]
    assert after.policy != before.policy
    assert replace(after, policy=before.policy, figures=before.figures) == before
    assert f"A right answer is worth {after.policy.worth:.0f} tokens" in made.stdout
    with OutcomeStore(profile.parent / "outcomes.db") as file:
        tested = {hash_question(r.question.text) for r in file if assign_split(r.question) == "tune"}
    assert not tested & seen
    assert read_used_keys(profile) == seen | tested
    assert said["questions"] + said["outside"] >= len(tested)
    assert ("It says nothing about the" in made.stdout) == (said["outside"] > 0)


@pytest.mark.slow
def test_the_promise_in_the_card_is_replaced(run: Run, profile: Path) -> None:
    card = profile / "README.md"
    trained = card.read_text()
    assert run("tune", str(profile), *GOAL).exit_code == 0
    first = card.read_text()
    assert first.startswith(trained.rstrip())
    card.write_text(first + "\n## Mine\n\nKept.\n")
    made = run("tune", str(profile), "--target-loss", "0.2", "--confidence", "0.8")
    assert made.exit_code == 0
    second = card.read_text()
    assert second.count(HEADING) == 1
    assert second.startswith(trained.rstrip())
    assert second.endswith("\n## Mine\n\nKept.\n")
    assert "no loss beyond 10 points" not in second
    assert made.stdout.strip() in second


@pytest.mark.slow
def test_the_same_seed_writes_the_same(run: Run, profile: Path) -> None:
    other = Path(shutil.copytree(profile.parent, profile.parents[1] / "other")) / "toy"
    for folder in (profile, other):
        assert run("tune", str(folder), *GOAL, "--seed", "3").exit_code == 0
    assert contents(profile) == contents(other)


def test_the_front_is_printed_and_drawn_and_both_are_in_the_card(run: Run, profile: Path) -> None:
    made = run("tune", str(profile), *GOAL, "--front")
    assert made.exit_code == 0, made.stderr
    assert f"Drew the front in {profile / 'front.png'}." in made.stderr
    oracle = r"\| oracle +\| \d+ +\| \d+\.\d % +\| \+\d+\.\d \(\+\d+\.\d to \+\d+\.\d\) +\| knows what is right \|"
    assert re.search(oracle, made.stdout)
    assert made.stdout.strip().endswith("![front](front.png)")
    assert made.stdout.strip() in (profile / "README.md").read_text()
    with Image.open(profile / "front.png") as image:
        image.load()
        assert image.format == "PNG"


def test_without_matplotlib_the_front_is_printed(run: Run, profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    made = run("tune", str(profile), *GOAL, "--front")
    assert made.exit_code == 0, made.stderr
    assert "The front is not drawn: " in made.stderr
    assert "| oracle " in made.stdout
    assert not (profile / "front.png").exists()


def test_with_too_few_questions_the_profile_does_what_the_best_constant_does(run: Run, profile: Path) -> None:
    few = write(profile.parent / "few.db", many(60))
    made = run("tune", str(profile), "--outcomes", str(few), "--target-loss", "0.05")
    assert made.exit_code == 0, made.stderr
    told = Profile.load(profile)
    said = told.figures["tuned"]
    assert said["constant"] == said["against"]
    assert made.stdout.startswith(
        f"Nothing to gain here: use always {said['against']}, which this profile now does"
    )
    assert re.search(r"about \d+ would be enough; these data allow --target-loss 0\.\d+\.", made.stdout)
    assert (said["saving"][0], said["losses"]) == (0, 0)
    assert told.policy.always is not None
    assert told.policy.always.name == said["against"]
    assert made.stdout.endswith(f"Every question gets {said['against']}.\n")


@pytest.mark.parametrize("count", [50, 60, 70])
def test_what_these_data_allow_they_allow(run: Run, profile: Path, count: int) -> None:
    """The target that is named is reached: something cheaper is chosen."""
    few = str(write(profile.parent / "few.db", many(count)))
    made = run("tune", str(profile), "--outcomes", few, "--target-loss", "0.05", "--against", "top")
    allowed = re.search(r"--target-loss (0\.\d+)", made.stdout)
    assert allowed is not None
    made = run("tune", str(profile), "--outcomes", few, "--target-loss", allowed[1], "--against", "top")
    assert made.exit_code == 0, made.stderr
    assert "saves" in made.stdout


@pytest.mark.slow
def test_the_most_that_a_question_may_take_is_kept(run: Run, profile: Path) -> None:
    assert run("tune", str(profile), *GOAL, "--against", "top").exit_code == 0
    tokens = json.loads((profile / "profile.json").read_text())["figures"]["tuned"]["tokens"]
    before = contents(profile)
    for limit in (("--max-tokens-per-question", "5"), ("--max-cost", "0.000005", "--price", "1", "1")):
        made = run("tune", str(profile), *GOAL, *limit)
        assert (made.exit_code, contents(profile)) == (1, before)
        assert "nothing that keeps the promise stays under what a question may take" in made.stderr
    made = run(
        "tune",
        str(profile),
        *GOAL,
        "--against",
        "top",
        "--max-cost",
        f"{1.1 * tokens / 1e6:.9f}",
        "--price",
        "1",
        "1",
    )
    assert made.exit_code == 0, made.stderr
    said = json.loads((profile / "profile.json").read_text())["figures"]["tuned"]
    assert said["tokens"] <= 1.1 * tokens


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--against", "low 7"), "there is no constant 'low 7' to compare with: name best, top or one of"),
        (("--max-cost", "1"), "--max-cost needs --price"),
        (("--price", "1", "2"), "--price is for --max-cost"),
        (("--target-loss", "0"), "0"),
        (("--target-loss", "nan"), "nan"),
        (("--confidence", "1"), "1"),
        (("--confidence", "0.9995"), "the confidence must be above 0 and below 0.999, got 0.9995."),
        (("--max-tokens-per-question", "0"), "0"),
        (("--outcomes", "nowhere.db"), "the outcomes nowhere.db are not there: make them with `adaptive record`."),
    ],
)
def test_wrong_use_is_one_sentence(run: Run, profile: Path, args: tuple[str, ...], said: str) -> None:
    before = contents(profile)
    made = run("tune", str(profile), *args)
    assert made.exit_code == 2
    assert said in made.stderr
    assert made.stderr.startswith("Error: ")
    assert made.stderr.count("\n") == 1
    assert contents(profile) == before


def test_of_a_path_in_the_profile_only_the_name_counts(run: Run, profile: Path, tmp_path: Path) -> None:
    """A stranger's profile does not choose which file of the user's is opened."""
    mine = tmp_path / "elsewhere" / "outcomes.db"
    mine.parent.mkdir()
    shutil.move(profile.parent / "outcomes.db", mine)
    known = Profile.load(profile)
    replace(known, figures={**known.figures, "outcomes": str(mine)}).save(profile)
    made = run("tune", str(profile), *GOAL)
    assert made.exit_code == 2
    assert "the outcomes outcomes.db that" in made.stderr
    assert not list(mine.parent.glob("*-wal"))


def no_verifier(profile: Path) -> None:
    replace(Profile.load(profile), verifier=None).save(profile)


def other_ladder(profile: Path) -> None:
    known = Profile.load(profile)
    rungs = tuple(replace(rung, answer_room=rung.answer_room + 1) for rung in known.ladder)
    replace(known, ladder=type(known.ladder)(rungs)).save(profile)


def no_outcomes(profile: Path) -> None:
    (profile.parent / "outcomes.db").unlink()


def no_held_out(profile: Path) -> None:
    (profile / "held_out.npz").unlink()


def damaged_held_out(profile: Path) -> None:
    (profile / "held_out.npz").write_bytes(b"PK\x03\x04 and no more")


def held_out_of_others(profile: Path) -> None:
    known = Profile.load(profile)
    known.domain_model()  # read before the file beside it is another one
    rungs = (1, len(known.ladder))
    write_held_out(profile, HeldOut(["Which?"], np.full(rungs, 0.5), np.ones(rungs)))
    known.save(profile)


def no_database(profile: Path) -> None:
    (profile.parent / "outcomes.db").write_text("no database " * 100)


def damaged_database(profile: Path) -> None:
    file = profile.parent / "outcomes.db"
    whole = file.read_bytes()
    half = len(whole) // 2
    file.write_bytes(whole[:half] + b"\xff" * 20_000 + whole[half + 20_000 :])


def one_question(profile: Path) -> None:
    (profile.parent / "outcomes.db").unlink()
    write(profile.parent / "outcomes.db", many(1))


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (no_verifier, "has no verifier model: train it on outcomes first (`adaptive train`)."),
        (other_ladder, "was recorded with another ladder than the profile's: train on it first."),
        (no_outcomes, "was trained on are not there: name them with --outcomes."),
        (no_held_out, "is not there: train the profile on outcomes first (`adaptive train`)."),
        (damaged_held_out, "is not whole: its held_out.npz is not the one that it was saved with."),
        (held_out_of_others, "was not trained on these outcomes: train it on them, then tune it."),
        (no_database, "is damaged, or no file of outcomes ("),
        (damaged_database, "is damaged, or no file of outcomes ("),
        (one_question, "1 recorded questions are too few to search and to test on: record more."),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned_is_one_sentence(run: Run, profile: Path, breaks: object, said: str) -> None:
    assert callable(breaks)
    breaks(profile)
    before = contents(profile)
    made = run("tune", str(profile), *GOAL)
    assert made.exit_code == 2, made.stderr
    assert said in made.stderr
    assert made.stderr.startswith("Error: ")
    assert made.stderr.count("\n") == 1
    assert contents(profile) == before
