"""Commands in forked processes, with a toy model, that can be killed at any moment or kept from writing.

This process must only import: what a fork inherits of running threads does not run in it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests.fuzz.world import judge, quiet_world, run_command

IMPORTED = (
    "adaptive.compare.run", "adaptive.fit.run", "adaptive.learn.fit.difficulty",
    "adaptive.learn.importing.importer", "adaptive.learn.train", "adaptive.learn.tuning.tune",
    "adaptive.solver.build",
)  # fmt: skip
"""What the commands import on first use: it is imported once, and not in each child."""
KILLED = -signal.SIGKILL
LATE_SECONDS = 300.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, or minus a signal's number, what it said, and how long it took."""

    code: int
    stderr: str
    seconds: float

    @property
    def problem(self) -> str:
        """What is wrong with that; "" for nothing."""
        return "" if self.code == KILLED else judge(self.code, self.stderr)


class Forked:
    """A command in a process of its own.

    Args:
        folder: Where it works.
        arguments: The command's.
        prepare: Called in the process before it.
    """

    def __init__(
        self, folder: Path, arguments: Sequence[str], prepare: Callable[[], object] = lambda: None
    ) -> None:
        self._channel, theirs = os.pipe()
        self._start = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._channel)
                os.chdir(folder)
                nothing = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(nothing, stream)
                prepare()
                code, _, stderr = run_command(arguments, b"", {"ADAPTIVE_LOG": "solves.db"})
                _write_all(theirs, json.dumps([code, stderr]).encode())
            finally:
                os._exit(0)
        os.close(theirs)

    def wait(self, kill_after: float | None = None) -> Ended:
        """Return how it ended, by itself or by a SIGKILL after so many seconds."""
        until = self._start + (LATE_SECONDS if kill_after is None else kill_after)
        data = b""
        while select.select([self._channel], [], [], max(0.0, until - time.monotonic()))[0]:
            if not (part := os.read(self._channel, 65536)):
                break
            data += part
        else:
            os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._channel)
        seconds, code = time.monotonic() - self._start, os.waitstatus_to_exitcode(status)
        if code == KILLED and kill_after is None:
            return Ended(1, f"it took more than {LATE_SECONDS:g} s", seconds)
        if code == KILLED:
            return Ended(KILLED, "", seconds)
        if not data:
            return Ended(1, "Traceback: it ended without a word", seconds)
        return Ended(*json.loads(data), seconds=seconds)


def _write_all(channel: int, data: bytes) -> None:
    while data:
        data = data[os.write(channel, data) :]


def run(folder: Path, arguments: Sequence[str], prepare: Callable[[], object] = lambda: None) -> Ended:
    """Run a command to its end."""
    return Forked(folder, arguments, prepare).wait()


def limit_files(size: int) -> Callable[[], None]:
    """Return what keeps a process from making any file larger than so many bytes, as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Make fits, searches and intervals short, and draw nothing: what they find does not matter here."""
    from adaptive.bench import metrics
    from adaptive.learn.report import plots
    from tests.learn.fitted import fit_quickly, quickly

    fit_quickly(patch)
    quickly(patch)
    patch.setattr(metrics, "BOOTSTRAP_SAMPLES", 20)
    patch.setattr(plots, "write_reliability_plots", lambda *_: ([], ""))


@contextmanager
def forking_world(folder: Path) -> Iterator[None]:
    """The world of all these commands (`quiet_world`), in which fits and searches are short."""
    with quiet_world(folder), pytest.MonkeyPatch.context() as patch:
        for module in IMPORTED:
            import_module(module)
        shorten(patch)
        yield
