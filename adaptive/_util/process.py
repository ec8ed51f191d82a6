"""Running a program that may hang, flood, or leave children: bounded, killed as a whole, and waited for."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adaptive._util import reaper
from adaptive._util.redact import redact_text

TAIL_BYTES = 64 * 1024
"""How much of an output is kept, from its end; the rest is read and dropped."""
GONE_SECONDS = reaper.KILL_SECONDS + 2
"""How long the reaper itself is waited for."""
OWN_SECONDS = 0.5
"""How long it has for killing what it watched by itself."""
MARK = "ADAPTIVE_CHECK"
"""A variable with a value of its own for each run, by which what a killed reaper leaves is found."""


class ProgramError(Exception):
    """The program did not start, end in time, or die; the message says which, in a few words."""


@dataclass(frozen=True)
class ProgramResult:
    """How a program ended: its exit code (negative: the signal that killed it) and the end of its output."""

    code: int
    output: bytes

    @property
    def last_line(self) -> str:
        """The last line of the output that is not blank, redacted."""
        lines = self.output.decode(errors="replace").strip().splitlines()
        return redact_text(lines[-1]) if lines else ""


async def run_program(words: Sequence[str], input_bytes: bytes, seconds: float) -> ProgramResult:
    """Run a program to its end.

    However this ends, cancellation included, nothing that the program started is running afterwards
    (`adaptive._util.reaper` says what that means on which system).

    Args:
        words: The program and its arguments.
        input_bytes: Its standard input.
        seconds: How long it may run.

    Raises:
        ProgramError: It does not start, end in time, or die.
    """
    if os.name != "posix":
        raise ProgramError("programs can be run on Linux and macOS only")
    try:
        return await _run_under_reaper(words, input_bytes, seconds)
    except (OSError, ValueError) as error:  # ValueError: a word that cannot be an argument
        raise ProgramError(f"it cannot be run ({redact_text(str(error))})") from error


async def _run_under_reaper(words: Sequence[str], input_bytes: bytes, seconds: float) -> ProgramResult:
    ours, theirs = socket.socketpair()
    mark = f"{MARK}={secrets.token_hex(8)}"
    # The input is a file and no pipe: a program that does not read it keeps nobody waiting.
    with ours, theirs, tempfile.TemporaryFile() as stdin:
        stdin.write(input_bytes)
        stdin.seek(0)
        async with _open_output_pipe() as (output, written):
            with written:
                watcher = await _start_reaper(words, theirs, stdin, written, mark)
            theirs.close()
            try:
                async with asyncio.timeout(seconds):
                    return await _wait_for_result(ours, output)
            except TimeoutError:
                raise ProgramError(f"it took more than {seconds:g} s") from None
            finally:
                ours.close()  # the reaper then kills everything
                await _wait_until_gone(watcher)
                if watcher.returncode:  # it was killed
                    await asyncio.to_thread(reaper.kill_marked, mark)


@asynccontextmanager
async def _open_output_pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """Yield both ends of a pipe. The reading end is closed afterwards, whoever still writes."""
    readable, writable = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(readable, "rb", 0)
    )
    try:
        yield reader, os.fdopen(writable, "wb", 0)
    finally:
        transport.close()


async def _start_reaper(
    words: Sequence[str], channel: socket.socket, stdin: IO[bytes], output: IO[bytes], mark: str
) -> Process:
    """Start the reaper, which waits: if this is cancelled, no command is running yet."""
    name, _, value = mark.partition("=")
    python = (sys.executable or "", "-I", "-S", str(Path(reaper.__file__)), str(channel.fileno()), reaper.ISOLATE)
    return await asyncio.create_subprocess_exec(
        *python, *words, stdin=stdin, stdout=output, stderr=output, pass_fds=[channel.fileno()],
        env={**os.environ, name: value}, start_new_session=True)  # fmt: skip


async def _wait_for_result(channel: socket.socket, output: asyncio.StreamReader) -> ProgramResult:
    """Let the reaper begin; return what it reports and the output."""
    channel.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(channel, b"!")
    reading = asyncio.create_task(_read_tail(output))
    try:
        code = _parse_exit_code(await _read_report(channel))
        return ProgramResult(code, await reading)  # it ends: all that could write are gone
    finally:
        reading.cancel()


async def _read_tail(output: asyncio.StreamReader) -> bytes:
    """Read the output to its end; return the last bytes."""
    end = b""
    while chunk := await output.read(TAIL_BYTES):
        end = (end + chunk)[-TAIL_BYTES:]
    return end


async def _read_report(channel: socket.socket) -> bytes:
    report = b""
    while chunk := await asyncio.get_running_loop().sock_recv(channel, 4096):
        report += chunk
    return report


def _parse_exit_code(report: bytes) -> int:
    """Return the exit code in the reaper's report; raise `ProgramError` if there is none."""
    if not report:
        raise ProgramError("what watches over it was killed")
    data = json.loads(report)
    if data["error"]:
        raise ProgramError(f"it does not start ({redact_text(data['error'])})")
    if not data["clean"]:
        raise ProgramError("it left processes that cannot be killed")
    return int(data["code"])


async def _wait_until_gone(reaper_process: Process) -> None:
    """Wait until the reaper has ended, and with it all that it watched; one that was stopped is helped."""
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while not await _has_ended(reaper_process):
                reaper.kill_descendants(reaper_process.pid)
                with suppress(ProcessLookupError):  # it ended meanwhile
                    reaper_process.send_signal(signal.SIGCONT)
    except TimeoutError:
        with suppress(ProcessLookupError):
            reaper_process.kill()


async def _has_ended(reaper_process: Process) -> bool:
    try:
        async with asyncio.timeout(OWN_SECONDS):
            await reaper_process.wait()
    except TimeoutError:
        return False
    return True
