"""`adaptive bench`: replayed from planted outcomes, and live on a scripted model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptive._util.file_lock import hold_file
from adaptive.answers.registry import choose_file_grader
from adaptive.bench.plots import PLOTS
from adaptive.engines import registry
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion
from adaptive.learn.data.splits import hash_question
from adaptive.learn.tuning.replay import Replay
from adaptive.learn.tuning.ways import WayResult
from adaptive.profile.profile import Profile
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine
from tests.bench.planted import LADDER, question, rungs, written
from tests.cli.conftest import Run
from tests.support.choosing import make_fixed_chooser
from tests.support.solving import PureEngine

COUNT = 24


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Readings are counted in a folder of this test."""
    monkeypatch.setenv("ADAPTIVE_PROFILES", str(tmp_path / "profiles"))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Accepts direct answers from 0.8 on, and thinks where they are less sure."""
    policy = Policy(accept={"none": 0.8}, agreement=None, vote_most=0, max_waits=0)
    Profile("planted", "embedded", LADDER, policy=policy).save(tmp_path / "profile")
    return tmp_path / "profile"


@pytest.fixture
def outcomes(tmp_path: Path) -> Path:
    """Even questions are easy, and the model is sure of them."""
    ways = [((True,) * 4, (0.9, 0.9, 0.9, 0.9)), ((False, True, True, True), (0.3, 0.9, 0.9, 0.9))]
    return written(tmp_path / "o.db", [rungs(*ways[i % 2], i) for i in range(COUNT)])


def asked(path: Path, numbers: range) -> str:
    rows = [{"question": question(i).text, "answer": question(i).reference} for i in numbers]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def half(tmp_path: Path) -> str:
    return asked(tmp_path / "q.jsonl", range(COUNT // 2))


def test_replay_prints_the_answer_and_a_row_for_each_way(
    run: Run, profile: Path, outcomes: Path, half: str
) -> None:
    made = run("bench", str(profile), half, "--replay", str(outcomes))
    assert made.exit_code == 0, made.stderr
    assert " points of accuracy over a random mix of constants that takes as many tokens; " in made.stdout
    assert "Not measured, self-consistency" in made.stdout


def test_the_policys_tokens_are_those_of_its_attempts(run: Run, profile: Path, outcomes: Path, half: str) -> None:
    made = run("bench", str(profile), half, "--replay", str(outcomes), "--json")
    line = json.loads(made.stdout)["lines"][0]
    # Untrained it thinks first, on the cheapest rung: 10 + 8 + 2 + 3.
    assert (line["kind"], line["tokens"], line["questions"]) == ("policy", 23.0, COUNT // 2)


def test_a_worth_is_measured_in_place_of_the_tuned_policy(
    run: Run, profile: Path, outcomes: Path, half: str
) -> None:
    tuned = Profile.load(profile)
    always = Routine(replace(LADDER[LADDER.top], waits=0))
    replace(tuned, policy=replace(tuned.policy, always=always)).save(profile)
    constant, chosen = (
        json.loads(run("bench", str(profile), half, "--replay", str(outcomes), "--json", *more).stdout)["lines"][0]
        for more in ((), ("--worth", "50tok"))
    )
    assert constant["tokens"] > chosen["tokens"] == 23.0
    refused = run("bench", str(profile), half, "--replay", str(outcomes), "--worth", "1usd")
    assert refused.exit_code != 0
    assert "this profile counts tokens" in refused.stderr


def test_out_holds_the_report_the_plots_and_the_figures(
    run: Run, profile: Path, outcomes: Path, half: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    made = run("bench", str(profile), half, "--replay", str(outcomes), "--out", str(out), "--json")
    assert made.exit_code == 0, made.stderr
    names = {"report.html", "figures.json", *(f"{one}.png" for one in PLOTS)}
    assert {p.name for p in out.iterdir()} == names
    assert (out / "figures.json").read_text() == made.stdout
    assert made.stderr == f"Wrote the report {out / 'report.html'}.\n"


def test_reading_the_same_questions_again_is_counted(run: Run, profile: Path, outcomes: Path, half: str) -> None:
    first = run("bench", str(profile), half, "--replay", str(outcomes), "--json")
    assert json.loads(first.stdout)["reading"] == {"times": 1, "profiles": 1, "note": ""}
    file = profile / "profile.json"
    file.write_text(file.read_text().replace('"max_attempts": 4', '"max_attempts": 3'))
    again = run("bench", str(profile), half, "--replay", str(outcomes))
    assert "This set was read 2 times, with 2 different profiles" in again.stdout


def test_a_profile_that_leaves_out_other_questions_reads_the_same_set(
    run: Run, profile: Path, outcomes: Path, half: str
) -> None:
    run("bench", str(profile), half, "--replay", str(outcomes))
    file = profile / "profile.json"
    file.write_text(file.read_text().replace('"max_attempts": 4', '"max_attempts": 3'))
    (profile / "seen.txt").write_text(hash_question(question(0).text) + "\n")
    found = json.loads(run("bench", str(profile), half, "--replay", str(outcomes), "--json").stdout)
    assert found["lines"][0]["questions"] == COUNT // 2 - 1
    assert (found["reading"]["times"], found["reading"]["profiles"]) == (2, 2)


def test_seen_questions_are_left_out(run: Run, profile: Path, outcomes: Path, half: str) -> None:
    (profile / "seen.txt").write_text(hash_question(question(0).text) + "\n")
    made = run("bench", str(profile), half, "--replay", str(outcomes), "--json")
    found = json.loads(made.stdout)
    assert found["lines"][0]["questions"] == COUNT // 2 - 1
    assert found["notes"][0].startswith(f"1 of {COUNT // 2} questions are left out")


def test_tuned_on_names_the_tuning_questions(
    run: Run, profile: Path, outcomes: Path, half: str, tmp_path: Path
) -> None:
    others = asked(tmp_path / "t.jsonl", range(COUNT - 4, COUNT))
    made = run("bench", str(profile), half, "--replay", str(outcomes), "--tuned-on", others, "--json")
    assert json.loads(made.stdout)["about"]["tuning questions"] == "4"


def test_what_the_policy_buys_must_have_been_recorded(
    run: Run, profile: Path, outcomes: Path, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Greedy(Replay):
        def solve(self, recorded: RecordedQuestion) -> WayResult:
            return make_fixed_chooser(OutcomeKey("low", 16, 2))(recorded)

    monkeypatch.setattr("adaptive.bench.run.Replay", Greedy)
    made = run("bench", str(profile), half, "--replay", str(outcomes))
    said = "the policy buys low 16 with 2 Waits, which was not recorded of every question: record them again with"
    assert made.exit_code == 2
    assert made.stderr.startswith(f"Error: {said} `adaptive record --profile` and this profile, --waits 2.")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--replay", "nowhere.db"), "the outcomes nowhere.db are not there: make them with `adaptive record`."),
        (("--replay", "{db}", "--target-loss", "nan"), "--target-loss must be between 0 and 1, got nan."),
        (
            ("--replay", "{db}", "--tuned-on", "{new}"),
            "1 of 1 questions of {new} are not recorded with every rung",
        ),
        (
            ("-m", "embedded"),
            "a live bench keeps its solves in a folder: name it with --out, or bench with --replay.",
        ),
        (("-m", "nonsense", "--out", "x"), "model 'nonsense' is not known"),
    ],
)
def test_errors_are_one_sentence(
    run: Run, profile: Path, outcomes: Path, half: str, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    names = {"db": outcomes, "new": asked(tmp_path / "new.jsonl", range(99, 100))}
    made = run("bench", str(profile), half, *(m.format(**names) for m in more))
    assert made.exit_code == 2
    assert made.stderr.startswith(f"Error: {said.format(**names)}")
    assert made.stderr.count("\n") == 1


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The engines that were opened; `-m embedded` means a scripted model."""
    opened: list[Any] = []

    def make(*_: Any, **__: Any) -> Any:
        opened.append(PureEngine(enough=8, ends=(12,)))
        return opened[-1]

    monkeypatch.setattr(registry, "open_engine", make)
    return opened


