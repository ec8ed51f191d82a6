"""A whole fit on a toy model: what is recorded, learned, decided and stored; interrupted, and gone on with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adaptive import build_solver
from adaptive.answers.registry import open_grader
from adaptive.errors import InputError
from adaptive.fit.constant_profile import make_constant_profile
from adaptive.fit.estimate import HANDFUL, Estimate
from adaptive.fit.job import FitJob
from adaptive.fit.result import FitResult
from adaptive.fit.run import fit_profile
from adaptive.fit.split import hold_out_half
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import Recorder
from adaptive.learn.data.splits import hash_question, read_used_keys
from adaptive.learn.tuning import policy_search
from adaptive.learn.tuning.constants import Constant
from adaptive.profile.profile import Profile
from adaptive.profile.store import ProfileStore, find_profiles_folder
from adaptive.profile.untrained import build_untrained_profile
from adaptive.types.ladder import Ladder, Rung
from tests.fit.toy import AddingEngine, questions
from tests.support.solving import ask

LADDER = Ladder((Rung("none", 0), Rung("medium", 16), Rung("medium", 32)))
WITHOUT_LOSS = 160
"""With half of so many held out and none lost, the interval of the loss is within the margin."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Searches few policies; profiles are stored in a folder of this test."""
    monkeypatch.setattr(policy_search, "WORTHS", 4)
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))


def job(engine: AddingEngine, outcomes: Path, count: int = 40, more: tuple[Question, ...] = ()) -> FitJob:
    base = replace(build_untrained_profile("toy", 2000), name="fitted", ladder=LADDER)
    asked = [Question(f"q{i}", row["question"], row["answer"]) for i, row in enumerate(questions(count))]
    recorder = Recorder(engine, LADDER, base.style, open_grader("number"), base.stops, unlimited=False, plain=True)
    return FitJob("toy", hold_out_half([*asked, *more]), "sums", recorder, base, "number", outcomes)


def rows(file: Path) -> list[Any]:
    with sqlite3.connect(file) as db:
        sql = "SELECT id, effort, budget, waits, sample, right, answer, thinking FROM outcomes o JOIN questions q"
        return sorted(db.execute(f"{sql} ON number = o.question").fetchall())


@dataclass(frozen=True)
class Fitted:
    """A fit, the file of its outcomes, and the model."""

    result: FitResult
    outcomes: Path
    engine: AddingEngine


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fitted]:
    """A fit with 40 questions; not to be written to."""
    file, engine = tmp_path_factory.mktemp("few") / "outcomes.db", AddingEngine(knows=1, extra=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_search, "WORTHS", 4)
        yield Fitted(fit_profile(job(engine, file)), file, engine)


def test_what_is_recorded(few: Fitted) -> None:
    recorded = rows(few.outcomes)
    assert len({row[0] for row in recorded}) == 40
    assert {row[1:5] for row in recorded} >= {("none", 0, 0, 0), ("medium", 16, 0, 0), ("medium", 32, 0, 0),
                                              ("default", 2000, 0, 0)}  # fmt: skip
    plain = [row for row in recorded if row[1] == "default"]
    assert all(row[5] for row in plain), "a plain call of this toy is always right"
    assert few.result.learned == few.result.held_out == 20
    usage = few.result.usage
    assert usage.thinking > sum(row[-1] for row in plain)


def test_with_few_questions_it_is_placed_and_nothing_is_promised(few: Fitted) -> None:
    result = few.result
    assert result.candidate.how == "placed on the scale of the general difficulty model by 20 questions"
    assert result.decision.choice == "plain"
    assert result.page.endswith(f"\n\n{result.sentence}\n")
    assert "20 questions are few: differences inside the intervals prove nothing." in result.notes
    figures = result.to_json()
    assert (figures["questions"], figures["choice"], figures["model"]) == (40, "plain", "toy")
    assert [way["name"] for way in figures["ways"]] == [
        "this profile's policy", "a plain call", "no thinking", "medium 16", "medium 32", "medium 32, 1 Wait",
    ]  # fmt: skip


