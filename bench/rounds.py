"""What rounds cost: T tokens in R forced rounds, against the same tokens without a break and text sent again.

    python -m bench.rounds hf:FOLDER

*rounds* continues the ids that an engine made, as adaptive does. *text* is the loop of the notebook that the
project began with: after every round all text is decoded, tokenised again and sent as if it were new, on the same
engine. An engine that keeps blocks of any call's prefix (vLLM) finds most of it again; one that keeps chains by
session does not. Greedy, no stop ids, so that all three make exactly T tokens. Medians of the repeats, measured in
turn in one run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median
from time import perf_counter

import click
from rich.console import Console
from rich.table import Table

from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine, parse_options

QUESTION = "What is 348 + 276 - 95 + 412 - 87?"
ROUNDS = (2, 8, 32)
GREEDY = Sampling()


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


async def measure(engine: TokenEngine, tokens: int, repeats: int) -> list[tuple[str, float, float, float]]:
    """(way, median seconds, ratio to no break, ids computed again) of every way."""
    prompt = engine.codec.render([("user", QUESTION)], "medium").open
    ways: dict[str, Callable[[str], Awaitable[int]]] = {
        "no break": partial(without_a_break, engine, prompt, tokens)
    }
    for count in ROUNDS:
        ways[f"{count} rounds"] = partial(rounds, engine, prompt, tokens, count)
        ways[f"{count} x text"] = partial(text, engine, prompt, tokens, count)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    again: dict[str, float] = {}
    for repeat in range(repeats + 1):  # the first is for warming up
        for way, run in ways.items():
            name = f"{way} {repeat}"
            started = perf_counter()
            again[way] = await run(name)
            seconds[way].append(perf_counter() - started)
            await engine.release(name)
    base = median(seconds["no break"][1:])
    return [(way, median(s[1:]), median(s[1:]) / base, again[way]) for way, s in seconds.items()]


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("model")
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--tokens", default=512, show_default=True)
@click.option("--repeats", default=5, show_default=True)
def main(model: str, options: tuple[str, ...], tokens: int, repeats: int) -> None:
    """Measure and print the table."""
    engine = open_engine(model, **parse_options(options))

    async def run() -> list[tuple[str, float, float, float]]:
        try:
            return await measure(engine, tokens, repeats)
        finally:
            await engine.close()

    table = Table("way", "seconds", "to no break", "ids prefilled")
    for way, seconds, ratio, prefilled in asyncio.run(run()):
        table.add_row(way, f"{seconds:.3f}", f"{ratio:.2f}", f"{prefilled:.0f}")
    console = Console()
    console.print(f"{tokens} tokens on {model}, medians of {repeats}")
    console.print(table)


if __name__ == "__main__":
    main()
