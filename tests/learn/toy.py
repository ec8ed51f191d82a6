"""A toy model that adds: how hard "a + b" is for it depends on the digits, so there is something to learn.

Without thinking it adds one-digit numbers. With thinking, which takes 10 tokens a digit (15 with high
effort), it adds three digits if the effort is high, else two. What it gets wrong it says with less
confidence. `python -m tests.learn.toy ARGS…` is the real command with this model in place of any other;
TOY_SECONDS is how long each call takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from adaptive.engines.protocol import Generation, Halt, OnToken, Sampling
from tests.support.scripted import END, STOP, THINK, ByteCodec

ROOT = Path(__file__).parents[2]


class ToyEngine:
    """See the module's docstring. `asked` counts the calls of each kind, `released` the sessions."""

    name = "toy"
    context_window = 2000

    def __init__(self, seconds: float = 0.0) -> None:
        self.codec = ByteCodec()
        self.seconds = seconds
        self.asked: list[str] = []
        self.released: list[str] = []

    async def generate(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        sampling: Sampling,
        session: str,
        on_token: OnToken | None = None,
        halt: Halt | None = None,
    ) -> Generation:
        await asyncio.sleep(self.seconds)
        start = max(i for i, token in enumerate(ids) if token == THINK)
        prompt, chain = self.codec.decode(ids[:start]), ids[start + 1 :]
        self.asked.append(prompt)
        digits, total, effort = _read(prompt)
        needed = digits * (15 if effort == "high" else 10)
        if END not in chain:
            return _made(b"1" * max(0, needed - len(chain)), END, max_tokens, -0.1)
        thought = chain.index(END) if chain.index(END) else 0
        reach = 1 if not thought else 3 if effort == "high" else 2
        right = digits <= reach and (not thought or thought >= needed)
        noise = Random(prompt).random()
        answer = f"\\boxed{{{total if right else total + 1}}}".encode()
        return _made(answer, STOP, max_tokens, -0.2 * noise if right else -0.1 - noise)

    async def can_guide(self) -> bool:
        return False

    async def release(self, session: str) -> None:
        self.released.append(session)

    async def close(self) -> None:
        pass


def question(rng: Random, digits: int) -> dict[str, str]:
    a, b = (rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
    text = rng.choice(["What is {} + {}?", "Add {} and {}.", "{} + {} = ?"]).format(a, b)
    return {"question": text, "answer": str(a + b)}


def write_questions(file: Path, count: int, seed: int = 0) -> Path:
    rng = Random(seed)
    rows = [question(rng, rng.choice((1, 1, 2, 3, 4))) for _ in range(count)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def labels_to_solved(labels: Sequence[int], rungs: int) -> NDArray[np.bool_]:
    """Whether each rung solves each question, shape (n, rungs); a label is the cheapest one that does."""
    return np.asarray(np.asarray(labels)[:, None] <= np.arange(rungs))


def _read(prompt: str) -> tuple[int, int, str]:
    effort = re.match(r"effort (none|low|medium|high)", prompt)
    a, b = re.findall(r"\d+", prompt.split("user", 1)[1])[:2]
    assert effort is not None
    return max(len(a), len(b)), int(a) + int(b), effort[1]


def _made(ids: bytes, stop: int, room: int, logprob: float) -> Generation:
    kept = tuple(ids[:room])
    whole = len(ids) < room
    return Generation(
        kept,
        (logprob,) * len(kept),
        "stop" if whole else "length",
        0,
        0,
        stop if whole else None,
        logprob if whole else None,
    )


if __name__ == "__main__":
    from adaptive.cli import main
    from adaptive.engines import registry

    registry.open_engine = lambda spec: ToyEngine(float(os.environ.get("TOY_SECONDS", 0)))  # type: ignore[assignment]
    sys.argv[0] = "adaptive"
    main()
