"""Runs generated cases in processes that may die, hang or swell, and says which cases were at fault.

Hypothesis generates the cases; a worker (`tests.fuzz.worker`) runs them one after the other and reports each. One
that takes too long is killed with its worker, and the next case goes to a new one.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

ROOT = Path(__file__).parents[2]
CASE_SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))
"""No case may take longer. `make fuzz` sets 10, for a machine that has nothing else to do."""
START_SECONDS = 300.0
"""A worker imports much before its first case."""
MOST_MEMORY = 1_000_000_000
"""Bytes that a worker may grow by."""
CHUNK = 250

Check = Callable[[Any], str]
"""Runs a case; returns what is wrong with what came of it, "" for nothing."""


@dataclass(frozen=True)
class Target:
    """Something to be attacked.

    Attributes:
        cases: What is generated. A case can be pickled.
        open_check: Opens the check in a worker, with a folder of its own.
        corpus: Cases that are always run: the faults of former runs, and what nobody may forget.
    """

    cases: SearchStrategy[Any]
    open_check: Callable[[Path], AbstractContextManager[Check]]
    corpus: Sequence[Any] = ()


@dataclass
class Report:
    """What came of a run: the faults with their cases, the slowest case in seconds, and a worker's growth.

    told: is told of each fault.
    """

    count: int = 0
    faults: list[tuple[Any, str]] = field(default_factory=list)
    slowest: float = 0.0
    growth: int = 0
    told: Callable[[str], object] = str

    def describe(self) -> str:
        """Return it in lines: the sums, and each kind of fault with one of its cases."""
        kinds = Counter(problem for _, problem in self.faults)
        first = {problem: case for case, problem in reversed(self.faults)}
        lines = [
            f"{self.count} cases, {len(self.faults)} at fault, the slowest {self.slowest:.1f} s, "
            f"memory grew by {self.growth / 1e6:.0f} MB"
        ]
        return "\n".join(
            [*lines, *(f"{n} x {problem}\n    {first[problem]!r}" for problem, n in kinds.most_common())]
        )


def generate(cases: SearchStrategy[Any], count: int, seed: int) -> list[Any]:
    """Return so many cases, the same for the same seed."""
    made: list[Any] = []
    quiet = settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    @hypothesis.seed(seed)
    @quiet
    @given(cases)
    def collect(case: Any) -> None:
        made.append(case)

    collect()
    return made[:count]


def fuzz(name: str, target: Target, count: int, seed: int = 0, *, told: Callable[[str], object] = str) -> Report:
    """Run the corpus of a target and so many generated cases.

    Args:
        name: The target's name in `tests.fuzz.targets`.
        target: The target.
        count: How many cases are generated.
        seed: Decides which.
        told: Is told how far it is.
    """
    report = Report(told=told)
    run_cases(name, list(target.corpus), report)
    for chunk, start in enumerate(range(0, count, CHUNK)):
        run_cases(name, generate(target.cases, min(CHUNK, count - start), seed + chunk), report)
        told(f"{name}: {report.count} cases, {len(report.faults)} at fault")
    return report


def run_cases(name: str, cases: Sequence[Any], report: Report) -> None:
    """Run cases in workers, and add what came of them to the report."""
    left = list(cases)
    while left:
        with _Worker(name, left) as worker:
            for problem, seconds, growth in worker.results():
                _add(report, left.pop(0), problem, seconds, growth)
            if left:
                _add(report, left.pop(0), worker.end(), 0.0, 0)


def _add(report: Report, case: Any, problem: str, seconds: float, growth: int) -> None:
    report.count += 1
    report.slowest, report.growth = max(report.slowest, seconds), max(report.growth, growth)
    if growth > MOST_MEMORY:
        problem = problem or f"memory grew by {growth / 1e6:.0f} MB"
    if problem:
        report.faults.append((case, problem))
        report.told(f"{problem}: {case!r:.500}")


class _Worker:
    """A process that runs cases; a context manager."""

    def __init__(self, name: str, cases: Sequence[Any]) -> None:
        self._problem = ""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", name], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._stderr, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        pickle.dump(cases, self._process.stdin)
        self._process.stdin.close()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._stderr.close()

    def results(self) -> Iterator[tuple[str, float, int]]:
        """Yield what came of each case until one has none: problem, seconds, growth in bytes."""
        assert self._process.stdout is not None
        limit = START_SECONDS
        while (data := _read_message(self._process.stdout, time.monotonic() + limit)) is not None:
            if not data:
                self._problem = self._problem or f"it took more than {CASE_SECONDS:g} s"
                return
            yield pickle.loads(data)
            limit = CASE_SECONDS

    def end(self) -> str:
        """Return why it ended before its cases did."""
        if self._problem:
            return self._problem
        code = self._process.wait()
        self._stderr.seek(0)
        last = self._stderr.read().decode(errors="replace").strip().splitlines()[-1:]
        return f"the process ended with {code}: {''.join(last)}"


def _read_message(stream: IO[bytes], until: float) -> bytes | None:
    """Return the next message; None at the end, and b"" if none comes in time."""
    head = _read_exactly(stream, 4, until)
    return head and _read_exactly(stream, struct.unpack("!I", head)[0], until)


def _read_exactly(stream: IO[bytes], count: int, until: float) -> bytes | None:
    data = b""
    while len(data) < count:
        if not select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
            return b""
        if not (part := os.read(stream.fileno(), count - len(data))):
            return None
        data += part
    return data
