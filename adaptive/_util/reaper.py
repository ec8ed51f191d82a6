"""Runs a command and leaves nothing of it behind. A script of its own, on the standard library alone.

`reaper.py CHANNEL MODE PROGRAM [ARGUMENT ...]`: CHANNEL is the number of a connected socket. It waits for one
byte, starts the program, and when that ends, or the channel closes, kills everything that the program started.
Then it writes one JSON object to the channel: `code` (as in `subprocess`: negative for a signal; null if it was
killed here), `error` (why it did not start), `clean` (whether all is gone).

In the mode `isolate`, and where Linux allows it (pid_namespaces(7)), the program runs in a process namespace of
its own, with a /proc to match. It sees no process outside, so it cannot signal the one that watches over it, and
when the namespace's first process dies the kernel kills all others.

In the mode `watch`, and where namespaces are forbidden (in many containers), this process is a subreaper
(PR_SET_CHILD_SUBREAPER of prctl(2)): a process that loses its parent becomes a child of this one, even a daemon
in a session of its own. Signals that can be caught do not end it; `kill_descendants` is for a caller whose reaper
was stopped, and `kill_marked` for one whose reaper was killed: only what changed its environment gets away then.
It is a separate process because a subreaper must reap every child, which a library cannot ask of its program. On
other systems only the program's process group is killed: what left the group gets away.
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
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x4000, 0x40000
KILL_SECONDS = 5.0
"""How long killed processes may take to go; one that hangs in the kernel never does."""
CAUGHT = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
    signal.SIGVTALRM, signal.SIGPROF, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip
"""Signals that would end or stop this process, and that a handler can keep from it."""

ISOLATE, WATCH = "isolate", "watch"
LINUX = sys.platform == "linux"
Report = dict[str, Any]


def run_reaper(channel: socket.socket, mode: str, words: Sequence[str]) -> None:
    """Wait for the start signal, run the command, and report how it ended."""
    if not channel.recv(1):
        return  # the caller was gone before it began
    if LINUX and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    for number in CAUGHT:
        signal.signal(number, lambda *_: None)  # a handler, for the command would inherit that a signal is ignored
    isolated = run_isolated(channel, words) if mode == ISOLATE else None
    report = isolated or run_and_reap(channel, words)
    with suppress(BrokenPipeError):  # nobody reads the report any more
        channel.sendall(json.dumps(report).encode())


def run_and_reap(channel: socket.socket, words: Sequence[str]) -> Report:
    """Run the command as a child of this process; return how it ended, once nothing of it is left."""
    woken = _open_wakeup_pipe()
    try:
        command = subprocess.Popen(words, start_new_session=True)
    except (OSError, ValueError) as error:
        return _describe_start_error(error)
    _release_streams()
    code = _wait_for_command(command.pid, woken, channel)
    return {"code": code, "error": "", "clean": kill_all(command.pid)}


def run_isolated(channel: socket.socket, words: Sequence[str]) -> Report | None:
    """Run the command in a process namespace of its own; return how it ended, once nothing of it is left.

    Args:
        channel: Ends the command when it closes.
        words: The command.

    Returns:
        The report; None if no namespace can be made here, and nothing was run.
    """
    if not LINUX:
        return None
    told, telling = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        _run_forked(lambda: _keep_namespace(telling, words))
    os.close(telling)
    ready, _, _ = select.select([told, channel.fileno()], [], [])
    told_first = os.read(told, 1) if told in ready else b""
    if told in ready and not told_first:  # it wrote nothing: there is no namespace
        os.waitpid(keeper, 0)
        return None
    _release_streams()
    report = _read_isolated_report(told, channel)
    return {**report, "clean": kill_all(keeper)}


def kill_all(group: int) -> bool:
    """Kill the children of this process until it has none; those of a killed one come to it. False: some stay."""
    until = time.monotonic() + KILL_SECONDS
    while time.monotonic() < until:
        for pid in list_children(os.getpid()) if LINUX else [-group]:
            with suppress(ProcessLookupError, PermissionError):  # PermissionError: it became somebody else's
                os.kill(pid, signal.SIGKILL)
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not reaped:
            time.sleep(0.002)
    return False


def kill_descendants(pid: int) -> None:
    """Kill all that a process started, on Linux: for a reaper that does not do it, because it was stopped.

    Args:
        pid: The reaper. As a subreaper it has what its descendants leave behind among its own.
    """
    for child in list_children(pid) if LINUX else []:
        kill_descendants(child)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)


def kill_marked(mark: str) -> bool:
    """Kill all processes with this in their environment, on Linux, until there is none; False: some may stay.

    It is for a caller whose reaper was killed: what that watched belongs to another process now.

    Args:
        mark: `NAME=VALUE`, as the reaper got it.
    """
    until = time.monotonic() + KILL_SECONDS
    while time.monotonic() < until:
        found = list_marked(mark.encode()) if LINUX else []
        if not found:
            return LINUX
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
    return False


def list_marked(mark: bytes) -> list[int]:
    """Return the processes that were started with this in their environment, or forked from such."""
    marked = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile, or is somebody else's
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    marked.append(int(entry.name))
    return marked


def list_children(parent: int) -> list[int]:
    """Return the processes whose parent is this one, by Linux' /proc."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                stat = (entry / "stat").read_bytes()  # "pid (name) state parent ...", and a name may hold anything
                if int(stat.rpartition(b")")[2].split()[1]) == parent:
                    children.append(int(entry.name))
    return children


