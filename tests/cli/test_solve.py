"""`adaptive solve` with a scripted solver: what goes where, what is passed on, exit codes, the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from adaptive.cli.support.report import EMBEDDED_HINT
from adaptive.errors import AdaptiveError, InputError
from adaptive.prices import Price, Prices
from adaptive.solve_log import SolveLog
from adaptive.verify.check_command import Command
from adaptive.verify.check_form import Pattern
from tests.cli.conftest import Run, Use
from tests.cli.stub import ALL_LINES, EVENTS, RESULT, ROOT, Solver, result
from tests.support.judging import ScriptedJudge

DEFAULTS = {
    "model": "embedded", "profile": None, "effort": None, "budget": None, "waits": None, "wait_string": (),
    "samples": None, "stop": None, "adapt": True, "seed": 0, "temperature": 0.0, "verify": None,
    "max_tokens": None, "max_output_tokens": None, "approve_above": None, "max_attempts": None, "stronger": None,
    "check": None, "judge": None, "max_cost": None, "worth": None, "timeout": None, "prices": Prices(),
    "explore": None, "answer_schema": None,
}  # fmt: skip
PRICES = Prices({"m": Price(1, 2), "n": Price(1, 3, 2)})
BOUND = {"model", "profile", "stronger", "check", "judge", "prices"}
"""Of these, what is no option of a solve."""


def test_only_the_answer_off_a_terminal(run: Run, scripted: Use) -> None:
    scripted(Solver())
    made = run("solve", "q")
    assert (made.exit_code, made.stdout, made.stderr) == (0, "73\n", "")


def test_thinking_and_usage_when_asked_for(run: Run, scripted: Use) -> None:
    scripted(Solver())
    made = run("solve", "q", "--show-thinking", "-u")
    assert made.stdout == "73\n"
    usage = "Usage: 59 tokens (~31 prompt, 21 thinking, 1 injected, 6 answer), 0.21 s, cost not known\n"
    assert made.stderr == ALL_LINES + usage


def test_on_a_terminal_thinking_is_dim_and_stdout_stays_clean() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "tests.cli.stub", "answers", "solve", "q"]
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, env=env) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stdout.read() == b"73\n"
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\x1b[2m47+38=85\x1b[0m" in shown
    assert click.unstyle(shown).replace("\r", "") == ALL_LINES


def test_json_is_the_result_object_on_one_line(run: Run, scripted: Use) -> None:
    scripted(Solver(result(text="√\x1b[0m\n")))
    made = run("solve", "q", "--json")
    assert made.stdout.count("\n") == 1
    assert json.loads(made.stdout) == {**RESULT, "question": "q", "text": "√\x1b[0m\n"}


@pytest.mark.parametrize(
    ("changed", "code", "stdout", "stderr"),
    [
        ({"accepted": False}, 3, "73\n", f"Not accepted: unsure (rules, score 0.31).\n{EMBEDDED_HINT}\n"),
        ({"accepted": False, "model": "onnx:x"}, 3, "73\n", "Not accepted: unsure (rules, score 0.31).\n"),
        (
            {"accepted": False, "status": "refused", "answer": None, "text": "I do not know.", "model": "m"},
            3,
            "I do not know.\n",
            "Not accepted: unsure (rules, score 0.31).\n",
        ),
        (
            {"accepted": False, "status": "starved", "answer": None, "text": "", "model": "m"},
            4,
            "\n",
            "Starved: the room for the answer ended before the answer did.\n",
        ),
        (
            {"accepted": False, "status": "failed", "answer": None, "text": "", "model": "m"},
            1,
            "\n",
            "Failed: unsure (rules, score 0.31).\n",
        ),
    ],
)
def test_exit_codes(run: Run, scripted: Use, changed: dict[str, Any], code: int, stdout: str, stderr: str) -> None:
    scripted(Solver(result(**changed)))
    made = run("solve", "q")
    assert (made.exit_code, made.stdout, made.stderr) == (code, stdout, stderr)


@pytest.mark.parametrize(("accepted", "plain", "strict"), [(True, 0, 0), (None, 0, 3), (False, 3, 3)])
def test_an_answer_that_is_not_verified_fails_only_if_it_must(
    run: Run, scripted: Use, accepted: bool | None, plain: int, strict: int
) -> None:
    scripted(Solver(result(accepted=accepted, reason="no profile, no check")))
    made = run("solve", "q")
    assert (made.exit_code, made.stdout) == (plain, "73\n")
    assert (made.stderr == "Not verified: no profile, no check.\n") is (accepted is None)
    assert run("solve", "q", "--require-verified").exit_code == strict


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("model 'gpt' is not known: use embedded."), 2),
        (AdaptiveError("the weights of 'embedded' are missing: install it again."), 1),
    ],
)
@pytest.mark.parametrize("when", ["building", "solving"])
def test_errors_are_one_sentence(run: Run, scripted: Use, error: Exception, code: int, when: str) -> None:
    scripted(error if when == "building" else Solver(events=[], error=error))
    made = run("solve", "q")
    assert (made.exit_code, made.stdout, made.stderr) == (code, "", f"Error: {error}\n")


@pytest.mark.parametrize(
    ("args", "variables", "changed"),
    [
        ([], {}, {}),
        (["-m", "onnx:x", "--profile", "p"], {}, {"model": "onnx:x", "profile": "p"}),
        (["--effort", "low", "--budget", "0"], {}, {"effort": "low", "budget": 0}),
        (["--worth", "500"], {}, {"worth": 500.0}),
        (["--worth", "0.02usd"], {}, {"worth": "0.02usd"}),
        ([], {"WORTH": "0.5"}, {"worth": 0.5}),
        (["--waits", "2", "--wait-string", "Hmm, "], {}, {"waits": 2, "wait_string": ("Hmm, ",)}),
        (["--wait-string", "Wait", "--wait-string", "Hmm"], {}, {"wait_string": ("Wait", "Hmm")}),
        (["--no-adapt", "--seed", "7"], {}, {"adapt": False, "seed": 7}),
        (["--temperature", "0.5"], {}, {"temperature": 0.5}),
        (["--verify", "rules,confidence"], {}, {"verify": "rules,confidence"}),
        (["--max-tokens", "9", "--max-attempts", "2"], {}, {"max_tokens": 9, "max_attempts": 2}),
        (["--max-cost", "0.5", "--timeout", "9"], {}, {"max_cost": 0.5, "timeout": 9.0}),
        ([], {"MAX_COST": "0.5", "TIMEOUT": "9"}, {"max_cost": 0.5, "timeout": 9.0}),
        (["--price", "m=1/2", "--price", "n=1/2/3"], {}, {"prices": PRICES}),
        ([], {"PRICE": "m=1/2 n=3/4"}, {"prices": Prices({"m": Price(1, 2), "n": Price(3, 4)})}),
        (["--samples", "0", "--stop", "none"], {}, {"samples": 0, "stop": "none"}),
        ([], {"SAMPLES": "5", "STOP": "loop,hopeless"}, {"samples": 5, "stop": "loop,hopeless"}),
        (["--stronger", "onnx:z"], {}, {"stronger": "onnx:z"}),
        ([], {"STRONGER": "onnx:z"}, {"stronger": "onnx:z"}),
        (["--check", "grep -qx 9"], {}, {"check": Command("grep -qx 9", 30.0)}),
        (["--check", "re:[0-9]+", "--check-timeout", "2"], {}, {"check": Pattern("[0-9]+", 2.0)}),
        ([], {"CHECK": "true {file.py}", "CHECK_TIMEOUT": "0.5"}, {"check": Command("true {file.py}", 0.5)}),
        ([], {"MODEL": "onnx:y", "BUDGET": "5"}, {"model": "onnx:y", "budget": 5}),
        ([], {"NO_ADAPT": "1"}, {"adapt": False}),
        ([], {"WAIT_STRING": "Wait, |Let me check"}, {"wait_string": ("Wait, ", "Let me check")}),
        (["-m", "onnx:x", "--adapt"], {"MODEL": "onnx:y", "NO_ADAPT": "1"}, {"model": "onnx:x"}),
    ],
)  # fmt: skip
def test_options_reach_the_solver(
    run: Run,
    scripted: Use,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    variables: dict[str, str],
    changed: dict[str, Any],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ADAPTIVE_{name}", value)
    module = scripted(Solver())
    assert run("solve", "q", *args).exit_code == 0
    assert module.built == [{**DEFAULTS, **changed}]


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_judge_is_opened(run: Run, scripted: Use, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("adaptive.verify.judge.open_judge_model", lambda spec: ScriptedJudge(reply=spec))
    if how == "variable":
        monkeypatch.setenv("ADAPTIVE_JUDGE", "openai:o4-mini")
    module = scripted(Solver())
    assert run("solve", "q", *(["--judge", "openai:o4-mini"] if how == "option" else [])).exit_code == 0
    assert [made["judge"].name for made in module.built] == ["judge"]


def test_a_note_is_told_where_no_lines_are_shown(run: Run, scripted: Use) -> None:
    note = {"event": "note", "text": "effort low is not known: medium is used"}
    scripted(Solver(events=[*EVENTS[:1], note, *EVENTS[1:]]))
    made = run("solve", "q", "--json")
    assert (made.stdout.count("\n"), made.stderr) == (1, "Note: effort low is not known: medium is used.\n")


def test_a_wrong_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTIVE_BUDGET", "much")
    made = run("solve", "q")
    assert made.exit_code == 2
    assert "'much' is not a valid integer" in made.stderr


def test_the_workflow_takes_every_option() -> None:
    from dataclasses import fields

    from adaptive.solver.build import build_solver
    from adaptive.types.options import Options

    assert {field.name for field in fields(Options)} >= DEFAULTS.keys() - BOUND
    assert BOUND - {"model"} <= build_solver.__kwdefaults__.keys()


class TestLog:
    def test_solves_are_kept(self, run: Run, scripted: Use, log: Path) -> None:
        scripted(Solver())
        run("solve", "q")
        with SolveLog(log) as store:
            assert [solve.result for solve in store.list_recent()] == [{**RESULT, "question": "q"}]

    @pytest.mark.parametrize("how", [["--no-log"], []])
    def test_not_when_it_is_not_wanted(
        self, run: Run, scripted: Use, log: Path, monkeypatch: pytest.MonkeyPatch, how: list[str]
    ) -> None:
        scripted(Solver())
        if not how:
            monkeypatch.setenv("ADAPTIVE_NO_LOG", "1")
        assert run("solve", "q", *how).exit_code == 0
        assert not log.exists()

    def test_a_log_that_cannot_be_written_costs_nothing(
        self, run: Run, scripted: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        solver = Solver()
        module = scripted(solver)
        monkeypatch.setenv("ADAPTIVE_LOG", str(tmp_path))
        made = run("solve", "q")
        assert (made.exit_code, made.stdout, module.built, solver.asked) == (1, "", [], [])
        assert made.stderr.startswith(f"Error: the log {tmp_path} cannot be used (")
        assert made.stderr.endswith("or solve with --no-log.\n")
        assert run("solve", "q", "--no-log").exit_code == 0

    def test_one_that_breaks_later_is_a_warning(
        self, run: Run, scripted: Use, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: SolveLog, result: dict[str, Any]) -> int:
            raise AdaptiveError("the log cannot be written (disk full).")

        monkeypatch.setattr(SolveLog, "add", full)
        scripted(Solver())
        made = run("solve", "q")
        assert (made.exit_code, made.stdout) == (0, "73\n")
        assert made.stderr == "Warning: the log cannot be written (disk full).\n"


class TestMany:
    """Several questions from a file, one solver."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> str:
        path = tmp_path / "questions.txt"
        path.write_text("one\n\ntwo\nthree\n")
        return str(path)

    def test_a_line_each(self, run: Run, scripted: Use, file: str) -> None:
        solver = Solver(result(answer="seventy\nthree"))
        module = scripted(solver)
        made = run("solve", "--file", file)
        assert (made.exit_code, made.stdout, made.stderr) == (0, "seventy three\n" * 3, "")
        assert (len(module.built), solver.asked) == (1, ["one", "two", "three"])

    def test_json_objects(self, run: Run, scripted: Use, file: str) -> None:
        scripted(Solver())
        made = run("solve", "--file", file, "--json")
        questions = [json.loads(line)["question"] for line in made.stdout.splitlines()]
        assert questions == ["one", "two", "three"]

    @pytest.mark.parametrize("as_json", [False, True])
    def test_one_that_fails_keeps_its_line(self, run: Run, scripted: Use, file: str, as_json: bool) -> None:
        class Fussy(Solver):
            async def astream(self, asked: Any, stream_mode: list[str]) -> Any:
                if asked["messages"][-1][1] == "two":
                    raise InputError("the question is too long.")
                async for item in super().astream(asked, stream_mode):
                    yield item

        scripted(Fussy())
        made = run("solve", "--file", file, *(["--json"] if as_json else []))
        assert (made.exit_code, made.stderr) == (1, "Error: question 2: the question is too long.\n")
        lines = made.stdout.splitlines()
        if as_json:
            failed = {"question": "two", "answer": None, "status": "failed", "accepted": False}
            assert json.loads(lines[1]) == {**failed, "error": "the question is too long."}
            assert json.loads(lines[2])["answer"] == "73"
        else:
            assert lines == ["73", "", "73"]

    @pytest.mark.parametrize(
        ("ends", "code"),
        [
            ([{}, {"accepted": False}], 3),
            ([{}, {"accepted": None}], 0),
            ([{"accepted": False}, {"accepted": False, "status": "starved"}], 4),
            ([{"accepted": False, "status": "failed"}, {"accepted": False, "status": "starved"}], 1),
        ],
    )
    def test_the_worst_end_is_the_exit_code(
        self, run: Run, scripted: Use, file: str, ends: list[dict[str, Any]], code: int
    ) -> None:
        class Various(Solver):
            async def astream(self, asked: Any, stream_mode: list[str]) -> Any:
                self.made = result(**(ends.pop(0) if ends else {}))
                async for item in super().astream(asked, stream_mode):
                    yield item

        unverified = sum(end.get("accepted", True) is None for end in ends)
        scripted(Various())
        made = run("solve", "--file", file)
        assert made.exit_code == code
        assert made.stderr.count("Not verified: 1 of 3 answers: unsure.\n") == unverified

    def test_progress_on_a_terminal(
        self, run: Run, scripted: Use, file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adaptive.cli.support.session.stderr_is_terminal", lambda: True)
        scripted(Solver())
        made = run("solve", "--file", file)
        assert made.stderr == "[1/3] one\n[2/3] two\n[3/3] three\n"


def test_a_reader_that_leaves_is_no_error(log: Path, tmp_path: Path) -> None:
    """As `adaptive solve --file … | head -1`: quiet, and what was paid for is in the log."""
    file = tmp_path / "questions.txt"
    file.write_text("q\n" * 3)
    command = [
        sys.executable,
        "-m",
        "tests.cli.stub",
        "answers",
        "solve",
        "--concurrency",
        "1",
        "--file",
        str(file),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 1
    with SolveLog(log) as store:
        assert len(store.list_recent()) == 1


def test_an_answer_that_stdout_cannot_encode() -> None:
    command = [sys.executable, "-m", "tests.cli.stub", "answers", "solve", "漢", "--json"]
    env = {"PYTHONIOENCODING": "latin-1", "ADAPTIVE_NO_LOG": "1"}
    made = subprocess.run(command, cwd=ROOT, capture_output=True, env=env, check=True)
    assert json.loads(made.stdout)["question"] == "漢"
