"""The real `adaptive fit`, killed at any call and run again: nothing paid for is lost, and the end is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fit.toy import ROOT, write_questions

COUNT = 32
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


def start_fit(folder: Path) -> subprocess.Popen[str]:
    more = {"ADAPTIVE_PROFILES": folder / "profiles", "TOY_CALLS": folder / "calls", "TOY_SECONDS": 0.005,
            "TOY_KNOWS": 1, "TOY_EXTRA": 20}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fit.toy", "fit", str(folder / "sums.jsonl"), "-m", "toy", "--yes",
         "--ladder", "0,16:medium,32:medium"],
        cwd=ROOT, env=os.environ | {name: str(value) for name, value in more.items()},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def read_calls(folder: Path) -> Iterator[tuple[Any, ...]]:
    file = folder / "calls"
    return (tuple(json.loads(line)) for line in (file.read_text().splitlines() if file.exists() else ()))


def read_figures(folder: Path) -> dict[str, Any]:
    (file,) = folder.glob("profiles/toy-*/fit.json")
    figures: dict[str, Any] = json.loads(file.read_text().replace(str(folder), "FOLDER"))
    figures["usage"]["seconds"] = 0
    return figures | {"date": "", "seconds": 0}


def end_at_call(folder: Path, process: subprocess.Popen[str], calls: int, number: int) -> None:
    """Send the signal once so many calls are in the log."""
    while process.poll() is None and sum(1 for _ in read_calls(folder)) < calls:
        time.sleep(0.002)
    process.send_signal(number)


@pytest.mark.slow
def test_a_fit_that_is_killed_again_and_again_ends_as_one_that_is_left_alone(tmp_path: Path) -> None:
    left_alone, killed = tmp_path / "alone", tmp_path / "killed"
    for folder in (left_alone, killed):
        folder.mkdir()
        write_questions(folder / "sums.jsonl", COUNT)
    alone = start_fit(left_alone)
    page, errors = alone.communicate()
    assert alone.returncode == 0, errors
    needed = Counter(read_calls(left_alone))

    rng = Random(7)
    for number in SIGNALS:
        process = start_fit(killed)
        more = rng.randrange(1, needed.total() // len(SIGNALS))
        end_at_call(killed, process, sum(1 for _ in read_calls(killed)) + more, number)
        out, errors = process.communicate()
        assert out == ""
        assert "Traceback" not in errors
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number)
        assert not list(killed.glob("profiles/toy-*"))
    last = start_fit(killed)
    out, errors = last.communicate()
    assert last.returncode == 0, errors
    assert read_figures(killed) == read_figures(left_alone)
    assert out.splitlines()[-1] == page.splitlines()[-1]

    made = Counter(read_calls(killed))
    assert not needed - made
    again = {prompt for prompt, *_ in made - needed}
    assert len(again) <= len(SIGNALS), "only the question that was being recorded is asked again"
