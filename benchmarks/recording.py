"""Records what every arm brings, from the same starting attempts: nothing here decides anything.

    python -m benchmarks.recording vllm:models/abacus/hf models/abacus/questions/fresh.jsonl --out arms.jsonl

For each question: the direct answer; one chain at the first thinking effort of the ladder, made to answer at each
of its budgets; Waits after its end; a new chain at the ladder's top; and samples, made to answer at each budget
too. A run that was stopped goes on where it was. `benchmarks.arms` and `bench.votes` read what is written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adaptive.engines.protocol import Sampling, TokenEngine
from adaptive.engines.registry import open_engine, parse_options
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.reason.budget import Style
from adaptive.reason.chain import Thought
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Arm, Attempt
from adaptive.types.ladder import Rung
from adaptive.types.stops import Stops

GREEDY = Sampling()
WAITS = 2
LOOPS = Stops()


@dataclass(frozen=True)
class Recorder:
    """Buys attempts at questions; loops are stopped, for no arm is meant to pay for them."""

    engine: TokenEngine
    profile: Profile
    samples: int
    temperature: float
    system: str
    stops: Stops = LOOPS

    @property
    def rungs(self) -> list[tuple[int, Rung]]:
        """The thinking rungs of the first effort."""
        thinking = [(i, r) for i, r in enumerate(self.profile.ladder) if r.thinks]
        return [(i, replace(r, waits=0)) for i, r in thinking if r.effort == thinking[0][1].effort]

    async def record(self, question: str, answer: str) -> dict[str, Any]:
        """All attempts at one question, in plain JSON types."""
        asked = Asked(self, question)
        try:
            return {"question": question, "answer": answer, **await asked.all()}
        finally:
            for session in asked.sessions:
                await self.engine.release(session)


@dataclass
class Asked:
    """One question as it is recorded."""

    by: Recorder
    question: str

    def __post_init__(self) -> None:
        self.sessions: set[str] = set()

    async def all(self) -> dict[str, Any]:
        """The attempts by what they are."""
        ladder = self.by.profile.ladder
        top, (_, widest) = ladder[ladder.top], self.by.rungs[-1]
        direct = await self.buy(ladder[0], 0, "first", "main")
        chain = await self.buy(widest, self.by.rungs[-1][0], "first", "main")
        waits = await self.waits(chain, max(r.budget for r in ladder))
        other = await self.buy(replace(top, waits=0), ladder.top, "effort", "top") if top != widest else None
        drawn = [await self.sample(n) for n in range(1, self.by.samples + 1)]
        return {
            "prompt": len(self.prompt(widest).open),
            "direct": direct.to_json(),
            "starts": [a.to_json() for a in await self.at_each_budget(chain, "main")],
            "waits": [a.to_json() for a in waits],
            "effort": other.to_json() if other else None,
            "samples": [[a.to_json() for a in one] for one in drawn],
        }

    async def waits(self, chain: Attempt, budget: int) -> list[Attempt]:
        """The chain with one Wait more, and one more; none where it did not end by itself."""
        made: list[Attempt] = []
        while len(made) < WAITS and chain.finish == "natural":
            rung = Rung(self.by.rungs[-1][1].effort, budget, len(made) + 1, self.by.rungs[-1][1].answer_room)
            chain = await self.buy(rung, chain.rung, "wait", "main", chain)
            made.append(chain)
        return made

    async def sample(self, number: int) -> list[Attempt]:
        """One sample, made to answer at each budget."""
        how = Sampling(temperature=self.by.temperature, seed=number)
        index, widest = self.by.rungs[-1]
        session = f"sample {number}" if self.by.engine.shares_cache else "samples"
        chain = await self.buy(widest, index, "vote", session, how=how)
        return await self.at_each_budget(chain, session, how)

    async def at_each_budget(self, chain: Attempt, session: str, how: Sampling = GREEDY) -> list[Attempt]:
        """What the chain answers when it is cut to each budget, the chain's own last."""
        smaller = self.by.rungs[:-1]
        cut = [await self.buy(rung, index, chain.arm, session, chain, how) for index, rung in smaller]
        return [*cut, chain]

    async def buy(
        self,
        rung: Rung,
        index: int,
        arm: Arm,
        session: str,
        after: Attempt | None = None,
        how: Sampling = GREEDY,
    ) -> Attempt:
        """One attempt, on the chain of another."""
        session = f"{id(self)} {session}"
        self.sessions.add(session)
        thought = Thought.from_attempt(after) if after else Thought()
        return await think_within_budget(
            self.by.engine, self.prompt(rung), rung, style=self.by.profile.style, stops=self.by.stops,
            thought=thought, sampling=how, session=session, index=index, arm=arm,
        )  # fmt: skip

    def prompt(self, rung: Rung) -> Any:
        """The question through the chat template."""
        turns = [("system", self.by.system)] if self.by.system else []
        told = rung.effort if rung.thinks else self.by.rungs[0][1].effort
        return self.by.engine.codec.render([*turns, ("user", self.question)], told)


