"""Killed with SIGKILL at 50 moments, a solve goes on from what was saved: every time, and without paying twice.

Real processes, the embedded reasoner and a file of SQLite; the moment is an event seen on stdout.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.solving import uncached

ROOT = Path(__file__).parents[2]
KILLS, MOST = 50, 10  # in all, and of one solve
BETWEEN = 60.0  # events from a start to a kill, in the mean
HARD = "What is 9 * 8 * 7 - 6 * (5 + 4) + 3?"
LONG = {"stop": "none", "max_attempts": 3}
ASKED: list[tuple[str, dict[str, Any]]] = [
    (HARD, LONG),
    ("What is 123 * 45?", LONG),
    (HARD, {"stop": "none", "max_attempts": 2, "effort": "low", "budget": 32, "samples": 4}),
]


@dataclass
class Solve:
    """One solve in several processes, by its log."""

    question: str
    options: dict[str, Any]
    folder: Path
    thread: str
    kills: int = 0

    def line(self) -> str:
        """What a process is asked."""
        return json.dumps({"file": str(self.folder / "threads.db"), "log": str(self.log), "thread": self.thread,
                           "question": self.question, "options": self.options})  # fmt: skip

    @property
    def log(self) -> Path:
        return self.folder / f"{self.thread}.log"

    @property
    def lines(self) -> list[tuple[str, Any]]:
        """Whole lines of the log."""
        text = self.log.read_text() if self.log.exists() else ""
        return [tuple(json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def result(self) -> dict[str, Any] | None:
        return next((value for kind, value in self.lines if kind == "result"), None)

    def lives(self) -> list[dict[str, list[str]]]:
        """What each process found saved, started and ended."""
        lives: list[dict[str, list[str]]] = []
        for kind, value in self.lines:
            if kind == "saved":
                lives.append({"saved": value, "start": [], "end": []})
            elif kind != "result":
                lives[-1][kind].append(value)
        return lives


@dataclass
class Processes:
    """The process that forks a child for each line."""

    server: subprocess.Popen[str]
    random: random.Random = field(default_factory=lambda: random.Random(6))

    def run(self, solve: Solve, kill: bool) -> None:
        """One process of a solve: to its end, or killed after some events where `kill`."""
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(solve.line() + "\n")
        self.server.stdin.flush()
        pid = int(self.server.stdout.readline().removeprefix("pid "))
        left = int(self.random.expovariate(1 / BETWEEN)) if kill else None
        while (said := self.server.stdout.readline()) != "gone\n" and left != 0:
            assert said, "the process ended"
            left = left and left - said.startswith("event")
        if said != "gone\n":
            os.kill(pid, signal.SIGKILL)
            solve.kills += 1
            while self.server.stdout.readline() != "gone\n":
                pass


@pytest.fixture
def processes() -> Iterator[Processes]:
    alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LANGGRAPH_STRICT_MSGPACK": "true"}
    command, pipe = [sys.executable, "-m", "tests.support.killed"], subprocess.PIPE
    environment = {**os.environ, **alone, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment) as server:
        yield Processes(server)
        server.stdin.close()  # type: ignore[union-attr]


def check(solve: Solve, whole: Solve) -> None:
    (path,) = [life["start"] for life in whole.lives()]
    lives = solve.lives()
    for life, after in zip(lives, [*lives[1:], None], strict=True):
        done = life["saved"] + life["start"]
        assert done == path[: len(done)], "nothing that was saved is run again, and nothing is left out"
        if after is not None:
            assert after["saved"] == done[: len(after["saved"])]
            lost = len(life["saved"]) + len(life["end"]) - len(after["saved"])
            assert lost <= (4 if "sample" in life["end"] else 1), "only what ended just before may be lost"
    assert lives[-1]["saved"] + lives[-1]["end"] == path
    assert solve.result
    assert whole.result
    assert uncached(solve.result) == uncached(whole.result)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_pays_nothing_twice(processes: Processes, tmp_path: Path) -> None:
    whole = [Solve(*asked, tmp_path, f"whole {number}") for number, asked in enumerate(ASKED)]
    for one in whole:
        processes.run(one, kill=False)
    solves: list[Solve] = []
    while (left := KILLS - sum(s.kills for s in solves)) > 0:
        place = len(solves) % len(ASKED)
        solve = Solve(*ASKED[place], tmp_path, str(len(solves)))
        while solve.result is None:
            processes.run(solve, kill=solve.kills < min(MOST, left))
        check(solve, whole[place])
        solves.append(solve)
    assert sum(s.kills for s in solves) == KILLS
