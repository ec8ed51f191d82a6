"""math-verify in a process of its own, kept over many questions and killed where it does not end.

Sympy can hang on a few characters (a tower of powers), inside one multiplication that no signal handler and no
other thread interrupts. So the limit is held from outside. `adaptive._util.reaper` stands between: it kills the
process when the channel to it closes, which the kernel does when this program is killed, too.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adaptive._util import reaper
from adaptive._util.deadline import check_time_limit
from adaptive._util.process import GONE_SECONDS
from adaptive._util.redact import redact_text
from adaptive.answers import math_child
from adaptive.types.verdict import CannotTell

START_SECONDS = 60.0
"""How long the process may take to begin: it imports sympy, on a machine that may be busy."""

LONGEST_TEXT = 2000
"""Characters of the longest text that is given to sympy."""

NOT_INSTALLED = "math-verify is not installed: pip install 'adaptive-thinking[learn]'"


def is_math_verify_installed() -> bool:
    """Whether math-verify can be asked here."""
    return find_spec("math_verify") is not None


@dataclass(frozen=True)
class MathVerifyResult:
    """What math-verify says of two texts; `unread`: "reference" or "answer" where it cannot read that one."""

    same: bool
    unread: str = ""


class MathVerifyProcess:
    """One process, started at the first question and again after one that had to be killed.

    seconds: how long one question may take. Any thread may ask; they wait for each other.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self.seconds = check_time_limit(seconds)
        self._lock = threading.Lock()
        self._running: _ReapedProcess | None = None

    def ask(self, reference: str, answer: str) -> MathVerifyResult:
        """Whether the two are the same; `CannotTell` where that has no end, or no answer."""
        for what, text in (("reference", reference), ("answer", answer)):
            if len(text) > LONGEST_TEXT:
                raise CannotTell(
                    f"the {what} has {len(text)} characters, math-verify is given {LONGEST_TEXT} at most"
                )
        with self._lock:
            told = self._ask_child(reference, answer)
        if "error" in told:
            raise CannotTell(f"math-verify failed on it ({redact_text(told['error'])})")
        return MathVerifyResult(told["same"], told.get("unread", ""))

    def close(self) -> None:
        """End the process; the next question would start another."""
        with self._lock:
            self._end()

    def _ask_child(self, reference: str, answer: str) -> dict[str, Any]:
        done = False
        try:
            if self._running is None:
                self._running = _start_process()
            told = self._running.exchange([reference, answer], self.seconds)
            done = True
            return told
        except TimeoutError:
            raise CannotTell(f"math-verify did not end within {self.seconds:g} s") from None
        except (OSError, EOFError) as error:
            raise CannotTell(f"math-verify's process ended ({redact_text(str(error))})") from error
        finally:
            if not done:  # an interrupted one, too: its answer would be taken for the next one's
                self._end()

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None


@dataclass
class _ReapedProcess:
    """The keeper of a process that has begun, the channel that keeps it alive, and the one to talk to it."""

    reaper: subprocess.Popen[bytes]
    channel: socket.socket
    talk: socket.socket

    def exchange(self, question: list[str] | None, seconds: float) -> dict[str, Any]:
        """Its next line, after a question; `TimeoutError`, `EOFError` or `OSError` where none comes."""
        until = time.monotonic() + seconds
        if question is not None:
            self.talk.settimeout(seconds)
            self.talk.sendall(json.dumps(question).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            self.talk.settimeout(max(until - time.monotonic(), 1e-3))
            chunk = self.talk.recv(4096)
            if not chunk:
                raise EOFError("it said nothing")
            line += chunk
        return dict(json.loads(line))

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self.talk.close()
        self.channel.close()
        try:
            self.reaper.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            self.reaper.kill()
            self.reaper.wait()


def _start_process() -> _ReapedProcess:
    """A process that waits for its first question; `CannotTell` where there is none to be had."""
    if not is_math_verify_installed():
        raise CannotTell(NOT_INSTALLED)
    if os.name != "posix":
        raise CannotTell("math-verify can be asked on Linux and macOS only")
    running = _spawn_process()
    error: str | None = "it did not begin"
    try:
        error = running.exchange(None, START_SECONDS).get("error")
    except TimeoutError:
        error = f"it did not begin within {START_SECONDS:g} s"
    finally:
        if error is not None:
            running.end()
    if error is not None:
        raise CannotTell(f"math-verify does not start ({redact_text(error)})")
    return running


def _spawn_process() -> _ReapedProcess:
    ours, theirs = socket.socketpair()
    talk, talked = socket.socketpair()
    python = sys.executable or "python3"
    # -P: this folder has files named as others' modules are. -W: whatever PYTHONWARNINGS asks for.
    child = [python, "-P", "-W", "ignore", str(Path(math_child.__file__))]
    with theirs, talked:
        keep = [python, "-I", "-S", str(Path(reaper.__file__)), str(theirs.fileno())]
        kept = subprocess.Popen(
            [*keep, *child], stdin=talked.fileno(), stdout=talked.fileno(), stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()], start_new_session=True)  # fmt: skip
    ours.sendall(b"!")
    return _ReapedProcess(kept, ours, talk)
