"""`adaptive fit` and `adaptive profiles`: what is asked, refused, printed and stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from adaptive.cli.support import fit_progress
from adaptive.cli.support.fit_progress import FitProgress
from adaptive.engines import registry
from adaptive.fit import estimate
from adaptive.learn.tuning import policy_search
from adaptive.profile.store import FIT_FILE, ProfileStore
from tests.cli.conftest import Run
from tests.fit.toy import AddingEngine, write_questions

COUNT = 32
SENTENCE = "Leave the model as it is, which this profile does: on 16 held-out questions nothing is shown to be "


@dataclass
class Toy:
    """The command on a toy model."""

    run: Run
    engine: AddingEngine
    questions: Path
    profiles: Path

    def fit(self, *args: str, **more: Any) -> Result:
        return self.run(
            "fit", str(self.questions), "-m", "toy", "--ladder", "0,16:medium,32:medium", *args, **more
        )


@pytest.fixture
def toy(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Toy:
    engine = AddingEngine(knows=1, extra=20)
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setattr(registry, "open_engine", lambda spec, **_: engine)
    monkeypatch.setattr("adaptive.solver.model.open_engine", lambda spec, **_: engine)
    monkeypatch.setattr(registry, "get_parallel_solves", lambda spec: 1)
    monkeypatch.setattr(policy_search, "WORTHS", 4)
    return Toy(run, engine, write_questions(tmp_path / "sums.jsonl", COUNT), tmp_path / "profiles")


def test_a_fit_is_printed_stored_and_used(toy: Toy) -> None:
    made = toy.fit()
    assert made.exit_code == 0, made.stderr
    (folder,) = toy.profiles.glob("toy-*")
    page = made.stdout
    assert page.splitlines()[0] == "# adaptive fit: toy"
    assert page.splitlines()[-1].startswith(SENTENCE)
    assert folder.joinpath("fit.md").read_text() == page
    first, *_, last = made.stderr.splitlines()
    assert first.startswith(f"{COUNT - 5} questions are left: about ")
    assert first.endswith("(no price is known), measured on 5.")
    assert last == f"Stored the profile of toy in {folder}."

    solved = toy.run("solve", "What is 7 + 5?", "-m", "toy", "--json")
    assert json.loads(solved.stdout)["profile"].startswith("fitted 20")
    assert json.loads(solved.stdout)["attempts"][0]["effort"] == "default"
    untrained = toy.run("solve", "What is 7 + 5?", "-m", "toy", "--json", "--profile", "none")
    assert json.loads(untrained.stdout)["profile"] == "untrained"
    (folder / "profile.json").write_text("{")
    broken = toy.run("solve", "What is 7 + 5?", "-m", "toy")
    assert (broken.exit_code, broken.stdout) == (2, "")
    assert broken.stderr.startswith("Error: the stored profile of toy is broken (the profile ")
    assert broken.stderr.count("\n") == 1
    assert toy.run("solve", "What is 7 + 5?", "-m", "toy", "--profile", "none").exit_code == 0

    calls = len(toy.engine.calls)
    again = toy.fit("--json")
    assert len(toy.engine.calls) == calls, "all was recorded"
    figures = json.loads(again.stdout)
    assert figures == json.loads((folder / FIT_FILE).read_text())
    assert figures["sentence"] == page.splitlines()[-1]
    assert toy.run("solve", "What is 7 + 5?", "-m", "toy").exit_code == 0


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (("--max-cost", "1"), 2,
         "--efforts and --max-cost are for hosted models, and toy is none: name budgets with --ladder."),
        (("--limit", "29"), 2, "29 different questions are too few to fit a profile: give at least 30."),
        (("--ladder", "16,32"), 2,
         "a ladder to record starts with a rung that does not think (budget 0), and all others think."),
        (("--target-loss", "nan"), 2, "'nan' is not a finite number."),
        (("--grade", "magic"), 2, "there is no grader 'magic'"),
        (("--price", "toy"), 2, "the price 'toy' must be MODEL=INPUT/OUTPUT"),
    ],
)  # fmt: skip
def test_what_is_refused_before_the_model_is_asked(
    toy: Toy, args: tuple[str, ...], code: int, sentence: str
) -> None:
    made = toy.fit(*args)
    assert (made.exit_code, made.stdout) == (code, "")
    assert sentence in made.stderr
    assert made.stderr.count("\n") == 1
    assert toy.engine.calls == []
    assert not toy.profiles.exists()


@pytest.mark.parametrize(
    ("limits", "args", "stated"),
    [
        ({"MOST_TOKENS": 10}, (), "over 10 tokens"),
        ({"MOST_SECONDS": 0.06}, (), "over 0.001 minutes"),
        ({"MOST_DOLLARS": 0.001}, ("--price", "toy=1/2"), "over $0.001"),
        ({"MOST_TOKENS": 10, "MOST_SECONDS": 0.06}, (), "over 0.001 minutes and 10 tokens"),
    ],
)
def test_above_a_limit_it_is_not_started_without_yes(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], args: tuple[str, ...], stated: str
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(estimate, name, value)
    made = toy.fit(*args)
    assert (made.exit_code, made.stdout) == (2, "")
    error = made.stderr.splitlines()[-1]
    assert error.startswith(f"Error: {COUNT - 5} questions are left: about ")
    assert error.endswith(f"which is {stated}: start it with --yes.")
    assert list(toy.profiles.glob("[!.]*")) == []
    calls = len(toy.engine.calls)
    assert toy.fit(*args, "--yes").exit_code == 0
    assert len(set(toy.engine.calls[:calls])) * COUNT == 5 * len(set(toy.engine.calls)), "the first five are kept"


@pytest.mark.parametrize(
    ("answer", "code", "last"),
    [("y", 0, "Stored the profile of toy in "), ("n", 1, "Error: Stopped: 5 of 32 questions are recorded in ")],
)
def test_on_a_terminal_it_asks(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, last: str
) -> None:
    monkeypatch.setattr(estimate, "MOST_TOKENS", 10)
    monkeypatch.setattr("adaptive.cli.fit.is_interactive", lambda: True)
    made = toy.fit(input=f"{answer}\n")
    assert made.exit_code == code
    assert "That is over 10 tokens. Go on? [y/N]: " in made.stderr
    assert made.stderr.splitlines()[-1].startswith(last)


def test_the_bar_covers_the_whole_fit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(fit_progress, "LINE_SECONDS", 0.0)
    with FitProgress(Path("o.db")) as progress:
        for stage, done, of in (
            ("record", 0, 4),
            ("record", 4, 4),
            ("train", 0, 1),
            ("tune", 5, 10),
            ("bench", 1, 1),
        ):
            progress.show_stage(stage, done, of)
    assert capsys.readouterr().err.splitlines() == [
        "recording 0 of 4, 0 % of the fit",
        "recording 4 of 4, 85 % of the fit",
        "training, 85 % of the fit",
        "tuning 5 of 10, 94 % of the fit",
        "measuring, 100 % of the fit",
    ]
    assert str(progress) == "4 of 4 questions are recorded in o.db, run it again to go on"
    assert sum(fit_progress.SHARES.values()) == pytest.approx(1)


def put(store: ProfileStore, model: str, **changed: Any) -> Path:
    from tests.profile.test_store import put as write

    return write(store, model, **changed)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ProfileStore:
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))
    return ProfileStore(tmp_path / "profiles")


def test_the_list(run: Run, store: ProfileStore) -> None:
    nothing = run("profiles")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == f"No profile is stored in {store.root}: fit one (adaptive fit QUESTIONS -m MODEL).\n"
    put(store, "hf:a/b")
    put(store, "embedded", questions=300)
    (put(store, "hf:broken") / FIT_FILE).unlink()
    listed = run("profiles", "list")
    assert listed.stdout.splitlines()[:2] == [
        "embedded 2026-01-02 300 questions Use it.",
        "hf:a/b 2026-01-02 60 questions Use it.",
    ]
    assert listed.stdout.splitlines()[2].startswith(f"{store.find_folder('hf:broken')} is broken: ")
    rows = [json.loads(line) for line in run("profiles", "--json").stdout.splitlines()]
    assert [(row["model"], row["questions"], row["error"] is None) for row in rows] == [
        ("embedded", 300, True), ("hf:a/b", 60, True), ("", 0, False),
    ]  # fmt: skip


def test_one_is_shown_or_removed(run: Run, store: ProfileStore) -> None:
    folder = put(store, "hf:a/b")
    (folder / "fit.md").write_text("# The page\n\nUse it.\n")
    assert run("profiles", "show", "hf:a/b").stdout == "# The page\n\nUse it.\n"
    assert json.loads(run("profiles", "show", "hf:a/b", "--json").stdout)["questions"] == 60
    unasked = run("profiles", "remove", "hf:a/b")
    assert (unasked.exit_code, unasked.stderr) == (2, "Error: the profile of hf:a/b is removed only with --yes.\n")
    assert folder.is_dir()
    removed = run("profiles", "remove", "hf:a/b", "--yes")
    assert (removed.exit_code, removed.stdout, removed.stderr) == (0, "", "Removed the profile of hf:a/b.\n")
    assert not folder.exists()


@pytest.mark.parametrize(("answer", "stays"), [("y", False), ("n", True), ("", True)])
def test_on_a_terminal_removing_asks(
    run: Run, store: ProfileStore, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    monkeypatch.setattr("adaptive.cli.profiles.is_interactive", lambda: True)
    folder = put(store, "hf:a/b")
    made = run("profiles", "remove", "hf:a/b", input=f"{answer}\n")
    assert made.stderr.startswith("Remove the profile of hf:a/b? [y/N]: ")
    assert folder.exists() is stays
    assert made.exit_code == (1 if stays else 0)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("show",), "Error: show needs a MODEL. Try 'adaptive profiles --help'."),
        (("remove",), "Error: remove needs a MODEL. Try 'adaptive profiles --help'."),
        (("list", "hf:a/b"), "Error: list takes no MODEL, unlike show. Try 'adaptive profiles --help'."),
        (("forget", "hf:a/b"), "Error: Invalid value for '[list|show|remove]': 'forget' is not one of "),
        (("show", "hf:other"), "Error: no profile of hf:other is stored in "),
        (("remove", "hf:other", "--yes"), "Error: no profile of hf:other is stored in "),
        (("show", "hf:broken"), "Error: the profile in "),
    ],
)
def test_what_is_wrong_is_one_sentence(
    run: Run, store: ProfileStore, args: tuple[str, ...], sentence: str
) -> None:
    (put(store, "hf:broken") / FIT_FILE).write_text("[]")
    made = run("profiles", *args)
    assert (made.exit_code, made.stdout) == (2, "")
    assert made.stderr.startswith(sentence)
    assert made.stderr.count("\n") == 1


def test_a_broken_profile_can_be_removed(run: Run, store: ProfileStore) -> None:
    folder = put(store, "hf:broken")
    (folder / FIT_FILE).write_text("[]")
    assert run("profiles", "remove", "hf:broken", "--yes").exit_code == 0
    assert not folder.exists()