def _keep_namespace(telling: int, words: Sequence[str]) -> None:
    """Make the namespace, and wait for its first process. If it cannot be made, nothing is written."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    ids = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWPID | CLONE_NEWNS):  # without the right to: as a user who has it in a namespace
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS):
            return
        Path("/proc/self/setgroups").write_text("deny")
        for name, own in zip(("uid_map", "gid_map"), ids, strict=True):
            Path("/proc/self", name).write_text(f"{own} {own} 1")
    first = os.fork()
    if first == 0:
        _run_forked(lambda: _run_as_first(libc, telling, words))
    os.close(telling)
    os.waitpid(first, 0)


def _run_as_first(libc: ctypes.CDLL, telling: int, words: Sequence[str]) -> None:
    """Run the command as the namespace's first process, and tell how it ended; then the kernel kills the rest."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in CAUGHT:
        signal.signal(number, signal.SIG_DFL)  # the kernel keeps these from a first process that has no handler
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        return
    if libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None):
        return
    os.write(telling, b" ")
    try:
        command = subprocess.Popen(words, start_new_session=True)
    except (OSError, ValueError) as error:
        os.write(telling, json.dumps(_describe_start_error(error)).encode())
        return
    _release_streams()
    while (ended := os.wait())[0] != command.pid:
        pass
    os.write(telling, json.dumps({"code": os.waitstatus_to_exitcode(ended[1]), "error": ""}).encode())


def _run_forked(run: Callable[[], None]) -> NoReturn:
    """Run something in a process that was just forked, and end that."""
    try:
        run()
    finally:
        os._exit(0)


def _read_isolated_report(told: int, channel: socket.socket) -> Report:
    """Return what the namespace's first process tells; a code of None if the channel was closed before."""
    text = b""
    while True:
        ready, _, _ = select.select([told, channel.fileno()], [], [])
        if channel.fileno() in ready:
            return {"code": None, "error": ""}
        chunk = os.read(told, 4096)
        if not chunk:  # without a report it was killed from outside
            return dict(json.loads(text)) if text else {"code": -signal.SIGKILL, "error": ""}
        text += chunk


def _describe_start_error(error: OSError | ValueError) -> Report:
    return {"code": None, "error": getattr(error, "strerror", None) or str(error), "clean": True}


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
    run_reaper(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3:])
