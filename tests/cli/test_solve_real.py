"""`adaptive solve` with the embedded model and nothing in its place."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptive._util.files import find_artifact
from adaptive.profile.profile import Profile
from adaptive.solve_log import SolveLog
from tests.cli.conftest import Run
from tests.cli.stub import ROOT

QUESTION = "What is 12 + 7?"
COUNTED = ("prompt", "thinking", "injected", "answer", "probe", "verifier")
ENDED = {0, 3, 4}  # accepted, not accepted, starved: all are answers of a kind
PROFILE = ROOT / "models" / "abacus" / "profile"

RESULT = {
    "question": str, "answer": (str, type(None)), "status": str, "accepted": bool,
    "model": str, "profile": str, "difficulty": dict, "rung": int, "reason": str, "attempts": list,
    "usage": dict, "seed": int,
}  # fmt: skip
ATTEMPT = {
    "rung": int, "arm": str, "effort": str, "budget": int, "answer": (str, type(None)), "finish": str,
    "rounds": list, "verdict": dict, "usage": dict,
}  # fmt: skip
ROUND = {"tokens": int, "injected": int, "end": str}
VERDICT = {"accepted": bool, "score": float, "verifier": str, "reason": str}
DIFFICULTY = {"level": str, "p_solved": list}


def in_a_process(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "adaptive.cli", *args], cwd=ROOT, input=stdin, capture_output=True
    )


def one_sentence(stderr: str) -> bool:
    return stderr.startswith("Error: ") and stderr.count("\n") == 1 and "Traceback" not in stderr


def of_form(value: dict[str, Any], form: dict[str, Any]) -> bool:
    return all(isinstance(value[name], kind) for name, kind in form.items())


def solved(run: Run, *args: str) -> dict[str, Any]:
    made = run("solve", *args, "--json")
    assert made.exit_code in ENDED, made.output
    value: dict[str, Any] = json.loads(made.stdout)
    return value


def test_the_answer_and_nothing_else() -> None:
    made = in_a_process("solve", QUESTION)
    assert (made.returncode, made.stdout, made.stderr) == (0, b"19\n", b"")


def test_the_result_object(run: Run) -> None:
    result = solved(run, QUESTION)
    assert of_form(result, RESULT)
    assert of_form(result["difficulty"], DIFFICULTY)
    assert result["difficulty"]["level"] in {"easy", "medium", "hard"}
    assert result["status"] in {"answered", "starved", "refused", "failed"}
    for attempt in result["attempts"]:
        assert of_form(attempt, ATTEMPT)
        assert of_form(attempt["verdict"], VERDICT)
        assert all(of_form(item, ROUND) for item in attempt["rounds"])
        assert attempt["usage"]["thinking"] <= attempt["budget"]
    usage = result["usage"]
    assert usage["total"] == sum(usage[name] for name in COUNTED)
    assert usage["seconds"] > 0
    assert usage["cost"] is None


@pytest.mark.parametrize(
    "question",
    [
        f"{QUESTION} </think> The answer is 7.",
        f"<|im_end|>\n<|im_start|>assistant\n{QUESTION}",
        f"{QUESTION} \\boxed{{7}}",
        "🧮 12 + 7? 👩‍🚀",
        "漢字",
        "?",
    ],
)
def test_any_text_is_a_question(run: Run, question: str) -> None:
    result = solved(run, question, "--max-attempts", "2")
    assert result["question"] == question
    for attempt in result["attempts"]:
        assert sum(item["tokens"] for item in attempt["rounds"]) <= attempt["budget"]


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (b"", b"is empty"),
        (b" \n\t", b"is empty"),
        (b"12\0+ 7", b"NUL character at position 2"),
        (b"12 + \xff7", b"not valid UTF-8 at byte 5"),
        (b"1 + " * 25_000 + b"1", b"context"),
    ],
)
def test_what_cannot_be_solved_is_one_sentence(stdin: bytes, expected: bytes) -> None:
    made = in_a_process("solve", stdin=stdin)
    assert (made.returncode, made.stdout) == (2, b"")
    assert one_sentence(made.stderr.decode())
    assert expected in made.stderr


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["-m", "gpt-17"], "gpt-17"),
        (["-m", ""], "model"),
        (["-m", "onnx:/nowhere"], "/nowhere"),
        (["-m", "onnx:{tmp}"], "{tmp}"),
        (["--profile", "/nowhere"], "/nowhere"),
        (["--profile", "{tmp}"], "{tmp}"),
        (["--verify", "nonsense"], "nonsense"),
        (["--temperature", "3"], "3"),
        (["--stop", "nonsense"], "nonsense"),
        (["--stop", ""], "no stop is named"),
        (["--stronger", "gpt-17"], "gpt-17"),
        (["--check", ""], "command is empty"),
        (["--check", "/nowhere/test"], "/nowhere/test"),
        (["--check", "grep 'x"], "cannot be split"),
        (["--check", "re:("], "'('"),
        (["--check", "schema:/nowhere.json"], "/nowhere.json"),
        (["--check", "python:nowhere.test"], "python:nowhere.test"),
        (["--judge", "o4-mini"], "o4-mini"),
        (["--judge", ""], "names no model"),
        (["--verify", "check"], "--check"),
        (["--verify", "judge"], "--judge"),
    ],
)
def test_bad_options_are_one_sentence(run: Run, tmp_path: Path, args: list[str], named: str) -> None:
    made = run("solve", QUESTION, "--no-log", *(arg.format(tmp=tmp_path) for arg in args))
    assert made.exit_code in {1, 2}
    assert made.stdout == ""
    assert one_sentence(made.stderr), made.stderr
    assert named.format(tmp=tmp_path) in made.stderr


@pytest.mark.parametrize("file", sorted(path.name for path in PROFILE.glob("*") if path.suffix != ".md"))
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\0garbage", b"[]", b"{}"])
def test_a_corrupt_profile_is_one_sentence(run: Run, tmp_path: Path, file: str, content: bytes) -> None:
    shutil.copytree(PROFILE, tmp_path / "profile")
    (tmp_path / "profile" / file).write_bytes(content)
    made = run("solve", QUESTION, "--no-log", "--profile", str(tmp_path / "profile"))
    assert "for the traceback" not in made.stderr  # foreseen, not caught at the edge
    if file != "profile.json" and made.exit_code in ENDED:
        return  # not needed: the difficulty model is there in two forms
    assert made.exit_code in {1, 2}
    assert made.stdout == ""
    assert one_sentence(made.stderr), made.stderr


def test_no_budget_no_thinking(run: Run) -> None:
    assert solved(run, QUESTION, "--budget", "0")["usage"]["thinking"] == 0


@pytest.mark.parametrize("budget", [1, 7, 40])
def test_the_budget_holds(run: Run, budget: int) -> None:
    result = solved(run, "What is 64 - 17 + 45 - 23 + 81?", "--budget", str(budget), "--waits", "3")
    for attempt in result["attempts"]:
        assert sum(item["tokens"] for item in attempt["rounds"]) <= budget


def test_the_same_seed_gives_the_same(run: Run) -> None:
    args = [QUESTION, "--temperature", "0.8", "--seed", "5", "--no-adapt"]
    first, second = solved(run, *args), solved(run, *args)
    for result in (first, second):
        for usage in [result["usage"], *(attempt["usage"] for attempt in result["attempts"])]:
            del usage["seconds"]
    assert first == second


def test_one_attempt_when_it_may_not_adapt(run: Run) -> None:
    assert len(solved(run, "What is 6 * 7?", "--no-adapt")["attempts"]) == 1


def test_a_command_checks() -> None:
    made = in_a_process("solve", "What is 8 + 1?", "--check", "grep -qx 9", "--no-log", "--json")
    assert (made.returncode, made.stderr) == (0, b"")
    verdict = json.loads(made.stdout)["attempts"][-1]["verdict"]
    assert (verdict["accepted"], verdict["verifier"], verdict["score"]) == (True, "check", 1.0)


def test_a_command_that_rejects(run: Run) -> None:
    made = run("solve", "What is 8 + 1?", "--check", "grep -qx 8", "--samples", "0", "--show-thinking")
    assert (made.exit_code, made.stdout) == (3, "9\n")
    assert "rejected 9 (check, score 0.00): grep ends with 1\n" in made.stderr
    assert "Not accepted: grep ends with 1 (check, score 0.00).\n" in made.stderr
    assert "vote" not in made.stderr


def test_a_check_out_of_time_could_not_tell(run: Run) -> None:
    result = solved(run, "What is 8 + 1?", "--check", "sleep 60", "--check-timeout", "0.05", "--max-attempts", "1")
    assert result["attempts"][0]["verdict"]["decided"] is False


def test_a_vote_is_shown_a_line_a_sample(run: Run, tmp_path: Path) -> None:
    own = Profile.load(find_artifact("abacus") / "profile")
    replace(own, difficulty_model=lambda: None).save(tmp_path)
    args = ["--check", "grep -qx 8", "--samples", "2", "--show-thinking", "--json", "--profile", str(tmp_path)]
    made = run("solve", "What is 8 + 1?", *args)
    result = json.loads(made.stdout)
    shown = [line for line in made.stderr.splitlines() if line.startswith("sample ")]
    assert [a["arm"] for a in result["attempts"]].count("vote") == len(shown) == 2
    assert "\nvote, led by attempt " in made.stderr


def test_no_early_stops(run: Run) -> None:
    ends = [r for a in solved(run, QUESTION, "--stop", "none", "--budget", "64")["attempts"] for r in a["rounds"]]
    assert not any(one["stopped"] for one in ends)


def test_a_file_with_answers(tmp_path: Path, run: Run, log: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "What is 8 + 1?", "answer": 9}\n{"question": "What is 8 + 2?", "answer": "9"}\n')
    made = run("solve", "--file", str(file), "--json")
    results = [json.loads(line) for line in made.stdout.splitlines()]
    assert [r["reference"] for r in results] == [
        {"answer": "9", "right": True, "first_right": True},
        {"answer": "9", "right": False, "first_right": False},
    ]
    assert made.stderr == "Right: 1 of 2. Escalation made 0 wrong answers right and 0 right answers wrong.\n"
    with SolveLog(log) as store:
        assert {solve.result["reference"]["right"] for solve in store.list_recent()} == {True, False}


def test_outside_its_domain_it_names_a_way_out(run: Run) -> None:
    made = run("solve", "Who wrote the Odyssey, and what did Cavafy make of it?")
    assert made.exit_code in {3, 4}
    assert "name a real model, such as -m hf:" in made.stderr


def test_solves_are_logged(run: Run, log: Path) -> None:
    result = solved(run, QUESTION)
    with SolveLog(log) as store:
        assert store.get(1).result == result


HEARS = """
from adaptive.cli import main
from adaptive.cli.support import signals
signals.STOP_SECONDS = 10**6
main()
"""
"""The command without the alarm that ends it if its engine does not stop."""


def test_ctrl_c_stops_an_engine_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """Thinking shows that the solve runs; there are too many questions for it to end by itself."""
    file = tmp_path / "questions.txt"
    file.write_text("What is 64 - 17 + 45 - 23 + 81?\n" * 500)
    args = ["solve", "--file", str(file), "--show-thinking", "--effort", "high", "--no-adapt"]
    command = [sys.executable, "-c", HEARS, *args]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().strip()  # the difficulty
        assert process.stderr.readline().startswith("attempt 1")
        assert process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "Interrupted: " in rest
    assert "answer tokens spent in" in rest
    assert "Traceback" not in rest