@pytest.fixture
def strangers(tmp_path: Path) -> dict[str, Path]:
    """Outcomes of a stranger's, graded by a file of Python that leaves a mark when it is run; and the mark."""
    mark, code = tmp_path / "ran", tmp_path / "grade.py"
    code.write_text(f"open({str(mark)!r}, 'w').close()\ndef right(answer, reference):\n    return True\n")
    recorded = [rungs((True,) * 4, number=i) for i in range(COUNT)]
    db = written(tmp_path / "strange.db", recorded, grader=f"{code}:right")
    return {"db": db, "mark": mark, "code": code}


def test_outcomes_never_name_code_to_run(
    run: Run, engines: list[Any], profile: Path, half: str, strangers: dict[str, Path], tmp_path: Path
) -> None:
    args = ("bench", str(profile), half, "--replay", str(strangers["db"]), "-m", "embedded", "--out", tmp_path)
    made = run(*map(str, args))
    assert not strangers["mark"].exists()
    assert (made.exit_code, engines) == (2, [])
    assert made.stderr.startswith(f"Error: {strangers['db']} names the grader ")
    assert made.stderr.endswith("and a file runs no code: name the grader with --grade.\n")
    assert made.stderr.count("\n") == 1
    made = run(*map(str, args), "--grade", f"{strangers['code']}:right")
    assert made.exit_code == 0, made.stderr
    assert strangers["mark"].exists()


