"""What `adaptive serve` adds to one client alone, in turns with the solver and the engine in this process.

    python -m benchmarks.serve_proxy

The engine makes as many tokens as the solver's attempt in one call; the solver forces an exact budget; the server
streams that solve over HTTP. First tokens and tokens a second are medians over the turns.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import click
import httpx

from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine
from adaptive.solver.build import build_solver
from adaptive.types.options import Options
from benchmarks.served import run_server

QUESTION = "What is 348 + 276 - 95 + 412 - 87?"
BUDGET, WAITS = 256, 100
SETTINGS: dict[str, Any] = {"budget": BUDGET, "waits": WAITS, "max_attempts": 1}
"""Thinking of just the budget: the model's own ends are put off by waits."""


@dataclass(frozen=True)
class Timed:
    """Seconds until the first token and the last, and the tokens that were generated."""

    first: float
    last: float
    tokens: int

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.last


async def time_engine(engine: TokenEngine, tokens: int, session: str) -> Timed:
    """Make the tokens in one call."""
    prompt, started, times = (
        engine.codec.render([("user", QUESTION)], "medium").open,
        perf_counter(),
        list[float](),
    )

    def note(_: int) -> None:
        times.append(perf_counter() - started)

    made = await engine.generate(
        prompt, max_tokens=tokens, stop_ids=(), sampling=Sampling(), session=session, on_token=note
    )
    await engine.release(session)
    return Timed(times[0], perf_counter() - started, len(made.ids))


async def time_solver(solver: Any) -> Timed:
    """Solve in this process."""
    started, first, result = perf_counter(), 0.0, dict[str, Any]()
    async for event in solver.astream({"messages": [("user", QUESTION)]}, stream_mode="custom"):
        first = first or (perf_counter() - started if event["event"] == "thinking" else 0.0)
        result = event.get("result", result)
    return Timed(first, perf_counter() - started, count_generated(result["usage"]))


async def time_server(client: httpx.AsyncClient) -> Timed:
    """Solve on the server, streamed."""
    body = {
        "model": "embedded",
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        "adaptive": {**SETTINGS, "result": True},
    }
    started, first, usage = perf_counter(), 0.0, dict[str, Any]()
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if chunk["choices"][0]["delta"].get("reasoning_content"):
                first = first or perf_counter() - started
            usage = chunk.get("adaptive", {}).get("usage", usage)
    return Timed(first, perf_counter() - started, count_generated(usage))


def count_generated(usage: Mapping[str, Any]) -> int:
    """Return the tokens that the engine made."""
    return int(usage["thinking"] + usage["answer"] + usage["probe"])


def measure_proxy(address: str, turns: int) -> dict[str, list[Timed]]:
    """Ask all three in turns; the first turn warms them up."""

    async def run() -> dict[str, list[Timed]]:
        engine = open_engine("embedded")
        solver = build_solver(engine, options=Options(stop="none", **SETTINGS))
        timed: dict[str, list[Timed]] = {"engine": [], "solver": [], "server": []}
        async with httpx.AsyncClient(base_url=address, timeout=600) as client:
            for turn in range(turns + 1):
                solved, served = await time_solver(solver), await time_server(client)
                made = await time_engine(engine, solved.tokens, f"turn {turn}")
                if turn:
                    for name, one in (("engine", made), ("solver", solved), ("server", served)):
                        timed[name].append(one)
        await engine.close()
        return timed

    return asyncio.run(run())


def print_proxy(timed: Mapping[str, list[Timed]]) -> None:
    """Print the medians, and each turn's ratio to the engine's."""
    for name, turns in timed.items():
        rates = [one.rate / base.rate for one, base in zip(turns, timed["engine"], strict=True)]
        print(
            f"{name:7} first token {1000 * median(t.first for t in turns):.1f} ms, "
            f"{median(t.rate for t in turns):.0f} tokens/s, {median(rates):.3f} of the engine's, "
            f"{median(t.tokens for t in turns):.0f} tokens"
        )


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--turns", default=20, show_default=True)
def main(turns: int) -> None:
    """Start a server, measure and print."""
    with run_server("--stop", "none") as server:
        print_proxy(measure_proxy(server.address, turns))


if __name__ == "__main__":
    main()
