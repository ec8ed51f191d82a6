"""Solves in several processes that are killed, and what their logs say: used by the tests of kills."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.kill_log import read_log

ROOT = Path(__file__).parents[2]
BETWEEN = 60.0
"""Events from a start to a kill at any moment, in the mean."""
Kill = tuple[str, str, int]
"""A node, a moment, and the number of the time: see `tests.support.killed`."""


@dataclass
class Life:
    """What one process found saved, and what it started and ended; `calls` has the node that made each call."""

    pid: int
    saved: list[str] = field(default_factory=list)
    start: list[str] = field(default_factory=list)
    end: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @property
    def done(self) -> list[str]:
        """All nodes that were saved or started, in their order."""
        return self.saved + self.start


@dataclass
class Solve:
    """One solve in several processes, by its log.

    model: what the processes are told of the model; nothing for the embedded one.
    """

    question: str
    options: dict[str, Any]
    folder: Path
    thread: str
    saver: str
    model: dict[str, Any] = field(default_factory=dict)
    kills: int = 0

    def line(self, kill: Sequence[Any]) -> str:
        """What a process is asked."""
        return json.dumps({"saver": self.saver, "log": str(self.log), "thread": self.thread, "kill": kill,
                           "question": self.question, "options": self.options, **self.model})  # fmt: skip

    @property
    def log(self) -> Path:
        return self.folder / f"{self.thread}.log"

    @property
    def result(self) -> dict[str, Any] | None:
        return next((value for kind, value in read_log(self.log) if kind == "result"), None)

    def lives(self) -> list[Life]:
        lives: list[Life] = []
        for kind, value in read_log(self.log):
            if kind == "life":
                lives.append(Life(value))
            elif kind == "saved":
                lives[-1].saved = value
            elif kind == "call":  # which may come after the death of its process
                life = next(one for one in lives if one.pid == value)
                life.calls.append(life.start[-1])
            elif kind != "result":
                getattr(lives[-1], kind).append(value)
        return lives


@dataclass
class Processes:
    """The process that forks a child for each line. `pid` is the child that runs now, 0 until that is known."""

    server: subprocess.Popen[str]
    random: random.Random = field(default_factory=lambda: random.Random(6))
    pid: int = 0

    def run(self, solve: Solve, kill: Kill | None = None) -> None:
        """One process of a solve: to its end, or to its kill."""
        self._begin(solve, kill or ())
        self._wait(solve)

    def run_for_a_while(self, solve: Solve) -> None:
        """One process of a solve, killed after some events unless it ends before."""
        self._begin(solve, ())
        left = int(self.random.expovariate(1 / BETWEEN))
        while not (said := self._read()).startswith("gone") and left:
            left -= said.startswith("event")
        if said.startswith("gone"):
            return
        os.kill(self.pid, signal.SIGKILL)
        self._wait(solve)

    def _begin(self, solve: Solve, kill: Sequence[Any]) -> None:
        assert self.server.stdin
        self.pid = 0
        self.server.stdin.write(solve.line(kill) + "\n")
        self.server.stdin.flush()
        self.pid = int(self._read().removeprefix("pid "))

    def _wait(self, solve: Solve) -> None:
        """Wait for the end of the process, and count it if it was killed."""
        while not (said := self._read()).startswith("gone"):
            pass
        solve.kills += said.split() == ["gone", str(signal.SIGKILL.value)]

    def _read(self) -> str:
        assert self.server.stdout
        said = self.server.stdout.readline()
        assert said, "the process ended"
        assert said != "failed\n", "a solve failed: see stderr"
        return said


@contextmanager
def open_processes() -> Iterator[Processes]:
    """The process that forks, with one thread and LangGraph's strict reading of checkpoints."""
    alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LANGGRAPH_STRICT_MSGPACK": "true"}
    command, pipe = [sys.executable, "-m", "tests.support.killed"], subprocess.PIPE
    environment = {**os.environ, **alone, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment) as server:
        yield Processes(server)
        assert server.stdin
        server.stdin.close()


def check_path(solve: Solve, whole: Solve) -> None:
    """Nothing that was saved was run again, nothing was left out, and the result is that of the whole solve."""
    (path,) = [life.start for life in whole.lives()]
    lives = solve.lives()
    for life, after in zip(lives, [*lives[1:], None], strict=True):
        assert life.done == path[: len(life.done)], "nothing that was saved is run again, and nothing is left out"
        if after is not None:
            assert after.saved == life.done[: len(after.saved)]
            lost = len(life.saved) + len(life.end) - len(after.saved)
            assert lost <= (4 if "sample" in life.end else 1), "only what ended just before may be lost"
    assert lives[-1].saved + lives[-1].end == path
    assert solve.result
    assert whole.result
    assert without_times(solve.result) == without_times(whole.result)


def without_times(value: Any) -> Any:
    """A result without what depends on when and where it was made: seconds, and what an engine's cache had."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in ("seconds", "cached")}
    return [without_times(one) for one in value] if isinstance(value, list) else value