@pytest.mark.parametrize("grader", [None, 3, ["auto"], "imported", "timeit:timeit"])
def test_a_grader_that_is_none_of_ours_is_named_by_the_user(grader: Any) -> None:
    with pytest.raises(InputError, match="name the grader with --grade"):
        choose_file_grader(grader, None, Path("o.db"))
    assert choose_file_grader(grader, "exact", Path("o.db")) == "exact"
    assert choose_file_grader("number", "exact", Path("o.db")) == "number"


def test_a_profile_does_not_choose_whom_to_ask(
    run: Run, engines: list[Any], profile: Path, half: str, tmp_path: Path
) -> None:
    replace(Profile.load(profile), model="http://user:secret@evil.example/v1").save(profile)
    made = run("bench", str(profile), half, "--out", str(tmp_path / "out"))
    assert (made.exit_code, engines) == (2, [])
    assert made.stderr == (
        f"Error: the profile {profile} is of the model http://***@evil.example/v1, and no profile chooses what is "
        "asked: name the model with -m, or bench with --replay.\n"
    )


@pytest.fixture
def live(run: Run, profile: Path, tmp_path: Path) -> Any:
    few = asked(tmp_path / "few.jsonl", range(3))
    return lambda *more: run("bench", str(profile), few, "--out", str(tmp_path / "live"), "--json", *more)


def test_live_solves_and_records_and_is_not_asked_twice(engines: list[Any], live: Any, tmp_path: Path) -> None:
    made = live()
    assert made.exit_code == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["lines"][0]["seconds"].keys() == {"p50", "p90", "p99"}
    assert found["lines"][0]["cost"] is None
    assert {"votes", "adaptive"} <= {line["kind"] for line in found["lines"]}
    assert any("without what the engine found in its cache" in note for note in found["notes"])
    kept = (tmp_path / "live" / "solves.jsonl").read_text()
    again = live()
    assert json.loads(again.stdout)["lines"] == found["lines"]
    assert (tmp_path / "live" / "solves.jsonl").read_text() == kept


@pytest.mark.slow
def test_a_second_live_bench_in_the_same_folder_buys_nothing(
    engines: list[Any], live: Any, tmp_path: Path
) -> None:
    (tmp_path / "live").mkdir()
    with hold_file(tmp_path / "live" / "outcomes.db"):
        made = live()
    assert (made.exit_code, engines) == (2, [])
    assert "another command is writing" in made.stderr
    assert live().exit_code == 0


def test_live_goes_on_from_what_a_kill_left(engines: list[Any], live: Any, tmp_path: Path) -> None:
    whole = json.loads(live().stdout)
    file = tmp_path / "live" / "solves.jsonl"
    head, first, *_ = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([head, first, b'{"question": "What is']))
    made = live()
    assert "Solved 2 questions" in made.stderr
    kept = [[line[k] for k in ("name", "tokens", "accuracy")] for line in json.loads(made.stdout)["lines"]]
    assert kept == [[line[k] for k in ("name", "tokens", "accuracy")] for line in whole["lines"]]


@pytest.mark.slow
def test_live_solves_of_another_profile_are_not_taken(
    engines: list[Any], live: Any, profile: Path, tmp_path: Path
) -> None:
    live()
    file = profile / "profile.json"
    file.write_text(file.read_text().replace('"max_attempts": 4', '"max_attempts": 3'))
    made = live()
    assert made.exit_code == 2
    assert "solves.jsonl was made with another model or profile" in made.stderr


def test_a_model_that_fails_ends_the_bench_with_its_sentence(
    engines: list[Any], live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise AdaptiveError("the server went away.")

    monkeypatch.setattr("adaptive.cli.support.live_bench.solve_one", broken)
    made = live()
    assert (made.exit_code, made.stderr.splitlines()[-1]) == (1, "Error: the server went away.")
