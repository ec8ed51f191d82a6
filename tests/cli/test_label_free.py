"""Questions without answers: recorded, trained on and tuned by agreement with the dearest rung."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.report import plots
from adaptive.profile.profile import Profile
from tests.cli.conftest import Run
from tests.learn.fitted import fit_quickly, quickly
from tests.learn.made import many, write

COUNT = 400
GOAL = ("--target-loss", "0.2", "--confidence", "0.9")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        fit_quickly(patch)
        patch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))
        yield


def without_labels(recorded: RecordedQuestion) -> RecordedQuestion:
    outcomes = {key: replace(one, right=None) for key, one in recorded.outcomes.items()}
    return replace(recorded, question=replace(recorded.question, reference=""), outcomes=outcomes)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [without_labels(one) for one in many(COUNT)]
    return write(tmp_path_factory.mktemp("unlabelled") / "outcomes.db", made)


def test_without_labels_a_disagreement_is_promised(run: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "toy"
    refused = run("train", str(source), "--out", str(out))
    assert refused.exit_code == 2
    assert f"{COUNT} of {COUNT} questions in {source} have no answer to grade by" in refused.stderr

    assert run("train", str(source), "--out", str(out), "--reference", "dearest").exit_code == 0
    assert "No label was read" in (out / "README.md").read_text()
    assert Profile.load(out).figures["reference"] == "dearest"

    benched = run("bench", str(out), str(_write_questions(source, tmp_path)), "--replay", str(source), "--json")
    assert benched.exit_code == 0, benched.stderr
    assert "No label was read" in benched.stdout

    refused = run("tune", str(out), "--outcomes", str(source), "--against", "best")
    assert refused.exit_code == 2
    assert "leave out --against best" in refused.stderr

    made = run("tune", str(out), "--outcomes", str(source), *GOAL)
    assert made.exit_code == 0, made.stderr
    promise = r"The policy saves .* always medium 64, and disagrees with it on at most 20 % of questions\. "
    assert re.match(promise, made.stdout)
    said = Profile.load(out).figures["tuned"]
    assert said["graded_by"] == "dearest"
    assert said["against"] == "medium 64"
    assert said["right_against"] == 1
    assert said["gains"] == 0


def _write_questions(source: Path, folder: Path) -> Path:
    """Write the questions: their texts alone."""
    file = folder / "questions.jsonl"
    with OutcomeStore(source) as outcomes:
        file.write_text("".join(json.dumps({"question": one.question.text}) + "\n" for one in outcomes))
    return file
