"""The comparison of a published lab on reasoning tokens, played by the local server.

The lab asks o4-mini and o1 for a plan of a day, by a photograph of a programme. Of its five settings it tells: 632
and 642 tokens for o4-mini at low and high effort and a cap of 100K; for o1 more at high effort and 40K, no answer
at high effort and 4K, and at low effort and 4K a response with the most tokens so far. What it does not tell (the
figures of o1, how tokens are split, all texts) is made up here, in that order.
"""

from __future__ import annotations

import struct
import zlib

from tests.hosted.script import Asked, Fault, Reply, Spoken

PROMPT = (
    "It's 12, I've already seen #4, output a planning that will make sure I see all attractions and shows, taking "
    "into account their duration (1st column) and a 10 minute buffer between each show."
)
PLAN = (
    "12:00 to 12:30 show 1, 12:40 to 13:20 show 2, 13:30 to 14:00 show 3, 14:10 to 15:00 show 5, "
    "and from 15:10 on the attractions."
)
TIPS = f"{PLAN} Take a snack with you, as there is no break at noon, and be at show 2 early."
CELLS = (
    ("openai:o4-mini", "low", 100_000),
    ("openai:o4-mini", "high", 100_000),
    ("openai:o1", "high", 40_000),
    ("openai:o1", "high", 4_000),
    ("openai:o1", "low", 4_000),
)
THOUGHT = {CELLS[0]: 448, CELLS[1]: 458, CELLS[2]: 1_088, CELLS[3]: 4_608, CELLS[4]: 1_536}
ANSWERED = {CELLS[0]: 184, CELLS[1]: 184, CELLS[2]: 237, CELLS[3]: 237, CELLS[4]: 221}
ARGS = [arg for cell in CELLS for arg in ("--cell", ",".join(map(str, cell)))]


def lab(asked: Asked) -> Reply:
    """The brain: it has seen the picture, or it is an error."""
    cell = (f"openai:{asked.model}", asked.effort or "", asked.cap or 0)
    if asked.images != 1 or asked.question != PROMPT or cell not in CELLS:
        return Fault("error")
    text = PLAN if asked.model == "o4-mini" else TIPS
    return Spoken(text, thought=THOUGHT[cell], answered=ANSWERED[cell])


def png() -> bytes:
    """A picture of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\x80"))
        + chunk(b"IEND", b"")
    )
