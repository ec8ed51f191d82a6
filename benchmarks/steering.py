"""What forcing costs on vLLM: in rounds and inside a request, against the same tokens without forcing.

    python -m benchmarks.steering vllm:models/abacus/hf -o dtype=float32 --at-once 64 --budget 192

*fixed* gives each question one budget and a forced answer; *loop* grants two waits and watches for loops too;
*solve* is a whole solve, as `build_solver` makes it. *raw* makes as many tokens for each question, in one call of
vLLM's own engine that nothing of ours sees before it has ended. The ways take turns; a ratio is of tokens a second
against the raw run beside it, the median over the repeats. Processor time is that of the process that asks.

A solve asks for the log-probability of each token, which its confidence is made of, and on a CPU that alone costs
some 9 %. With --told *raw* asks for it too, so that what is left is the cost of forcing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time
from typing import Any

import click

from adaptive._util.optional import import_optional
from adaptive.engines.protocol import Sampling
from adaptive.engines.registry import open_engine, parse_options
from adaptive.reason.budget import Style
from adaptive.reason.forcing import NO_STOPS, think_within_budget
from adaptive.solver.build import build_solver
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
        click.echo(f"{way}: {self.speeds[way][-1]:.1f} tokens/s", err=True)

    def describe(self, way: str) -> str:
        raw = self.speeds[f"{way.partition(',')[0]}, raw"]
        ratios = [one / beside for one, beside in zip(self.speeds[way], raw, strict=True)]
        return (
            f"{way:14} {median(self.speeds[way]):8.1f} tokens/s  {median(ratios):5.2f} of raw "
            f"({min(ratios):.2f} to {max(ratios):.2f})  {median(self.seconds[way]):6.2f} s of this processor"
        )


def ask(number: int) -> str:
    return f"Tom has {number + 3} boxes with {number % 7 + 2} pens each. How many pens does he have?"


def render(engine: Any, number: int) -> Any:
    return engine.codec.render([("user", ask(number))], "medium")


async def run_raw(engine: Any, tokens: Sequence[int], told: bool) -> int:
    """So many tokens of each question from vLLM's own engine, on the loop that it runs on.

    told: whether it tells the log-probability of each.
    """
    sampling = import_optional("vllm.sampling_params", "vllm")

    async def generate(number: int, most: int) -> int:
        params = sampling.SamplingParams(
            max_tokens=most, temperature=0.0, ignore_eos=True, detokenize=False,
            output_kind=sampling.RequestOutputKind.FINAL_ONLY, logprobs=0 if told else None,
        )  # fmt: skip
        prompt = {"prompt_token_ids": list(render(engine, number).open)}
        (made,) = [one async for one in engine._engines[0].generate(prompt, params, uuid.uuid4().hex)]
        return len(made.outputs[0].token_ids)

    async def generate_all() -> int:
        return sum(await asyncio.gather(*(generate(number, most) for number, most in enumerate(tokens))))

    return int(await engine._loop.run(generate_all()))


async def solve_forced(engine: Any, number: int, rung: Rung, stops: Stops) -> int:
    attempt = await think_within_budget(
        engine, render(engine, number), rung, style=STYLE, stops=stops, sampling=GREEDY,
        session=f"forced {number}", index=0, arm="first",
    )  # fmt: skip
    return attempt.usage.thinking + attempt.usage.injected + attempt.usage.answer


async def solve_whole(solver: Any, number: int) -> int:
    state = await solver.ainvoke({"messages": [("user", ask(number))]})
    usage = state["adaptive_result"]["usage"]
    return int(usage["total"] - usage["prompt"])


def list_kinds(engine: Any, budget: int) -> dict[str, Callable[[int], Awaitable[int]]]:
    """What is solved on an engine, by number of the question."""
    fixed, waiting = Rung("medium", budget, 0, ANSWER_ROOM), Rung("medium", budget, 2, ANSWER_ROOM)
    solver = build_solver(engine)
    return {
        "fixed": lambda number: solve_forced(engine, number, fixed, NO_STOPS),
        "loop": lambda number: solve_forced(engine, number, waiting, Stops()),
        "solve": lambda number: solve_whole(solver, number),
    }


async def measure(engine: Any, at_once: int, budget: int, repeats: int, told: bool) -> Runs:
    runs, rounds, inside = Runs(), list_kinds(InRounds(engine), budget), list_kinds(engine, budget)
    for kind in inside:
        made = await asyncio.gather(*map(inside[kind], range(at_once)))
        for _ in range(repeats):
            await runs.time(f"{kind}, raw", [run_raw(engine, made, told)])
            for way, solve in (("rounds", rounds[kind]), ("inside", inside[kind])):
                await runs.time(f"{kind}, {way}", [solve(number) for number in range(at_once)])
    return runs


@click.command()
@click.argument("model")
@click.option("-o", "options", multiple=True, help="An option of the engine, NAME=VALUE.")
@click.option("--at-once", default=64, show_default=True)
@click.option("--budget", default=192, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--told", is_flag=True, help="Log-probabilities of the raw run's tokens too.")
def main(model: str, options: tuple[str, ...], at_once: int, budget: int, repeats: int, told: bool) -> None:
    """Measure what forcing costs on a model of vLLM."""
    engine: Any = open_engine(model, **parse_options(options))
    if not engine.steers:
        raise click.ClickException(f"{model} does not steer: it needs vLLM's V1 model runner, without drafts.")
    runs = asyncio.run(measure(engine, at_once, budget, repeats, told))
    for way in runs.speeds:
        print(runs.describe(way))
    asyncio.run(engine.close())


if __name__ == "__main__":
    main()
