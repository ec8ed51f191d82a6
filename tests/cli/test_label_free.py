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
    assert re.match(promise, made.stdout), made.stdout
    said = Profile.load(out).figures["tuned"]
    assert said["graded_by"] == "dearest"
    assert said["against"] == "medium 64"
    assert said["right_against"] == 1
    assert said["gains"] == 0


def test_a_log_without_labels_is_imported_and_trained_on_by_agreement(
    run: Run, source: Path, tmp_path: Path
) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "imported.db"
    with OutcomeStore(source) as outcomes, log.open("w") as file:
        for recorded in outcomes:
            for one in recorded.outcomes.values():
                row = {"asked": recorded.question.text, "bought": f"{one.key.effort} {one.key.budget}",
                       "said": one.attempt.text, "n": one.attempt.chain_tokens + 4}  # fmt: skip
                file.write(json.dumps(row) + "\n" if one.key.waits == 0 and one.key.budget else "")
    fields = "question=asked,setting=bought,reply=said,output_tokens=n"
    arguments = ("import", str(log), "--out", str(out), "--map", fields)
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert f"{2 * COUNT} rows have no verdict, and no right answer to grade them by" in refused.stderr
    assert "--reference dearest" in refused.stderr

    made = run(*arguments, "--reference", "dearest")
    assert made.exit_code == 0, made.stderr
    assert f"{2 * COUNT} rows have no verdict, and no right answer to grade them by: they are kept" in made.stderr
    assert [line.split()[-2] for line in made.stdout.splitlines()[1:]] == ["-", "-"]

    refused = run("train", str(out), "--out", str(tmp_path / "toy"))
    assert refused.exit_code == 2
    assert "--reference dearest" in refused.stderr
    trained = run("train", str(out), "--out", str(tmp_path / "toy"), "--reference", "dearest")
    assert trained.exit_code == 0, trained.stderr
    assert "No label was read" in (tmp_path / "toy" / "README.md").read_text()
    assert "Its outcomes name no model that a solve can open." in trained.stderr
    assert "adaptive solve" not in trained.stderr


def _write_questions(source: Path, folder: Path) -> Path:
    """Write the questions: their texts alone."""
    file = folder / "questions.jsonl"
    with OutcomeStore(source) as outcomes:
        file.write_text("".join(json.dumps({"question": one.question.text}) + "\n" for one in outcomes))
    return file