def test_a_second_fit_calls_nothing_and_finds_the_same(few: Fitted) -> None:
    engine = AddingEngine(knows=1, extra=20)
    again = fit_profile(job(engine, few.outcomes), confirm=pytest.fail)
    assert engine.calls == []
    assert again.to_json() | {"date": "", "seconds": 0} == few.result.to_json() | {"date": "", "seconds": 0}
    assert again.candidate.profile == few.result.candidate.profile


def test_held_out_answers_change_nothing_but_the_measurement(few: Fitted, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.db"
    with sqlite3.connect(few.outcomes) as source, sqlite3.connect(file) as copy:
        source.backup(copy)
        ids = [one.id for one in few.result.job.split.held_out]
        marks = ",".join("?" * len(ids))
        which = f"SELECT number FROM questions WHERE id IN ({marks})"
        assert copy.execute(f"UPDATE outcomes SET right = 0 WHERE question IN ({which})", ids).rowcount > 20
    again = fit_profile(job(AddingEngine(knows=1, extra=20), file))
    assert again.candidate.profile == few.result.candidate.profile
    assert again.measures.best == few.result.measures.best
    assert again.measures.policy.right.sum() == again.measures.plain.right.sum() == 0
    assert few.result.measures.plain.right.sum() == 20


class KilledError(Exception):
    """The end of a run."""


@pytest.mark.parametrize("after", [1, pytest.param(17, marks=pytest.mark.slow), 60])
def test_a_run_that_broke_off_goes_on_and_pays_for_nothing_twice(few: Fitted, tmp_path: Path, after: int) -> None:
    class Breaking(AddingEngine):
        async def generate(self, *args: Any, **asked: Any) -> Any:
            if len(self.calls) == after:
                raise KilledError
            return await super().generate(*args, **asked)

    file, first, second = tmp_path / "outcomes.db", Breaking(1, 20), AddingEngine(1, 20)
    with pytest.raises(KilledError):
        fit_profile(job(first, file))
    result = fit_profile(job(second, file))
    assert rows(file) == rows(few.outcomes)
    lost = len(first.calls) + len(second.calls) - len(few.engine.calls)
    assert 0 <= lost <= 1, "only the attempt under way may be made again"
    assert result.candidate.profile == few.result.candidate.profile


def test_of_more_questions_only_the_new_ones_are_asked(few: Fitted, tmp_path: Path) -> None:
    file, engine = tmp_path / "outcomes.db", AddingEngine(knows=1, extra=20)
    with sqlite3.connect(few.outcomes) as source, sqlite3.connect(file) as copy:
        source.backup(copy)
    new = tuple(Question("q0", f"What is {i} + 7?", str(i + 7)) for i in (100, 200, 300))
    result = fit_profile(job(engine, file, more=new))
    assert result.learned + result.held_out == 43
    assert {text for text in ("100 + 7", "200 + 7", "300 + 7") for call in engine.calls if text in call} != set()
    assert all(any(f"{i} + 7" in call for i in (100, 200, 300)) for call in engine.calls)


def test_an_estimate_is_confirmed_after_a_handful_which_is_kept(tmp_path: Path) -> None:
    file, engine, estimates = tmp_path / "outcomes.db", AddingEngine(knows=1, extra=20), list[Estimate]()

    def refuse(estimate: Estimate) -> None:
        estimates.append(estimate)
        raise KilledError

    for run in (1, 2):
        with pytest.raises(KilledError):
            fit_profile(job(engine, file), refuse)
        assert len({row[0] for row in rows(file)}) == run * HANDFUL
    assert [one.questions for one in estimates] == [40 - HANDFUL, 40 - 2 * HANDFUL]
    result = fit_profile(job(engine, file), estimates.append)
    assert [one.questions for one in estimates] == [35, 30, 25]
    spent = result.usage.total - result.usage.cached
    assert estimates[0].tokens == pytest.approx(spent * 35 / 40, rel=0.2)


def test_questions_that_do_not_fit_are_left_out_and_counted(tmp_path: Path) -> None:
    long = tuple(Question("", f"What is {i} + 1? {'Think. ' * 300}", str(i + 1)) for i in range(9))
    result = fit_profile(job(AddingEngine(1, 20), tmp_path / "outcomes.db", 40, long))
    assert result.learned + result.held_out == 40
    assert any(note.startswith("9 questions were left out: the question takes ") for note in result.notes)


def test_a_model_that_takes_hardly_any_question(tmp_path: Path) -> None:
    engine = AddingEngine(1, 20, context_window=30)
    with pytest.raises(InputError, match=r"only 0 of 20 questions could be recorded, at least 10 are needed"):
        fit_profile(job(engine, tmp_path / "outcomes.db"))


def attempt_of(engine: AddingEngine, question: str, **context: int) -> dict[str, Any]:
    """The only attempt of a solve that finds the stored profile."""
    solved = build_solver(engine).invoke(ask(question), context=context)["adaptive_result"]
    (attempt,) = solved["attempts"]
    assert solved["profile"] == "fitted"
    assert solved["accepted"] is None
    return dict(attempt)


def test_a_profile_that_leaves_the_model_as_it_is(few: Fitted) -> None:
    folder = few.result.save(ProfileStore(find_profiles_folder()))
    profile = Profile.load(folder)
    assert profile.figures["fit"]["choice"] == "plain"
    assert read_used_keys(folder) == {hash_question(one.text) for one in few.result.job.split.questions}
    assert folder.joinpath("fit.md").read_text() == few.result.page == folder.joinpath("README.md").read_text()
    assert json.loads(folder.joinpath("fit.json").read_text()) == few.result.to_json()
    attempt = attempt_of(few.engine, "What is 12 + 34?")
    assert (attempt["effort"], attempt["budget"], attempt["answer"]) == ("default", 2000, "46")
    assert attempt_of(few.engine, "What is 12 + 34?", budget=32)["budget"] == 32


def test_a_profile_that_has_a_fixed_budget(tmp_path: Path) -> None:
    engine = AddingEngine(knows=3, extra=40)
    result = fit_profile(job(engine, tmp_path / "outcomes.db", WITHOUT_LOSS))
    assert result.sentence.startswith("Use a fixed budget of 0 (no thinking), which this profile does: ")
    result.save(ProfileStore(find_profiles_folder()))
    attempt = attempt_of(engine, "What is 1234 + 5678?")  # which needs thinking: it is not done
    assert (attempt["effort"], attempt["budget"], attempt["answer"]) == ("none", 0, "6913")
    assert attempt_of(engine, "What is 12 + 34?", budget=32)["budget"] == 32


@pytest.mark.parametrize(
    ("constant", "made"),
    [
        (Constant("vote", LADDER[2], 3), [("vote", 32, 0)] * 3),
        (Constant("waits", replace(LADDER[2], budget=64, waits=1)), [("first", 64, 1)]),
        (Constant("unlimited", Rung("medium", 2000)), [("first", 2000, 0)]),
    ],
)
def test_a_profile_does_any_constant_that_needs_no_verdict(
    few: Fitted, constant: Constant, made: list[tuple[str, int, int]]
) -> None:
    known = make_constant_profile(few.result.job.base, constant, {})
    known.save(folder := find_profiles_folder() / "constant")
    solver = build_solver(AddingEngine(knows=1, extra=4), profile=folder)
    solved = solver.invoke(ask("What is 12 + 34?"))["adaptive_result"]
    assert [(a["arm"], a["budget"], a["waits"]) for a in solved["attempts"]] == made
    assert (solved["answer"], solved["accepted"]) == ("46", None)


@pytest.mark.slow
def test_a_profile_that_saves_is_used(tmp_path: Path) -> None:
    """Trained, not placed: it answers sums of one digit at once, and thinks about the others."""
    engine = AddingEngine(knows=1, extra=200)
    result = fit_profile(job(engine, tmp_path / "outcomes.db", 420))
    assert result.candidate.how == "trained on 210 questions"
    assert result.decision.choice == "profile"
    assert result.sentence.startswith("Use this profile: ")
    result.save(ProfileStore(find_profiles_folder()))
    solver = build_solver(engine)
    easy, hard = (solver.invoke(ask(f"What is {sum}?"))["adaptive_result"] for sum in ("3 + 4", "345 + 678"))
    assert easy["usage"]["thinking"] == 0 < hard["usage"]["thinking"]
    assert easy["profile"] == hard["profile"] == "fitted"
