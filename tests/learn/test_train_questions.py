from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adaptive.cli import cli
from adaptive.cli.support.options import parse_ladder
from adaptive.engines import registry
from adaptive.errors import InputError
from adaptive.profile.profile import Profile
from tests.learn.toy import ROOT, ToyEngine, write_questions

pytestmark = pytest.mark.usefixtures("quick")
Train = Callable[..., Result]
LADDER = ("--ladder", "0,16,32,64")


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[ToyEngine]:
    """The engines that were opened; any model is the toy."""
    for name in [name for name in os.environ if name.startswith("ADAPTIVE_")]:
        monkeypatch.delenv(name)
    opened: list[ToyEngine] = []

    def open_engine(spec: str) -> ToyEngine:
        opened.append(ToyEngine())
        return opened[-1]

    monkeypatch.setattr(registry, "open_engine", open_engine)
    return opened


@pytest.fixture
def train(engines: list[ToyEngine]) -> Train:
    return lambda *args: CliRunner().invoke(cli, ["train", *map(str, args)], prog_name="adaptive")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_questions(tmp_path_factory.mktemp("data") / "questions.jsonl", 300)


def test_it_writes_a_profile_that_knows_what_is_hard(train: Train, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "abacus"
    result = train(questions, "-m", "toy", "--out", out, *LADDER)
    assert result.exit_code == 0, result.output
    assert "AUROC" in result.stdout
    assert "labelled" not in result.stdout
    profile = Profile.load(out)
    assert (profile.name, profile.model, len(profile.ladder)) == ("abacus", "toy", 4)
    assert profile.predict_difficulty("What is 3 + 4?")["level"] == "easy"
    assert profile.predict_difficulty("What is 3141 + 2718?")["level"] == "hard"
    assert 0 < profile.policy.probe_from < 1
    assert "adaptive" in (out / "README.md").read_text()


def test_nothing_is_asked_twice_and_the_profile_is_the_same(
    train: Train, engines: list[ToyEngine], questions: Path, tmp_path: Path
) -> None:
    written = []
    for _ in range(2):
        assert train(questions, "-m", "toy", "--out", tmp_path, *LADDER, "--limit", "60").exit_code == 0
        written.append((tmp_path / "profile.json").read_text())
    assert len(engines) == 1
    assert written[0] == written[1]


def test_the_ladder_and_the_rest_come_from_a_profile(train: Train, questions: Path, tmp_path: Path) -> None:
    first = train(questions, "-m", "toy", "--out", tmp_path / "one", *LADDER, "--limit", "60")
    assert first.exit_code == 0, first.output
    second = train(questions, "-m", "toy", "--out", tmp_path / "two", "--profile", tmp_path / "one",
                   "--effort", "high", "--limit", "60")  # fmt: skip
    assert second.exit_code == 0, second.output
    profile = Profile.load(tmp_path / "two")
    assert profile.name == "one"
    assert [(r.effort, r.budget) for r in profile.ladder] == [
        ("none", 0),
        ("high", 16),
        ("high", 32),
        ("high", 64),
    ]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--ladder", "0,x"), 2, "ladder '0,x' has the budget 'x'"),
        (("--ladder", "0,-5"), 2, "has the budget '-5'"),
        (("--ladder", "16,32"), 2, "starts with a rung that does not think"),
        (("--ladder", "0,32,16"), 2, "must be ordered by budget"),
        (("--ladder", "0,16:max"), 2, "effort 'max' is not known"),
        (("--profile", "/nowhere"), 2, "the profile /nowhere/profile.json cannot be read"),
        (("--target-precision", "nan"), 2, "must be between 0.5 and 1, got nan"),
        (("--limit", "10"), 2, "10 labelled questions are too few"),
    ],
)
def test_wrong_use_is_one_sentence(
    train: Train, questions: Path, tmp_path: Path, args: tuple[str, ...], code: int, said: str
) -> None:
    result = train(questions, "-m", "toy", "--out", tmp_path, *args)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_questions_that_all_come_out_alike_are_kept(train: Train, tmp_path: Path) -> None:
    file = tmp_path / "easy.jsonl"
    rows = [{"question": f"What is {i % 9} + {i // 9}?", "answer": i % 9 + i // 9} for i in range(81)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = train(file, "-m", "toy", "--out", tmp_path / "out", *LADDER)
    assert result.exit_code == 2
    assert "too much alike" in result.stderr
    assert len((tmp_path / "out" / "labels.jsonl").read_text().splitlines()) == 82


def test_questions_that_do_not_fit_are_left_out(train: Train, questions: Path, tmp_path: Path) -> None:
    lines = questions.read_text().splitlines()[:60]
    long = [json.dumps({"question": f"What is {i} + 1?" + " please" * 400, "answer": "1"}) for i in range(2)]
    file = tmp_path / "some.jsonl"
    file.write_text("\n".join([*long, *lines]))
    result = train(file, "-m", "toy", "--out", tmp_path / "out", *LADDER)
    assert result.exit_code == 0, result.output
    assert "the question takes" in result.stderr
    assert "2 questions were left out" in result.stderr


@pytest.mark.parametrize(
    ("text", "effort", "expected"),
    [
        ("0,64,128,256", None, [("none", 0), ("low", 64), ("medium", 128), ("high", 256)]),
        ("0, 64, 256", None, [("none", 0), ("low", 64), ("high", 256)]),
        ("0,64", None, [("none", 0), ("medium", 64)]),
        ("0,8,16,32,64", None, [("none", 0), ("low", 8), ("medium", 16), ("medium", 32), ("high", 64)]),
        ("0,64:low,256", "high", [("none", 0), ("low", 64), ("high", 256)]),
    ],
)
def test_ladders(text: str, effort: str | None, expected: list[tuple[str, int]]) -> None:
    assert [(r.effort, r.budget) for r in parse_ladder(text, effort)] == expected


def test_the_columns_of_a_table_are_named(train: Train, questions: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in questions.read_text().splitlines()[:60]]
    file = tmp_path / "some.csv"
    file.write_text("asked,gold\n" + "".join(f'"{r["question"]}",{r["answer"]}\n' for r in rows))
    result = train(file, "-m", "toy", "--out", tmp_path / "out", *LADDER)
    assert result.exit_code == 2
    assert "has no 'question' that is text: its columns are 'asked', 'gold'; name the right one" in result.stderr
    named = ("--question-column", "asked", "--answer-column", "gold")
    assert train(file, "-m", "toy", "--out", tmp_path / "out", *LADDER, *named).exit_code == 0
    assert "questions from `some.csv`" in (tmp_path / "out" / "README.md").read_text()


def test_a_data_set_of_the_hub_is_learned_from(
    train: Train, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"row {i}", json.loads(line)) for i, line in enumerate(questions.read_text().splitlines()[:60])]
    monkeypatch.setattr("adaptive.learn.data.readers._read_hub", lambda _: iter(rows))
    result = train("datasets:a/sums?split=test", "-m", "toy", "--out", tmp_path, *LADDER)
    assert result.exit_code == 0, result.output
    assert "questions from `datasets:a/sums?split=test`" in (tmp_path / "README.md").read_text()


def test_a_source_that_is_not_there(train: Train, tmp_path: Path) -> None:
    result = train(tmp_path / "none.csv", "-m", "toy", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "none.csv cannot be read (No such file or directory)" in result.stderr


@pytest.mark.parametrize("text", ["", "0,", "a", "1.5", "0,99999999999", "²"])
def test_what_is_no_ladder(text: str) -> None:
    with pytest.raises(InputError, match="write whole numbers"):
        parse_ladder(text)


def _start(questions: Path, out: Path, seconds: float) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.learn.toy",
        "train",
        str(questions),
        "-m",
        "toy",
        "--out",
        str(out),
        *LADDER,
    ]
    environment = {**os.environ, "TOY_SECONDS": str(seconds)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _wait_for_lines(file: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if file.exists() and file.read_bytes().count(b"\n") > count:
            return
        time.sleep(0.02)
    raise AssertionError(f"{file} did not get {count} lines")


def test_a_killed_run_goes_on_without_asking_again(
    train: Train, engines: list[ToyEngine], questions: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    process = _start(questions, tmp_path, 0.02)
    _wait_for_lines(labels, 20)
    process.kill()
    process.communicate()
    kept = labels.read_bytes()
    labels.write_bytes(kept + b'{"id": "cut o')
    done = kept.count(b"\n") - 1
    assert train(questions, "-m", "toy", "--out", tmp_path, *LADDER).exit_code == 0
    whole = labels.read_bytes()
    assert whole.startswith(kept[: kept.rindex(b"\n") + 1])
    ids = [json.loads(line)["id"] for line in whole.splitlines()[1:]]
    assert len(ids) == len(set(ids))
    assert len(engines[0].released) == len(ids) - done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_it_kept(questions: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = _start(questions, tmp_path, 0.05)
    _wait_for_lines(tmp_path / "labels.jsonl", 5)
    started = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert time.monotonic() - started < 5
    assert process.returncode == 128 + number
    assert "questions are labelled in" in stderr
    assert "Traceback" not in stderr
