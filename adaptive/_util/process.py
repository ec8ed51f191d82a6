"""Running a program that may hang, flood, or leave children: bounded, killed as a whole, and waited for."""

from __future__ import annotations

import asyncio
import json
import os
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
from adaptive.types.verdict import CannotTell

TAIL_BYTES = 64 * 1024
"""How much of an output is held, its end; the rest is read and dropped."""

GONE_SECONDS = reaper.KILL_SECONDS + 2


@dataclass(frozen=True)
class ProgramResult:
    """How a program ended: its exit code (negative: the signal that killed it), and the end of its output."""

    code: int
    output: bytes

    @property
    def last_line(self) -> str:
        """The last line of the output that is not blank, to be shown."""
        lines = self.output.decode(errors="replace").strip().splitlines()
        return redact_text(lines[-1]) if lines else ""


async def run_program(words: Sequence[str], input_bytes: bytes, seconds: float) -> ProgramResult:
    """Run a program with `given` as its input; `CannotTell` where it does not start, end in time, or die.

    Whatever ends this, cancellation included, nothing of what the program started is running afterwards (see
    `adaptive._util.reaper` for what that means on which system).
    """
    if os.name != "posix":
        raise CannotTell("programs can be run on Linux and macOS only")
    try:
        return await _run_under_reaper(words, input_bytes, seconds)
    except (OSError, ValueError) as error:  # ValueError: a word that cannot be an argument
        raise CannotTell(f"it cannot be run ({redact_text(str(error))})") from error


async def _run_under_reaper(words: Sequence[str], input_bytes: bytes, seconds: float) -> ProgramResult:
    ours, theirs = socket.socketpair()
    # A file for the input, not a pipe: a program that does not read it then keeps nobody waiting.
    with ours, theirs, tempfile.TemporaryFile() as stdin:
        stdin.write(input_bytes)
        stdin.seek(0)
        async with _open_output_pipe() as (output, written):
            with written:
                kept = await _start_reaper(words, theirs, stdin, written)
            theirs.close()
            try:
                async with asyncio.timeout(seconds):
                    return await _wait_for_result(ours, output)
            except TimeoutError:
                raise CannotTell(f"it took more than {seconds:g} s") from None
            finally:
                ours.close()  # the keeper kills everything
                await _wait_until_gone(kept)


@asynccontextmanager
async def _open_output_pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """A pipe: what reads it, closed at the end whoever still writes, and what is written to."""
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
    words: Sequence[str], channel: socket.socket, stdin: IO[bytes], output: IO[bytes]
) -> Process:
    """The keeper, which waits: were this cancelled, no command would be running yet."""
    python = (sys.executable or "", "-I", "-S", str(Path(reaper.__file__)), str(channel.fileno()))
    return await asyncio.create_subprocess_exec(
        *python, *words, stdin=stdin, stdout=output, stderr=output, pass_fds=[channel.fileno()],
        start_new_session=True)  # fmt: skip


async def _wait_for_result(channel: socket.socket, output: asyncio.StreamReader) -> ProgramResult:
    """Let the keeper begin; the keeper's word and the output."""
    channel.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(channel, b"!")
    reading = asyncio.create_task(_read_tail(output))
    try:
        code = _parse_exit_code(await _read_report(channel))
        return ProgramResult(code, await reading)  # it ends: all that could write are gone
    finally:
        reading.cancel()


async def _read_tail(output: asyncio.StreamReader) -> bytes:
    """The last bytes of the output, which is read to its end."""
    end = b""
    while chunk := await output.read(TAIL_BYTES):
        end = (end + chunk)[-TAIL_BYTES:]
    return end


async def _read_report(channel: socket.socket) -> bytes:
    told = b""
    while chunk := await asyncio.get_running_loop().sock_recv(channel, 4096):
        told += chunk
    return told


def _parse_exit_code(report: bytes) -> int:
    """The exit code in the keeper's word; `CannotTell` where there is none."""
    if not report:
        raise CannotTell("what watches over it was killed, and what it started may go on")
    known = json.loads(report)
    if known["error"]:
        raise CannotTell(f"it does not start ({redact_text(known['error'])})")
    if not known["clean"]:
        raise CannotTell("it left processes that cannot be killed")
    return int(known["code"])


async def _wait_until_gone(reaper_process: Process) -> None:
    """Wait until the keeper has ended, and with it all that it kept."""
    try:
        async with asyncio.timeout(GONE_SECONDS):
            await reaper_process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            reaper_process.kill()
