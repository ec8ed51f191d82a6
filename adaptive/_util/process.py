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
from adaptive._util.redact import shown
from adaptive.types.verdict import CannotTell

KEPT_BYTES = 64 * 1024
"""How much of an output is held, its end; the rest is read and dropped."""

GONE_SECONDS = reaper.KILL_SECONDS + 2


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code (negative: the signal that killed it), and the end of its output."""

    code: int
    output: bytes

    @property
    def last_line(self) -> str:
        """The last line of the output that is not blank, to be shown."""
        lines = self.output.decode(errors="replace").strip().splitlines()
        return shown(lines[-1]) if lines else ""


async def run(words: Sequence[str], given: bytes, seconds: float) -> Ended:
    """Run a program with `given` as its input; `CannotTell` where it does not start, end in time, or die.

    Whatever ends this, cancellation included, nothing of what the program started is running afterwards (see
    `adaptive._util.reaper` for what that means on which system).
    """
    if os.name != "posix":
        raise CannotTell("programs can be run on Linux and macOS only")
    try:
        return await _run(words, given, seconds)
    except (OSError, ValueError) as error:  # ValueError: a word that cannot be an argument
        raise CannotTell(f"it cannot be run ({shown(str(error))})") from error


async def _run(words: Sequence[str], given: bytes, seconds: float) -> Ended:
    ours, theirs = socket.socketpair()
    # A file for the input, not a pipe: a program that does not read it then keeps nobody waiting.
    with ours, theirs, tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        async with _output() as (output, written):
            with written:
                kept = await _keeper(words, theirs, stdin, written)
            theirs.close()
            try:
                async with asyncio.timeout(seconds):
                    return await _ended(ours, output)
            except TimeoutError:
                raise CannotTell(f"it took more than {seconds:g} s") from None
            finally:
                ours.close()  # the keeper kills everything
                await _gone(kept)


@asynccontextmanager
async def _output() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
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


async def _keeper(words: Sequence[str], channel: socket.socket, stdin: IO[bytes], output: IO[bytes]) -> Process:
    """The keeper, which waits: were this cancelled, no command would be running yet."""
    python = (sys.executable or "", "-I", "-S", str(Path(reaper.__file__)), str(channel.fileno()))
    return await asyncio.create_subprocess_exec(
        *python, *words, stdin=stdin, stdout=output, stderr=output, pass_fds=[channel.fileno()],
        start_new_session=True)  # fmt: skip


async def _ended(channel: socket.socket, output: asyncio.StreamReader) -> Ended:
    """Let the keeper begin; the keeper's word and the output."""
    channel.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(channel, b"!")
    reading = asyncio.create_task(_end_of(output))
    try:
        code = _code(await _told(channel))
        return Ended(code, await reading)  # it ends: all that could write are gone
    finally:
        reading.cancel()


async def _end_of(output: asyncio.StreamReader) -> bytes:
    """The last bytes of the output, which is read to its end."""
    end = b""
    while chunk := await output.read(KEPT_BYTES):
        end = (end + chunk)[-KEPT_BYTES:]
    return end


async def _told(channel: socket.socket) -> bytes:
    told = b""
    while chunk := await asyncio.get_running_loop().sock_recv(channel, 4096):
        told += chunk
    return told


def _code(told: bytes) -> int:
    """The exit code in the keeper's word; `CannotTell` where there is none."""
    if not told:
        raise CannotTell("what watches over it was killed, and what it started may go on")
    known = json.loads(told)
    if known["error"]:
        raise CannotTell(f"it does not start ({shown(known['error'])})")
    if not known["clean"]:
        raise CannotTell("it left processes that cannot be killed")
    return int(known["code"])


async def _gone(kept: Process) -> None:
    """Wait until the keeper has ended, and with it all that it kept."""
    try:
        async with asyncio.timeout(GONE_SECONDS):
            await kept.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            kept.kill()
