"""math-verify in a process of its own, which serves many questions and is killed if it does not answer in time.

Sympy can hang on a few characters (a tower of powers), inside one multiplication that no signal handler and no
other thread interrupts. So the time limit is enforced from outside. `adaptive._util.reaper` stands between: it
kills the process when its channel closes, which the kernel does too when this program is killed.
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
"""The time that the process may take to start: it imports sympy, perhaps on a busy machine."""

LONGEST_TEXT = 2000
"""The most characters of a text that sympy reads."""

NOT_INSTALLED = "math-verify is not installed: pip install 'adaptive-thinking[learn]'"


def is_math_verify_installed() -> bool:
    """Whether math-verify is installed."""
    return find_spec("math_verify") is not None


@dataclass(frozen=True)
class MathVerifyResult:
    """Whether two texts are the same to math-verify; `unread` names the "reference" or "answer" it cannot read."""

    same: bool
    unread: str = ""


class MathVerifyProcess:
    """A process that starts at the first question, and again after it had to be killed. It is thread-safe.

    Args:
        seconds: The time that one question may take.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self.seconds = check_time_limit(seconds)
        self._lock = threading.Lock()
        self._running: _ReapedProcess | None = None

    def ask(self, reference: str, answer: str) -> MathVerifyResult:
        """Return whether the two are the same. Raise `CannotTell` if there is no answer in time."""
        for role, text in (("reference", reference), ("answer", answer)):
            if (length := len(text)) > LONGEST_TEXT:
                raise CannotTell(
                    f"the {role} has {length} characters, math-verify is given {LONGEST_TEXT} at most"
                )
        with self._lock:
            reply = self._ask_child(reference, answer)
        if "error" in reply:
            raise CannotTell(f"math-verify failed on it ({redact_text(reply['error'])})")
        return MathVerifyResult(reply["same"], reply.get("unread", ""))

    def close(self) -> None:
        """End the process. The next question would start another."""
        with self._lock:
            self._end()

    def _ask_child(self, reference: str, answer: str) -> dict[str, Any]:
        done = False
        try:
            if self._running is None:
                self._running = _start_process()
            reply = self._running.exchange([reference, answer], self.seconds)
            done = True
            return reply
        except TimeoutError:
            raise CannotTell(f"math-verify did not end within {self.seconds:g} s") from None
        except (OSError, EOFError) as error:
            raise CannotTell(f"math-verify's process ended ({redact_text(str(error))})") from error
        finally:
            if not done:  # an interrupt too: the answer would be taken for the next question's
                self._end()

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None


@dataclass
class _ReapedProcess:
    """A running process: its reaper, the channel that keeps it alive, and the socket to talk to it."""

    reaper: subprocess.Popen[bytes]
    channel: socket.socket
    talk: socket.socket

    def exchange(self, question: list[str] | None, seconds: float) -> dict[str, Any]:
        """Send a question, if any, and return the reply. Raise `TimeoutError`, `EOFError` or `OSError`."""
        deadline = time.monotonic() + seconds
        if question is not None:
            self.talk.settimeout(seconds)
            self.talk.sendall(json.dumps(question).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            self.talk.settimeout(max(deadline - time.monotonic(), 1e-3))
            chunk = self.talk.recv(4096)
            if not chunk:
                raise EOFError("it wrote nothing")
            line += chunk
        return dict(json.loads(line))

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self.talk.close()
        self.channel.close()
        try:
            self.reaper.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            self.reaper.kill()
            self.reaper.wait()


def _start_process() -> _ReapedProcess:
    """Return a process that waits for its first question. Raise `CannotTell` if it cannot start."""
    if not is_math_verify_installed():
        raise CannotTell(NOT_INSTALLED)
    if os.name != "posix":
        raise CannotTell("math-verify can be asked on Linux and macOS only")
    running = _spawn_process()
    error: str | None = "it did not start"
    try:
        error = running.exchange(None, START_SECONDS).get("error")
    except TimeoutError:
        error = f"it did not start within {START_SECONDS:g} s"
    finally:
        if error is not None:
            running.end()
    if error is not None:
        raise CannotTell(f"math-verify does not start ({redact_text(error)})")
    return running


def _spawn_process() -> _ReapedProcess:
    channel, reaper_channel = socket.socketpair()
    talk, child_talk = socket.socketpair()
    python = sys.executable or "python3"
    # -P: this folder has a file named as a module of Python's. -W: overrides PYTHONWARNINGS.
    child = [python, "-P", "-W", "ignore", str(Path(math_child.__file__))]
    with reaper_channel, child_talk:
        command = [
            python,
            "-I",
            "-S",
            str(Path(reaper.__file__)),
            str(reaper_channel.fileno()),
            reaper.WATCH,
            *child,
        ]
        process = subprocess.Popen(
            command, stdin=child_talk.fileno(), stdout=child_talk.fileno(), stderr=subprocess.DEVNULL,
            pass_fds=[reaper_channel.fileno()], start_new_session=True)  # fmt: skip
    channel.sendall(b"!")
    return _ReapedProcess(process, channel, talk)
