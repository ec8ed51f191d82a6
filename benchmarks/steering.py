"""What forcing costs on vLLM: in rounds and inside a request, against the same tokens without forcing.

    python -m benchmarks.steering vllm:models/abacus/hf -o dtype=float32 --at-once 64 --budget 192

*fixed* gives each question one budget and a forced answer; *loop* grants two waits and watches for loops too.
*raw* makes as many tokens for each question as its attempt has, in one call without forcing. The ways take turns;
a ratio is of tokens per second against the raw run beside it, the median over the repeats. Processor time is that
of the process that asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time
from typing import Any

import click

from adaptive.engines.protocol import Sampling
from adaptive.engines.registry import open_engine, parse_options
from adaptive.reason.budget import Style
from adaptive.reason.forcing import NO_STOPS, think_within_budget
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

ANSWER_ROOM = 16
GREEDY = Sampling()
STYLE = Style(answer_prefix="The answer is", stop_on_repeat=False)


class InRounds:
    """The engine, without its steering."""

    steers = False

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


@dataclass
class Runs:
    """Tokens per second and processor seconds of each way, run by run."""

    speeds: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    async def time(self, way: str, solves: Sequence[Awaitable[int]]) -> None:
        started, worked = perf_counter(), process_time()
        tokens = sum(await asyncio.gather(*solves))
        self.speeds.setdefault(way, []).append(tokens / (perf_counter() - started))
        self.seconds.setdefault(way, []).append(process_time() - worked)

    def describe(self, way: str) -> str:
        raw = self.speeds[f"{way.partition(',')[0]}, raw"]
        ratios = [one / beside for one, beside in zip(self.speeds[way], raw, strict=True)]
        return (
            f"{way:14} {median(self.speeds[way]):8.1f} tokens/s  {median(ratios):5.2f} of raw "
            f"({min(ratios):.2f} to {max(ratios):.2f})  {median(self.seconds[way]):6.2f} s of this processor"
        )


def render(engine: Any, number: int) -> Any:
    question = f"Tom has {number + 3} boxes with {number % 7 + 2} pens each. How many pens does he have?"
    return engine.codec.render([("user", question)], "medium")


async def solve_raw(engine: Any, number: int, tokens: int) -> int:
    prompt = render(engine, number).open
    made = await engine.generate(prompt, max_tokens=tokens, stop_ids=(), sampling=GREEDY, session=f"raw {number}")
    return len(made.ids)


async def solve_forced(engine: Any, number: int, rung: Rung, stops: Stops) -> int:
    attempt = await think_within_budget(
        engine, render(engine, number), rung, style=STYLE, stops=stops, sampling=GREEDY,
        session=f"forced {number}", index=0, arm="first",
    )  # fmt: skip
    return attempt.usage.thinking + attempt.usage.injected + attempt.usage.answer


async def measure(engine: Any, at_once: int, budget: int, repeats: int) -> Runs:
    runs = Runs()
    kinds = {
        "fixed": (Rung("medium", budget, 0, ANSWER_ROOM), NO_STOPS),
        "loop": (Rung("medium", budget, 2, ANSWER_ROOM), Stops()),
    }
    for kind, (rung, stops) in kinds.items():
        made = await asyncio.gather(*(solve_forced(engine, n, rung, stops) for n in range(at_once)))
        for _ in range(repeats):
            await runs.time(f"{kind}, raw", [solve_raw(engine, n, tokens) for n, tokens in enumerate(made)])
            for way, on in (("rounds", InRounds(engine)), ("inside", engine)):
                await runs.time(f"{kind}, {way}", [solve_forced(on, n, rung, stops) for n in range(at_once)])
    return runs


@click.command()
@click.argument("model")
@click.option("-o", "options", multiple=True, help="An option of the engine, NAME=VALUE.")
@click.option("--at-once", default=64, show_default=True)
@click.option("--budget", default=192, show_default=True)
@click.option("--repeats", default=3, show_default=True)
def main(model: str, options: tuple[str, ...], at_once: int, budget: int, repeats: int) -> None:
    """Measure what forcing costs on a model of vLLM."""
    engine: Any = open_engine(model, **parse_options(options))
    if not engine.steers:
        raise click.ClickException(f"{model} does not steer: it needs vLLM's V1 model runner, without drafts.")
    runs = asyncio.run(measure(engine, at_once, budget, repeats))
    for way in runs.speeds:
        print(runs.describe(way))
    asyncio.run(engine.close())


if __name__ == "__main__":
    main()
