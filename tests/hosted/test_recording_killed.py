"""The real `adaptive record` on a hosted model, killed again and again: each attempt once, the limit kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from adaptive.learn.data.call_journal import CallJournal
from tests.hosted.clients import PROVIDERS
from tests.hosted.planted import Planted, write_questions
from tests.hosted.recorded import EFFORTS, build_command, price_call, read_rows, record
from tests.hosted.server import Hosted

QUESTIONS, KILLS, AT_ONCE, LATE = 16, 6, 4, 120.0
BRAIN = Planted(QUESTIONS)
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)
ATTEMPTS = 4 * QUESTIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_killed_recording_goes_on_with_nothing_doubled_or_lost(name: str, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "questions.jsonl", QUESTIONS)
    killed, whole, rng = tmp_path / "killed.db", tmp_path / "whole.db", random.Random(7)
    how = ("--efforts", EFFORTS, "--samples", "1", "--concurrency", str(AT_ONCE))
    spec, limit = PROVIDERS[name].spec, 50.0
    with Hosted(BRAIN) as hosted:
        command = build_command(name, hosted, questions, killed, *how, "--max-cost", str(limit))
        for number in SIGNALS:
            run = subprocess.Popen(
                [sys.executable, "-m", "adaptive.cli", *command], stderr=subprocess.PIPE, text=True
            )
            goal, late = len(hosted.asked) + rng.randrange(1, 8), time.monotonic() + LATE
            while run.poll() is None and len(hosted.asked) < goal and time.monotonic() < late:
                os.sched_yield()
            run.send_signal(number)
            _, said = run.communicate()
            assert run.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number), said
            assert "Traceback" not in said
        assert len(read_rows(killed)) < ATTEMPTS
        shown = record(name, hosted, questions, killed, *how, "--max-cost", str(limit))
        asked = list(hosted.asked)
        record(name, hosted, questions, whole, *how)
    assert read_rows(killed) == read_rows(whole)
    assert len(read_rows(killed)) == ATTEMPTS
    again = Counter((one.question, one.effort, one.seed) for one in asked)
    assert len(asked) - ATTEMPTS <= KILLS * AT_ONCE, "only what was in flight is bought again"
    if name == "openai":  # whose calls tell a sample by its seed
        assert max(again.values()) <= 1 + KILLS
        assert len(again) == ATTEMPTS
    assert "calls were cut off by the end of a former run: they count with $" in shown
    with CallJournal(killed) as journal:
        counted = journal.sum_costs()
    assert counted is not None
    assert sum(price_call(one, BRAIN, spec) for one in asked) <= counted <= limit
