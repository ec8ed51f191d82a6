"""A guard that ends the processes of an engine when ours is gone, however it went.

vLLM ends its own process on a shutdown, but not when the process that started it is killed. The guard is a small
process that reads a pipe which only we hold: the pipe ends with us, and then the guard kills what it was told of.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

WATCH = """
import os, signal, sys
sys.stdin.read()
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Guard:
    """Watches over the processes `pids` until it is called off."""

    def __init__(self, pids: Iterable[int]) -> None:
        # A session of its own: a Ctrl-C in the terminal is meant for us, and the guard comes after.
        command = [sys.executable, "-c", WATCH, *map(str, pids)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def call_off(self) -> None:
        """The processes have ended, and the guard ends too."""
        self._watch.kill()
        self._watch.communicate()
