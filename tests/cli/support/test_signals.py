"""Time limits and signals: what was spent is told, and the process ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adaptive.cli.support.errors import Interrupted
from adaptive.cli.support.signals import run_until_signal, solve_one
from adaptive.errors import AdaptiveError
from adaptive.solver.spent import SpentTokens
from tests.cli.conftest import Run
from tests.cli.stub import EVENTS, PROBE, RESULT, ROOT, Solver
from tests.support.clock import LeapingClock
from tests.support.solving import HangingEngine, profile

SPENT = "6 thinking and 0 answer tokens spent in 1 attempt"


def test_the_tally_counts_each_token_once() -> None:
    tally = SpentTokens()
    for event in EVENTS:
        tally.count_event(event)
    assert str(tally) == "16 thinking and 4 answer tokens spent in 2 attempts"


def test_the_tally_counts_samples_side_by_side() -> None:
    tally = SpentTokens()
    for event in EVENTS[1:6]:
        for number in (1, 2):
            tally.count_event({**event, "attempt": number, "sample": number})
            assert tally.sum_totals()[1] in {0, 6, 12, 13, 14}  # the first to end takes nothing from the other
    assert str(tally) == "14 thinking and 4 answer tokens spent in 2 attempts"


def test_the_tally_counts_probes_and_the_one_that_is_the_answer_once() -> None:
    probe, thinking, end, answer = ({**e, "attempt": 0} for e in (PROBE, EVENTS[2], EVENTS[3], EVENTS[12]))
    tally = SpentTokens()
    for event in (thinking, probe, {**PROBE, "attempt": 1}, thinking):
        tally.count_event(event)
    assert str(tally) == "12 thinking, 6 probe and 0 answer tokens spent in 0 attempts"
    for event in (probe, {**answer, "tokens": 3}, {**end, "tokens": 12}):
        tally.count_event(event)
    assert str(tally) == "12 thinking, 6 probe and 3 answer tokens spent in 0 attempts"
    tally.count_event({**answer, "attempt": 1, "tokens": 3})
    assert tally.sum_totals() == (0, 12, 3, 6)


def test_an_answer_after_the_round_is_no_probe() -> None:
    tally = SpentTokens()
    for event in (PROBE, EVENTS[3], EVENTS[12]):
        tally.count_event({**event, "attempt": 0})
    assert tally.sum_totals() == (0, 7, 3, 2)


async def test_the_result_is_the_state_s_last_word() -> None:
    seen: list[Any] = []
    assert await solve_one(Solver(), "q", seen.append) == {**RESULT, "question": "q"}
    assert seen == EVENTS


def real(monkeypatch: pytest.MonkeyPatch, calls: int, clock: LeapingClock | None = None) -> HangingEngine:
    """The real workflow on an engine that never ends its call after so many."""
    engine = HangingEngine(hangs_after=calls, on_hang=clock and clock.leap)
    monkeypatch.setattr("adaptive.solver.model.open_engine", lambda spec: engine)
    monkeypatch.setattr("adaptive.solver.model.load_engine_profile", lambda *_: profile())
    return engine


@pytest.mark.parametrize("as_variable", [False, True])
def test_time_is_up(run: Run, monkeypatch: pytest.MonkeyPatch, clock: LeapingClock, as_variable: bool) -> None:
    engine = real(monkeypatch, 0, clock)
    if as_variable:
        monkeypatch.setenv("ADAPTIVE_TIMEOUT", "1000")
    made = run("solve", "q", *([] if as_variable else ["--timeout", "1000"]))
    assert (made.exit_code, made.stdout) == (1, "")
    spent = "0 thinking and 0 answer tokens spent in 1 attempt"
    assert made.stderr == f"Error: no answer within 1000 s, {spent}: raise timeout or lower the budget.\n"
    assert not engine._sessions


def test_time_is_up_after_an_attempt(run: Run, monkeypatch: pytest.MonkeyPatch, clock: LeapingClock) -> None:
    engine = real(monkeypatch, 1, clock)
    made = run("solve", "q", "--timeout", "1000")
    assert (made.exit_code, made.stdout) == (3, "0q\n")
    assert made.stderr.startswith("Not accepted: ")
    assert made.stderr.endswith("\nStopped: reached the limit of 1000 s.\n")
    assert not engine._sessions


def test_a_file_s_questions_each_have_their_time(
    run: Run, monkeypatch: pytest.MonkeyPatch, clock: LeapingClock, tmp_path: Path
) -> None:
    real(monkeypatch, 1, clock)
    file = tmp_path / "questions.txt"
    file.write_text("a\nb\n")
    made = run("solve", "--file", str(file), "--timeout", "1000")
    assert (made.exit_code, made.stdout) == (1, "0a\n\n")


def test_what_it_cost_and_the_limit_of_it(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real(monkeypatch, 99)
    prices = tmp_path / "prices.toml"
    prices.write_text("[scripted]\ninput = 1\noutput = 10\n")
    made = run("solve", "q", "-u", "--prices", str(prices), "--max-cost", "0.0001")
    assert made.exit_code == 3
    assert "\nStopped: reached the limit of $0.0001, $" in made.stderr
    made = run("solve", "q", "-u", "--price", "scripted=1/10")
    assert "cost not known" not in made.stderr
    assert ", cost 0.0" in made.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--max-cost", "0"], "'--max-cost': 0.0 is not in the range x>0"),
        (["--price", "m=1"], "the price 'm=1' must be MODEL=INPUT/OUTPUT"),
        (["--prices", "/no/such.toml"], "the prices /no/such.toml cannot be read"),
        (["--max-cost", "1"], "a limit of $1 cannot be kept: the price of scripted is not known"),
        (
            ["--max-cost", "1", "--price", "scripted=1/2", "--judge", "a:x"],
            "the price of a:x is not known",
        ),
    ],
)
def test_what_cannot_be_paid_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    engine = real(monkeypatch, 99)
    made = run("solve", "q", *args)
    assert (made.exit_code, made.stdout, made.stderr.count("\n"), engine.calls) == (2, "", 1, [])
    assert said in made.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels(number: signal.Signals, code: int) -> None:
    """In this process: the handlers that were there before are there again."""
    stopped = []

    async def work() -> None:
        signal.raise_signal(number)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted) as caught:
        run_until_signal(work(), SpentTokens())
    assert (caught.value.exit_code, stopped) == (code, [True])
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_cancellations_are_not_signals() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_signal(work(), SpentTokens())


def test_results_and_errors_pass_through() -> None:
    async def work(fails: bool) -> int:
        if fails:
            raise AdaptiveError("broken")
        return 7

    assert run_until_signal(work(fails=False), SpentTokens()) == 7
    with pytest.raises(AdaptiveError, match="broken"):
        run_until_signal(work(fails=True), SpentTokens())


NEVER, HANGS = str(10**6), 120  # seconds: a process that takes so long hangs


def interrupted(script: str, *numbers: signal.Signals, stop_seconds: str = NEVER) -> tuple[int, str]:
    """Exit code and stderr after signals that are sent when thinking shows.

    With `stop_seconds` at `NEVER` no alarm ends the process: then it ended because it heard the signals.
    """
    command = [sys.executable, "-m", "tests.cli.stub", script, "solve", "q", "--show-thinking"]
    pipes, environment = (
        {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
        {**os.environ, "STUB_STOP_SECONDS": stop_seconds},
    )
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        assert process.stderr is not None
        shown = ""
        while not shown.endswith("47+38=85"):
            shown += process.stderr.read(1)
        for number in numbers:
            process.send_signal(number)
        try:
            answer, rest = process.communicate(timeout=HANGS)
        finally:
            process.kill()
    assert answer == ""
    return process.returncode, rest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_says_what_was_spent(number: signal.Signals, code: int) -> None:
    assert interrupted("hangs", number) == (code, f"\nInterrupted: {SPENT}.\n")


def test_a_model_that_does_not_listen_is_left() -> None:
    code, said = interrupted("deaf", signal.SIGINT, stop_seconds="0.1")
    assert code == 130
    assert said.endswith("spent in 2 attempts.\n")


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    code, _ = interrupted("deaf", signal.SIGINT, signal.SIGTERM)
    assert code in {130, 143}  # whichever of the two the kernel delivers last
