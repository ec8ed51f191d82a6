"""A short run of each target, and of what happens to those who write: `make fuzz` has the long ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz.harness import ROOT, fuzz
from tests.fuzz.targets import TARGETS, load_target

COUNT = 40


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_generated_cases(name: str) -> None:
    report = fuzz(name, load_target(name), COUNT)
    assert not report.faults, report.describe()


@pytest.mark.slow
def test_each_reader_reads_its_file() -> None:
    command = [sys.executable, "-m", "tests.fuzz.files"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kills", "beside", "full", "unwritable"])
def test_those_who_write(how: str) -> None:
    """Each verb once: killed, beside another of its kind, on a full disk, and where it may not write."""
    command = [sys.executable, "-m", "tests.fuzz.writers", how]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