async def run(recorder: Recorder, rows: list[dict[str, str]], out: Path, concurrency: int) -> None:
    """Record all rows that are not in `out` yet, many at once."""
    known = {json.loads(line)["question"] for line in out.read_text().splitlines()} if out.exists() else set()
    left: Iterator[dict[str, str]] = iter([r for r in rows if r["question"] not in known])
    console, done = Console(stderr=True), len(known)

    async def work() -> None:
        nonlocal done
        for row in left:
            record = await recorder.record(row["question"], str(row["answer"]))
            with out.open("a") as file:
                file.write(json.dumps(record) + "\n")
            done += 1
            if done % 20 == 0:
                console.print(f"recorded {done} of {len(rows)}")

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def styled(profile: Profile, ladder: str | None, prefix: str | None, room: int | None) -> Profile:
    """The profile with another ladder (budgets parted by commas), answer prefix or room for answers."""
    if ladder is not None:
        from adaptive.cli.support.options import parse_ladder

        profile = replace(profile, ladder=parse_ladder(ladder))
    if room is not None:
        rungs = tuple(replace(r, answer_room=room) for r in profile.ladder)
        profile = replace(profile, ladder=type(profile.ladder)(rungs))
    return profile if prefix is None else replace(profile, style=Style(answer_prefix=prefix))


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("model")
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--profile", help="A profile's folder; default: the model's own.")
@click.option("--markers", help="How the model marks its thinking.")
@click.option("--ladder", help="Budgets, as in 0,128:low,256:low,512:high.")
@click.option("--prefix", help="The head of an answer after a forced end.")
@click.option("--room", type=int, help="Most tokens of an answer.")
@click.option("--system", default="", help="A system message.")
@click.option("--samples", default=8, show_default=True)
@click.option("--temperature", default=0.7, show_default=True)
@click.option("--limit", type=int)
@click.option("--concurrency", default=32, show_default=True)
def main(
    model: str, questions: Path, out: Path, options: tuple[str, ...], profile: str | None, markers: str | None,
    ladder: str | None, prefix: str | None, room: int | None, system: str, samples: int, temperature: float,
    limit: int | None, concurrency: int,
) -> None:  # fmt: skip
    """Record."""
    rows = [json.loads(line) for line in questions.read_text().splitlines()][:limit]
    named = {"markers": markers} if markers else {}
    engine = open_engine(model, **parse_options(options), **named)
    known = styled(load_model_profile(engine.name, engine.context_window, profile), ladder, prefix, room)

    async def work() -> None:
        try:
            await run(Recorder(engine, known, samples, temperature, system), rows, out, concurrency)
        finally:
            await engine.close()

    asyncio.run(work())


if __name__ == "__main__":
    main()
