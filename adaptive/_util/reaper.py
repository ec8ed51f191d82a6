"""Runs a command and leaves nothing of it behind. A script of its own, on the standard library alone.

`reaper.py CHANNEL PROGRAM [ARGUMENT ...]`: CHANNEL is the number of a connected socket. It waits for one
byte, starts the program, and when that ends, or the channel closes, kills everything that the program started.
Then it writes one JSON object to the channel: `code` (as in `subprocess`: negative for a signal; null if it was
killed here), `error` (why it did not start), `clean` (whether all is gone).

On Linux it is a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): a process that loses its parent becomes a child of
this one, even a daemon in a session of its own. Only what kills this process gets away. It is a separate process
because a subreaper must reap every child, which a library cannot ask of the program it lives in. On other systems
only the program's process group is killed: what left the group gets away.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
KILL_SECONDS = 5.0
"""How long killed processes may take to go; one that hangs in the kernel never does."""

LINUX = sys.platform == "linux"


def run_reaper(channel: socket.socket, words: Sequence[str]) -> None:
    """Wait for the start signal, run the command, and report how it ended."""
    if not channel.recv(1):
        return  # the caller was gone before it began
    if LINUX and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    with suppress(BrokenPipeError):  # nobody reads the report any more
        channel.sendall(json.dumps(run_and_reap(channel, words)).encode())


def run_and_reap(channel: socket.socket, words: Sequence[str]) -> dict[str, Any]:
    """Run the command; return how it ended, once nothing of it is left."""
    woken = _open_wakeup_pipe()
    try:
        command = subprocess.Popen(words, start_new_session=True)
    except (OSError, ValueError) as error:
        return {"code": None, "error": getattr(error, "strerror", None) or str(error), "clean": True}
    _release_streams()
    code = _wait_for_command(command.pid, woken, channel)
    return {"code": code, "error": "", "clean": kill_all(command.pid)}


def kill_all(group: int) -> bool:
    """Kill the children of this process until it has none; those of a killed one come to it. False: some stay."""
    until = time.monotonic() + KILL_SECONDS
    while time.monotonic() < until:
        for pid in _list_children() if LINUX else [-group]:
            with suppress(ProcessLookupError, PermissionError):  # PermissionError: it became somebody else's
                os.kill(pid, signal.SIGKILL)
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not reaped:
            time.sleep(0.002)
    return False


def _wait_for_command(pid: int, woken: int, channel: socket.socket) -> int | None:
    """Return the command's exit code; None if the channel was closed before it ended."""
    while True:
        ready, _, _ = select.select([woken, channel.fileno()], [], [])
        if channel.fileno() in ready:
            return None
        os.read(woken, 4096)
        with suppress(ChildProcessError):  # all were reaped already
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == pid:
                    return os.waitstatus_to_exitcode(ended[1])


def _list_children() -> list[int]:
    """Return the processes whose parent is this one."""
    me, children = os.getpid(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                stat = (entry / "stat").read_bytes()  # "pid (name) state parent ...", and a name may hold anything
                if int(stat.rpartition(b")")[2].split()[1]) == me:
                    children.append(int(entry.name))
    return children


def _open_wakeup_pipe() -> int:
    """Return a pipe that can be read whenever a child has ended."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def _release_streams() -> None:
    """Let go of the standard streams, so that the command's output ends with the command."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


if __name__ == "__main__":
    run_reaper(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
