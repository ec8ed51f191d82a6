"""A toy model that adds, for fits. `python -m tests.fit.toy ARGS…` is the real command with it and a short search.

Without thinking it adds numbers of `knows` digits. Thinking takes 10 tokens a digit; the model itself then goes on
for `extra` tokens, in a plain call too. What it gets wrong it says with less confidence. TOY_KNOWS and TOY_EXTRA
set these, TOY_SECONDS is how long each call takes, and TOY_CALLS a file that gets a line for each call.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from adaptive.engines.protocol import Generation
from tests.support.scripted import END, STOP, THINK, ByteCodec

ROOT = Path(__file__).parents[2]


class MediumCodec(ByteCodec):
    """Knows one effort: only budgets count."""

    efforts = ()


@dataclass
class AddingEngine:
    """See the module's docstring. calls: what was asked, in order."""

    knows: int = 1
    extra: int = 200
    seconds: float = 0.0
    name: str = "toy"
    context_window: int = 2000
    shares_cache: bool = True
    codec: ByteCodec = field(default_factory=MediumCodec)
    calls: list[str] = field(default_factory=list)
    log: str = ""

    async def generate(
        self, ids: Sequence[int], *, max_tokens: int, stop_ids: Sequence[int], **_: Any
    ) -> Generation:
        await asyncio.sleep(self.seconds)
        start = max(i for i, token in enumerate(ids) if token == THINK)
        prompt, chain = self.codec.decode(ids[:start]), list(ids[start + 1 :])
        self.calls.append(prompt)
        if self.log:
            with open(self.log, "a") as file:
                file.write(json.dumps([prompt, len(chain), max_tokens]) + "\n")
        reply, logprob = self.complete(prompt, chain)
        stop = next((i for i, token in enumerate(reply) if token in stop_ids), len(reply))
        made, ended = reply[: min(stop, max_tokens)], stop < max_tokens
        logprobs = tuple(-0.1 if token == ord("1") else logprob for token in made)
        end = "stop" if ended else "length"
        return Generation(
            tuple(made), logprobs, end, 0, 0, reply[stop] if ended else None, logprob if ended else None
        )

    def complete(self, prompt: str, chain: list[int]) -> tuple[list[int], float]:
        """All that comes after this chain, and how sure the answer is."""
        a, b = re.findall(r"\d+", prompt.split("user", 1)[1])[:2]
        digits, reply = max(len(a), len(b)), list[int]()
        if END not in chain:
            reply = [ord("1")] * max(0, 10 * digits + self.extra - len(chain)) + [END]
        whole = [*chain, *reply]
        thought = whole.index(END)
        right = digits <= self.knows if not thought else thought >= 10 * digits
        answer = [*f"\\boxed{{{int(a) + int(b) + (not right)}}}".encode(), STOP]
        said = len([token for token in whole[thought + 1 :] if token != ord("\n")])
        noise = Random(prompt).random()
        return [*reply, *answer[said:]], -0.2 * noise if right else -0.1 - noise

    async def can_guide(self) -> bool:
        return False

    async def release(self, session: str) -> None:
        pass

    async def close(self) -> None:
        pass


def questions(count: int, digits: Sequence[int] = (1, 1, 2, 3), seed: int = 0) -> list[dict[str, str]]:
    """Different sums."""
    rng, made = Random(seed), dict[str, dict[str, str]]()
    while len(made) < count:
        many = rng.choice(digits)
        a, b = (rng.randrange(10 ** (many - 1), 10**many) for _ in range(2))
        text = rng.choice(["What is {} + {}?", "Add {} and {}.", "{} + {} = ?", "Sum of {} and {}?"]).format(a, b)
        made[text] = {"question": text, "answer": str(a + b)}
    return list(made.values())


def write_questions(file: Path, count: int, **how: Any) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in questions(count, **how)))
    return file


if __name__ == "__main__":
    from adaptive.cli import main
    from adaptive.engines import registry
    from adaptive.learn.tuning import policy_search

    policy_search.WORTHS = 4
    named = {name: os.environ.get(f"TOY_{name.upper()}") for name in ("knows", "extra", "seconds")}
    settings = {name: type(getattr(AddingEngine, name))(value) for name, value in named.items() if value}
    toy = AddingEngine(**settings, log=os.environ.get("TOY_CALLS", ""))
    registry.open_engine = lambda spec, **_: toy  # type: ignore[assignment]
    registry.get_parallel_solves = lambda spec: 1
    sys.argv[0] = "adaptive"
    main()
