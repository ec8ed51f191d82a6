"""`adaptive solve --explore` and `adaptive fit --from-log`: a model is measured by being used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adaptive.engines import registry
from adaptive.learn.report import plots
from adaptive.profile.store import FIT_FILE, ProfileStore
from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.fit.toy import AddingEngine
from tests.learn.explored import explore_recorded
from tests.learn.fitted import fit_quickly, quickly
from tests.learn.made import LADDER, many

COUNT = 460


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quickly(patch)
        fit_quickly(patch)
        patch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))
        yield


@dataclass
class Toy:
    """The command, the log and the profiles of a toy model."""

    run: Run
    log: Path
    profiles: Path

    def fill_log(self, count: int, labelled: int) -> None:
        different = list({one.question.text: one for one in many(2 * count)}.values())[:count]
        with SolveLog(self.log) as store:
            for number, one in enumerate(different):
                known = (
                    {"reference": {"answer": one.question.reference, "right": True}} if number < labelled else {}
                )
                store.add(explore_recorded(one, **known))

    def read_fit(self) -> dict[str, Any]:
        (file,) = self.profiles.glob(f"toy-*/{FIT_FILE}")
        data: dict[str, Any] = json.loads(file.read_text())
        return data


@pytest.fixture
def toy(run: Run, log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Toy:
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    return Toy(run, log, tmp_path / "profiles")


@pytest.mark.parametrize("share", ["100%", "1", "1.0", "100 %"])
def test_a_solve_tries_all_rungs_and_logs_them(toy: Toy, monkeypatch: pytest.MonkeyPatch, share: str) -> None:
    engine = AddingEngine(knows=1, extra=20)
    monkeypatch.setattr(registry, "open_engine", lambda spec, **_: engine)
    monkeypatch.setattr("adaptive.solver.model.open_engine", lambda spec, **_: engine)
    made = toy.run("solve", "What is 7 + 5?", "-m", "toy", "--explore", share)
    assert made.exit_code == 0, made.stderr
    assert made.stdout.strip() == "12"
    assert "explored 4 more rungs to measure the model" in made.stderr
    with SolveLog(toy.log) as store:
        (solve,) = store.list_recent(0)
    explored = solve.result["explored"]
    assert [one["budget"] for one in explored["attempts"]] == sorted(
        (rung["budget"] for rung in explored["ladder"]), reverse=True
    )
    assert solve.result["attempts"][0]["effort"] == "default"


@pytest.mark.parametrize(
    ("share", "complaint"), [("101%", "1.01"), ("-5%", "-0.05"), ("some", "some"), ("nan", "nan")]
)
def test_a_share_is_a_share(toy: Toy, share: str, complaint: str) -> None:
    made = toy.run("solve", "What is 7 + 5?", "-m", "toy", "--explore", share)
    assert made.exit_code == 2
    assert "--explore" in made.stderr
    assert complaint in made.stderr


@pytest.mark.parametrize("labelled", [0, COUNT // 3, COUNT])
def test_a_profile_is_fitted_to_what_was_explored(toy: Toy, labelled: int) -> None:
    toy.fill_log(COUNT, labelled)
    made = toy.run("fit", "--from-log", "-m", "toy", "--target-loss", "0.15")
    assert made.exit_code == 0, made.stderr
    assert f"{COUNT} explored questions of the log, {labelled} of them with a right answer" in made.stdout
    assert "The profile was trained on" in made.stdout
    fitted = toy.read_fit()
    assert (fitted["questions"], fitted["labelled"], fitted["choice"]) == (COUNT, labelled, "profile")
    assert fitted["tuned"]["graded_by"] == ("answers" if labelled == COUNT else "mixed")
    assert ("Where no right answer is known" in made.stdout) == (labelled < COUNT)
    profile = ProfileStore(toy.profiles).load("toy")
    assert profile is not None
    assert profile.ladder == LADDER
    assert profile.policy.measured
    listed = toy.run("profiles", "--json")
    assert json.loads(listed.stdout.splitlines()[0])["model"] == "toy"


@pytest.mark.slow
def test_a_profile_is_renewed(toy: Toy) -> None:
    toy.fill_log(COUNT, 0)
    first = toy.run("fit", "--from-log", "-m", "toy", "--target-loss", "0.15", "--json")
    again = toy.run("fit", "--from-log", "-m", "toy", "--target-loss", "0.15", "--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["tuned"] == json.loads(first.stdout)["tuned"]


def test_labels_are_not_read_if_agreement_alone_counts(toy: Toy) -> None:
    toy.fill_log(COUNT, COUNT)
    made = toy.run("fit", "--from-log", "-m", "toy", "--reference", "dearest", "--target-loss", "0.15", "--json")
    assert made.exit_code == 0, made.stderr
    tuned = json.loads(made.stdout)["tuned"]
    assert (tuned["graded_by"], tuned["right_against"], tuned["gains"]) == ("dearest", 1, 0)


def test_too_little_is_said(toy: Toy) -> None:
    made = toy.run("fit", "--from-log", "-m", "toy")
    assert made.exit_code == 2
    assert "nothing is logged yet" in made.stderr
    toy.fill_log(12, 0)
    made = toy.run("fit", "--from-log", "-m", "toy")
    assert made.exit_code == 2
    assert "12 explored questions in the log are too few" in made.stderr
    made = toy.run("fit", "--from-log", "-m", "hf:other")
    assert "no logged solve of hf:other explored" in made.stderr


@pytest.mark.parametrize("args", [["fit", "-m", "toy"], ["fit", "sums.jsonl", "--from-log", "-m", "toy"]])
def test_there_is_one_source_of_questions(toy: Toy, args: list[str]) -> None:
    made = toy.run(*args)
    assert made.exit_code == 2
    assert "QUESTIONS or --from-log" in made.stderr
