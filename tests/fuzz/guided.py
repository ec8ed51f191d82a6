"""`python -m tests.fuzz.guided [COUNT [SEED]]`: bytes for the parsers of this process, guided by what they run.

It needs atheris (`pip install atheris`, for Linux alone), which no test does. What hypothesis generates has a
form: a reply with one wrong field, say. This finds bytes that have none. A fault's traceback is printed, and its
bytes are in a file that is named there: add them to `tests/util/` or `tests/engines/test_hostile.py`.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar

import atheris
import numpy as np

with atheris.instrument_imports(include=["adaptive", "httpx_sse"]):
    import httpx

    from adaptive._util.arrays import read_arrays
    from adaptive._util.http import Part, ServerClient, ServerRetryPolicy
    from adaptive.engines.dialects.registry import DIALECTS
    from adaptive.engines.generation import GenerationRequest, GrowingGeneration
    from adaptive.engines.protocol import Sampling
    from adaptive.engines.tokenizer import FolderCodec
    from adaptive.errors import AdaptiveError

COUNT, SEED = 20_000, 1
KINDS = ("text/event-stream", "application/x-ndjson", "application/json")
HF = Path(__file__).parents[2] / "models" / "abacus" / "hf"


class Listener:
    """A call that takes all parts of a reply, and hands each to a dialect."""

    path: ClassVar[str] = "/v1/completions"

    def __init__(self, take: Callable[[Part], object]) -> None:
        self._take = take
        self.received, self._ended = 0, False

    def request(self) -> Part | None:
        return None if self._ended else {}

    def take(self, part: Part) -> bool:
        self.received += 1
        self._take(part)
        return True

    def on_end(self) -> None:
        self._ended = True


class Parsers:
    """The parsers that are given bytes. The first byte chooses one, so that a run finds its way to each."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "arrays.npz"
        self._codec = FolderCodec(HF)

    def parse(self, data: bytes) -> None:
        """Parse; any error but those that are caught everywhere ends the run."""
        if not data:
            return
        choice, body = data[0], data[1:]
        if choice % 4 == len(KINDS):
            self._file.write_bytes(body)
            try:
                read_arrays(self._file, 1_000_000)
            except (ValueError, OSError):
                return
            return
        try:
            asyncio.run(self._read_reply(KINDS[choice % 4], DIALECTS[choice // 4 % len(DIALECTS)], body))
        except AdaptiveError:
            return

    async def _read_reply(self, kind: str, dialect: Any, body: bytes) -> None:
        async def send() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 7):
                yield body[at : at + 7]

        request = GenerationRequest((5, 6), 8, frozenset({2}), Sampling(), 512)
        call = dialect("http://host/v1", "m", GrowingGeneration(request), 1, self._codec)
        server = ServerClient("http://host/v1", None, ServerRetryPolicy(retries=0), 1)
        reply = httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-type": kind}, content=send()))
        server._client = httpx.AsyncClient(transport=reply)
        try:
            await server.stream(Listener(call.take))
        finally:
            await server.close()


def write_seeds(folder: Path) -> None:
    """Write right input for each parser, from which the run starts."""
    from tests.fuzz.token_replies import DIALECT_EVENTS

    for number, dialect in enumerate(DIALECTS):
        lines = [json.dumps(one).encode() for one in DIALECT_EVENTS[dialect.name]]
        bodies = (b"".join(b"data: " + one + b"\n\n" for one in lines), b"\n".join(lines), lines[-1])
        for kind, body in enumerate(bodies):
            (folder / f"{dialect.name}-{kind}").write_bytes(bytes([4 * number + kind]) + body)
    arrays = io.BytesIO()
    np.savez(arrays, words=np.array(["a", "bc"]), numbers=np.arange(6.0).reshape(2, 3))
    (folder / "arrays").write_bytes(bytes([len(KINDS)]) + arrays.getvalue())


def main(arguments: list[str]) -> None:
    """Run so many cases; the process ends with 0, or with another code after a fault."""
    count, seed = [*map(int, arguments), *(COUNT, SEED)[len(arguments) :]]
    folder = Path(tempfile.mkdtemp(prefix="adaptive-fuzz-"))
    write_seeds(folder)
    work = Path(tempfile.mkdtemp(prefix="adaptive-fuzz-"))
    # libFuzzer ends the process by itself: what is in the two folders is small.
    options = [f"-runs={count}", f"-seed={seed}", "-max_len=4096", "-print_final_stats=0", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(folder)], Parsers(work).parse)
    os.chdir(work)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
