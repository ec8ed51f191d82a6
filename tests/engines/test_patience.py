"""Servers that are slow, gone for a while or gone for good, as processes where that is the matter."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adaptive._util.files import find_artifact
from adaptive._util.http import FIRST_PAUSE, ServerRetryPolicy
from adaptive.engines.completions import CompletionsEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.errors import AdaptiveError
from tests.cli.conftest import Run
from tests.cli.stub import ROOT
from tests.engines.asking import Asker
from tests.engines.serving import Faulty, serving
from tests.support.clock import LIMIT, LeapingClock

QUESTION = "What is 64 - 17 + 45 - 23 + 81?"
HF = str(find_artifact("abacus") / "hf")


async def test_a_call_that_waits_for_its_turn_is_not_late(
    engine: OnnxEngine, session: str, clock: LeapingClock
) -> None:
    with serving(Faulty(engine, root=HF, on_hang=clock.leap)) as server:
        client = CompletionsEngine(server.url, concurrency=1, timeout=LIMIT)
        server.faults = ["slow"]
        ask = Asker(client, session)
        first, second = await asyncio.gather(*(ask(ask.prompt(), 2) for _ in range(2)), return_exceptions=True)
        await client.close()
    assert f"did not finish within {LIMIT} s" in str(first)
    assert not isinstance(second, BaseException)


def test_the_pauses_span_two_minutes() -> None:
    patience = ServerRetryPolicy()
    pauses = [min(FIRST_PAUSE * 2**n, patience.pause) for n in range(patience.retries)]
    assert 120 <= sum(pauses) <= 140 < patience.timeout


@contextmanager
def process(*args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-m", "tests.engines.serving", *args]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            yield server, port
        finally:
            server.kill()


@contextmanager
def solving(port: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`adaptive solve` on the server, in the middle of its thinking; the rest of its stderr is to be read."""
    url, profile = f"http://127.0.0.1:{port}/v1", str(find_artifact("abacus") / "profile")
    command = [sys.executable, "-m", "adaptive.cli", "solve", QUESTION, "-m", url, "--profile", profile]
    command += ["--no-log", "--show-thinking", "--no-adapt", "--effort", "high", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, bufsize=1, **pipes) as solve:  # type: ignore[call-overload]
        while not solve.stderr.readline().startswith("attempt 1"):
            assert solve.poll() is None
        assert solve.stderr.read(1)
        yield solve


@pytest.mark.slow
def test_a_server_that_is_killed_and_started_again_finishes_the_solve(run: Run) -> None:
    own = run("solve", QUESTION, "--no-log", "--no-adapt", "--effort", "high")
    with process("0", "3") as (stalls, port), solving(port, "-o", "pause=0.1", "-o", "retries=600") as solve:
        os.kill(stalls.pid, signal.SIGKILL)
        stalls.wait()
        with process(port):
            said = solve.stderr.read()  # type: ignore[union-attr]
            assert (solve.wait(), solve.stdout.read()) == (own.exit_code, own.stdout), said  # type: ignore[union-attr]
    assert f"Warning: the server http://127.0.0.1:{port}/v1: " in said
    assert "; asked again in " in said


def test_one_that_stays_away_is_one_sentence_with_what_was_spent() -> None:
    with process("0", "3") as (stalls, port), solving(port, "-o", "pause=0.01", "-o", "retries=2") as solve:
        assert solve.stderr.read(2) == "4-"  # type: ignore[union-attr]  # each is a token, and all three are there
        os.kill(stalls.pid, signal.SIGKILL)
        said = solve.stderr.read()  # type: ignore[union-attr]
        assert (solve.wait(), solve.stdout.read()) == (1, "")  # type: ignore[union-attr]
    last = said.splitlines()[-1]
    assert last.startswith(f"Error: the server http://127.0.0.1:{port}/v1 does not answer (")
    assert last.endswith(", asked 3 times): is it running? (3 thinking and 0 answer tokens spent in 1 attempt)")
    assert "Traceback" not in said


def test_no_server_at_the_start_is_told_soon(run: Run) -> None:
    made = run("solve", QUESTION, "-m", "http://127.0.0.1:9/v1", "-o", "pause=0.01", "--no-log")
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr.splitlines()[-1].endswith("asked 4 times): is it running?")


@pytest.mark.parametrize("fault", [429, 500, "garbage", "slow"])
async def test_whatever_goes_wrong_is_one_sentence(
    engine: OnnxEngine, session: str, clock: LeapingClock, fault: object
) -> None:
    with serving(Faulty(engine, root=HF, on_hang=clock.leap)) as server:
        client = CompletionsEngine(server.url, retries=1, timeout=LIMIT)
        server.faults = [fault] * 2
        ask = Asker(client, session)
        with pytest.raises(AdaptiveError) as caught:
            await ask(ask.prompt(), 2)
        await client.close()
    assert "\n" not in str(caught.value)
