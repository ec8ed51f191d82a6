"""A model and its judge on a server that writes each call into the log of the solve, and kills it in a call."""

from __future__ import annotations

import json
import os
import signal
import threading
from types import TracebackType
from typing import Any, Self

from tests.hosted.script import Asked, Spoken
from tests.hosted.server import Hosted
from tests.support.kill_log import Log, read_log
from tests.support.killing import Kill, Processes, Solve

REJECTED = json.dumps({"reason": "It is another number.", "correct": 0.1})


class CountedCalls:
    """The server. Its model says the same wrong answer each time, and its judge rejects it."""

    def __init__(self, processes: Processes) -> None:
        self._processes, self._hosted, self._lock = processes, Hosted(self._answer), threading.Lock()
        self._solve: Solve | None = None
        self._kill: Kill | None = None
        self._left = 0

    def __enter__(self) -> Self:
        self._hosted.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hosted.__exit__(kind, error, trace)

    @property
    def model(self) -> dict[str, Any]:
        """What a process is told of it."""
        return {"url": self._hosted.url, "key": self._hosted.key}

    def run(self, solve: Solve, kill: Kill | None) -> None:
        """One process of a solve; a kill at the moment "call" is made while the server has the call."""
        with self._lock:
            in_call = kill is not None and kill[1] == "call"
            self._solve, self._kill = solve, kill if in_call else None
            self._left = kill[2] if kill and in_call else 0
        self._processes.run(solve, None if in_call else kill)

    def _answer(self, asked: Asked) -> Spoken:
        with self._lock:
            assert self._solve
            caller = int(asked.headers["x-process"])
            log = Log(self._solve.log)
            log.add("call", caller)
            log.close()
            if self._kill and self._kill[0] == self._find_node(self._solve):
                self._left -= 1
                if self._left == 0:
                    os.kill(caller, signal.SIGKILL)
        return Spoken(REJECTED) if asked.model == "gpt-5-mini" else Spoken("It is 41.", thought=30)

    @staticmethod
    def _find_node(solve: Solve) -> str:
        return next(value for kind, value in reversed(read_log(solve.log)) if kind == "start")
