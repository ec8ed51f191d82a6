"""`adaptive import`: a file of outcomes, a table on stdout, and sentences about what was left out."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adaptive.learn.importing.store import ImportStore
from adaptive.learn.report import plots
from adaptive.profile.profile import Profile
from tests.cli.conftest import Run
from tests.learn.fitted import fit_quickly
from tests.learn.importing.imported import LOGS, PLAIN_MAP, outcomes, row, write_rows
from tests.learn.made import many
from tests.learn.toy import ROOT


def test_a_table_of_settings_and_what_was_added(run: Run, tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low"), row("1+1", "none", False, 2), row("2+2", "low")])
    made = run("import", str(log), "--out", str(tmp_path / "out.db"), "--map", PLAIN_MAP)
    assert made.exit_code == 0, made.output
    lines = [line.split() for line in made.stdout.splitlines()]
    assert lines[1:] == [
        ["none", "no", "thinking", "1", "1", "0.0", "%", "2"], ["low", "low", "10", "2", "2", "100.0", "%", "10"]
    ]  # fmt: skip
    assert "Imported 3 rows; " in made.stderr
    assert "one effort" not in made.stderr
    again = run("import", str(log), "--out", str(tmp_path / "out.db"), "--map", PLAIN_MAP)
    assert "Imported 0 rows, 3 were there already; " in again.stderr
    assert again.stdout == made.stdout


def test_batches_are_graded_by_the_answers_and_failures_told(run: Run, tmp_path: Path) -> None:
    answers = write_rows(tmp_path / "answers.jsonl", [
        {"question": "What is 13 plus 29?", "answer": "#### 42"},
        {"question": "How many wheels have six bicycles?", "answer": "12"},
    ])  # fmt: skip
    logs = [str(LOGS / f"batch_{name}.jsonl") for name in ("input", "output", "errors")]
    made = run("import", *logs, "--out", str(tmp_path / "out.db"), "--answers", str(answers))
    assert made.exit_code == 0, made.output
    assert "1 requests failed and were left out (--failed wrong counts them as wrong)." in made.stderr
    assert "1 rows have no verdict, and no right answer to grade them by: they are left out" in made.stderr
    assert {one.right for one in outcomes(tmp_path / "out.db")["What is 13 plus 29?"].values()} == {True, False}


def test_a_tokenizer_in_a_folder_counts_replies(run: Run, tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "none", True, None, reply="two words")])
    arguments = ("import", str(log), "--out", str(tmp_path / "out.db"), "--map", f"{PLAIN_MAP},reply=reply")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "or a tokenizer with --tokenizer" in refused.stderr
    made = run(*arguments, "--tokenizer", str(ROOT / "models" / "abacus" / "onnx"))
    assert made.exit_code == 0, made.output
    [outcome] = outcomes(tmp_path / "out.db")["What is 1+1?"].values()
    assert outcome.attempt.usage.answer > 0
    assert "answer" in outcome.attempt.usage.estimated


def test_an_unknown_kind_makes_no_file(run: Run, tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [{"prompt": "1+1?", "ok": True}])
    made = run("import", str(log), "--out", str(tmp_path / "out.db"))
    assert made.exit_code == 2
    assert made.stderr.startswith(f"Error: {log} is of no known kind, its first row has the fields prompt, ok: ")
    assert not (tmp_path / "out.db").exists()


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("question", "--map has 'question': write FIELD=PATH"),
        ("question=a,question=b", "--map has 'question=b'"),
        ("answr=a", "--map has 'answr=a'"),
        ("question=question,correct=correct", "--map names no setting: add setting=PATH"),
        ("question=question,setting=effort,correct=correct", "has no 'effort' for setting, but 'id', 'question'"),
    ],
)
def test_a_wrong_map_is_one_sentence(run: Run, tmp_path: Path, mapping: str, said: str) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "low")])
    made = run("import", str(log), "--out", str(tmp_path / "out.db"), "--map", mapping)
    assert made.exit_code == 2
    assert said in made.stderr
    assert made.stderr.count("\n") == 1


def test_an_unknown_order_keeps_the_rows_for_a_second_try(run: Run, tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [row("1+1", "big"), row("1+1", "small", tokens=5)])
    arguments = ("import", str(log), "--out", str(tmp_path / "out.db"), "--map", PLAIN_MAP)
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "--order 'small,big'" in refused.stderr
    made = run(*arguments, "--order", "small,big")
    assert "The settings small, big are rungs of one effort, and a replay takes those for one chain" in made.stderr
    assert "2 were there already" in made.stderr
    assert [key.budget for key in sorted(outcomes(tmp_path / "out.db")["What is 1+1?"])] == [5, 10]


def test_a_log_of_two_models_is_trained_on_as_their_cascade(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_quickly(monkeypatch)
    monkeypatch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))
    bought = {32: ("openai/small", "low"), 64: ("openai/large", "high")}
    rows = [
        {"asked": made.question.text, "model": bought[key.budget][0], "effort": bought[key.budget][1], "in": 20,
         "ok": one.right, "said": one.attempt.text, "n": one.attempt.chain_tokens + 4}
        for made in many(200) for key, one in made.outcomes.items() if key.budget and not key.waits
    ]  # fmt: skip
    log, out = write_rows(tmp_path / "log.jsonl", rows), tmp_path / "out.db"
    fields = "question=asked,setting=effort,model=model,correct=ok,reply=said,output_tokens=n,prompt_tokens=in"
    prices = ("--price", "openai:small=1/2", "--price", "openai:large=10/20")
    made = run("import", str(log), "--out", str(out), "--map", fields, *prices)
    assert made.exit_code == 0, made.output
    trained = run("train", str(out), "--out", str(tmp_path / "toy"))
    assert trained.exit_code == 0, trained.output
    assert f"adaptive solve --profile {tmp_path / 'toy'} -m openai:small" in trained.stderr
    profile = Profile.load(tmp_path / "toy")
    assert [(rung.model, rung.effort) for rung in profile.ladder] == [("", "low"), ("openai:large", "high")]
    assert profile.policy.unit == "dollars"


def test_one_setting_for_a_log_that_tells_none(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("question,correct,tokens\n1+1?,yes,7\n")
    mapping = "question=question,correct=correct,output_tokens=tokens"
    made = run("import", str(log), "--out", str(tmp_path / "out.db"), "--map", mapping, "--setting", "high")
    assert made.exit_code == 0, made.output
    assert [(key.effort, key.budget) for key in outcomes(tmp_path / "out.db")["1+1?"]] == [("high", 7)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_was_read_and_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    count = 20_000
    log = write_rows(tmp_path / "log.jsonl", (row(f"{i}+1", "low", tokens=i) for i in range(count)))
    out = tmp_path / "out.db"
    command = [sys.executable, "-m", "adaptive.cli", "import", str(log), "--out", str(out), "--map", PLAIN_MAP]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not _count(out):
        assert process.poll() is None, process.stderr
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + number, said
    kept = _count(out)
    assert f"Interrupted: {kept} rows are in {out}, run it again to go on." in said
    assert 0 < kept < count
    assert len(outcomes(out)) == kept
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"Imported {count - kept} rows, {kept} were there already; " in again.stderr


def _count(file: Path) -> int:
    if not file.exists() or b"imported" not in file.read_bytes():
        return 0
    with ImportStore(file) as store:
        return store.count_rows()


def test_the_help_names_every_kind(run: Run) -> None:
    told = " ".join(run("import", "--help").stdout.split())
    for name in ("Inspect", "evaluation", "OpenAI batch", "LiteLLM", "Langfuse", "JSONL", "CSV"):
        assert name in told
