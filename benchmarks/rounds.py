"""What rounds cost: T tokens in R forced rounds, against the same tokens without a break and text sent again.

    python -m benchmarks.rounds hf:FOLDER

*rounds* continues the ids that an engine made, as adaptive does. *text* is the loop of the notebook that the
project began with: after every round all text is decoded, tokenised again and sent as if it were new, on the same
engine. An engine that keeps blocks of any call's prefix (vLLM) finds most of it again; one that keeps chains by
session does not. Greedy, no stop ids, so that all three make exactly T tokens. Ratios are medians over the
repeats, each of a run and a run without a break next to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import perf_counter

import click
from rich.console import Console
from rich.table import Table

from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine, parse_options

QUESTION = "What is 348 + 276 - 95 + 412 - 87?"
ROUNDS = "2,8,32"
GREEDY = Sampling()
Run = Callable[[str], Awaitable[int]]


async def without_a_break(engine: TokenEngine, prompt: tuple[int, ...], tokens: int, name: str) -> int:
    """One call; the ids that were computed before a first token."""
    made = await engine.generate(prompt, max_tokens=tokens, stop_ids=(), sampling=GREEDY, session=name)
    return made.prefilled


async def rounds(engine: TokenEngine, prompt: tuple[int, ...], tokens: int, count: int, name: str) -> int:
    """The same tokens in `count` calls, each going on from the ids of the one before."""
    ids, prefilled = prompt, 0
    for _ in range(count):
        made = await engine.generate(ids, max_tokens=tokens // count, stop_ids=(), sampling=GREEDY, session=name)
        ids, prefilled = ids + made.ids, prefilled + made.prefilled
    return prefilled


async def text(engine: TokenEngine, prompt: tuple[int, ...], tokens: int, count: int, name: str) -> int:
    """The same tokens in `count` calls, each sending all text again."""
    said, prefilled = "", 0
    for number in range(count):
        ids = prompt + engine.codec.encode(said)
        session = f"{name} {number}"
        made = await engine.generate(
            ids, max_tokens=tokens // count, stop_ids=(), sampling=GREEDY, session=session
        )
        await engine.release(session)
        said, prefilled = said + engine.codec.decode(made.ids), prefilled + made.prefilled
    return prefilled


@dataclass
class Way:
    """One way of making the tokens: its times beside those of no break, and the ids computed in its last run."""

    name: str
    run: Run
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    prefilled: int = 0


async def measure(engine: TokenEngine, tokens: int, repeats: int, counts: Sequence[int]) -> list[Way]:
    """Every way, timed `repeats` times, each time next to a run without a break.

    A machine's speed drifts by more than what is measured here, so only neighbours are compared, and which of the
    two comes first alternates.
    """
    prompt = engine.codec.render([("user", QUESTION)], "medium").open
    base: Run = partial(without_a_break, engine, prompt, tokens)
    ways = [Way("no break", base)]
    for count in counts:
        ways.append(Way(f"{count} rounds", partial(rounds, engine, prompt, tokens, count)))
        ways.append(Way(f"{count} x text", partial(text, engine, prompt, tokens, count)))
    for repeat in range(repeats + 1):  # the first is for warming up
        for way in ways:
            seconds, way.prefilled, ratio = await _beside(engine, way, base, repeat)
            if repeat:
                way.seconds.append(seconds)
                way.ratios.append(ratio)
    return ways


async def _beside(engine: TokenEngine, way: Way, base: Run, repeat: int) -> tuple[float, int, float]:
    """Seconds of a way, the ids it computed, and its ratio to a run without a break beside it."""
    pair = [(way.run, way.name), (base, "base")]
    timed = {}
    for run, name in pair if repeat % 2 else reversed(pair):
        session = f"{way.name} {name} {repeat}"
        started = perf_counter()
        prefilled = await run(session)
        timed[name] = perf_counter() - started, prefilled
        await engine.release(session)
    (seconds, prefilled), (reference, _) = timed[way.name], timed["base"]
    return seconds, prefilled, seconds / reference


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("model")
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--tokens", default=512, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--rounds", "counts", default=ROUNDS, show_default=True)
def main(model: str, options: tuple[str, ...], tokens: int, repeats: int, counts: str) -> None:
    """Measure and print the table."""
    engine = open_engine(model, **parse_options(options))

    async def run() -> list[Way]:
        try:
            return await measure(engine, tokens, repeats, [int(n) for n in counts.split(",")])
        finally:
            await engine.close()

    table = Table("way", "seconds", "to no break", "of all repeats", "ids prefilled")
    for way in asyncio.run(run()):
        span = f"{min(way.ratios):.2f} to {max(way.ratios):.2f}"
        table.add_row(
            way.name, f"{median(way.seconds):.3f}", f"{median(way.ratios):.2f}", span, str(way.prefilled)
        )
    console = Console()
    console.print(f"{tokens} tokens on {model}, medians of {repeats}")
    console.print(table)


if __name__ == "__main__":
    main()
