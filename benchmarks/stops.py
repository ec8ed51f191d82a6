"""What early stops save and cost on one long chain a question, each alone and together, probes counted.

    python -m benchmarks.stops embedded models/abacus/questions/fresh.jsonl --budget 512 --waits 20

Every chain is thought to its end once, with a probe at each boundary that comes `--every` tokens after the last;
what a stop would have done is then replayed on the recorded probes, with the code that stops a real chain. Where a
loop stops it, the chain is cut there and made to answer. `--waits` puts the end off so often, so that chains run
to the cap, which is the notebook's way; 0 lets them end. Thresholds are chosen on one half of the questions, the
figures are of the other, both ways.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from adaptive.engines.protocol import Prompt, Sampling, TokenEngine
from adaptive.engines.registry import open_engine, parse_options
from adaptive.profile.profile import Profile
from adaptive.profile.untrained import load_model_profile
from adaptive.reason.chain import Thought
from adaptive.reason.early_stop import HaltWatch, ProbeResult, StopDecider
from adaptive.reason.forcing import think_within_budget
from adaptive.types.attempt import Attempt
from adaptive.types.events import Event
from adaptive.types.ladder import Rung, parse_effort
from adaptive.types.stops import Stops
from adaptive.verify import same_answer
from benchmarks.outcomes import after_thinking
from benchmarks.recording import styled

GREEDY, NEVER = Sampling(), 10**9
CONFIDENT = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
CONVERGED = (2, 3, 4)
ALLOWED_LOSS = 0.005
"""Share of right answers that a threshold may lose on the half that it is chosen on."""


@dataclass(frozen=True)
class Probe:
    """A look at a chain after `at` thinking tokens, for `cost` tokens."""

    at: int
    cost: int
    answer: str | None
    confidence: float | None
    text: str


@dataclass(frozen=True)
class Chain:
    """One question's chain: how long, what it answered for how many tokens after, its probes, and where it
    loops."""

    reference: str
    tokens: int
    finish: str
    answer: str | None
    answered: int
    probes: tuple[Probe, ...]
    loop_at: int | None
    loop_answer: str | None
    loop_answered: int


@dataclass(frozen=True)
class Outcome:
    """What came of a chain under some stops: right, thinking tokens, all tokens, and what ended it."""

    right: bool
    thinking: int
    tokens: int
    why: str


def replayed(chain: Chain, stops: Stops) -> Outcome:
    """A chain under `stops`."""
    sight, spent = StopDecider(stops), 0
    loop_at = chain.loop_at if stops.loop and chain.loop_at is not None else NEVER
    for probe in chain.probes if stops.probes_enabled else ():
        if probe.at >= loop_at:
            break
        spent += probe.cost
        if why := sight.decide(ProbeResult(probe.answer, probe.confidence, probe.text)):
            return Outcome(same_answer(probe.answer, chain.reference), probe.at, probe.at + spent, why)
    if loop_at < chain.tokens:
        right = same_answer(chain.loop_answer, chain.reference)
        return Outcome(right, loop_at, loop_at + spent + chain.loop_answered, "loop")
    total = chain.tokens + spent + chain.answered
    return Outcome(same_answer(chain.answer, chain.reference), chain.tokens, total, chain.finish)


@dataclass
class Recorder:
    """Thinks chains to their end."""

    engine: TokenEngine
    profile: Profile
    rung: Rung
    every: int
    system: str

    async def chain(self, row: dict[str, Any]) -> Chain:
        """One question's chain."""
        session, turns = f"{id(row)}", [("system", self.system)] if self.system else []
        prompt = self.engine.codec.render([*turns, ("user", row["question"])], self.rung.effort)
        looking = Stops(loop=False, probe_every=self.every, converged=NEVER)
        style = replace(self.profile.style, stop_on_repeat=False)
        events: list[Event] = []
        whole = await self.buy(prompt, self.rung, session, style, looking, Thought(), events)
        at = self.looped(whole)
        cut = whole
        if at is not None and at < whole.chain_tokens:
            cut = await self.buy(prompt, replace(self.rung, budget=at), session, style, Stops(loop=False),
                                 Thought.from_attempt(whole), [])  # fmt: skip
        await self.engine.release(session)
        return Chain(str(row["answer"]), whole.chain_tokens, whole.finish, whole.answer, after_thinking(whole),
                     tuple(probes_of(events)), at, cut.answer, after_thinking(cut))  # fmt: skip

    async def buy(
        self,
        prompt: Prompt,
        rung: Rung,
        session: str,
        style: Any,
        stops: Stops,
        thought: Thought,
        events: list[Event],
    ) -> Attempt:
        """One attempt."""
        return await think_within_budget(
            self.engine, prompt, rung, style=style, stops=stops, thought=thought, sampling=GREEDY, session=session,
            index=0, arm="first", on_event=events.append,
        )  # fmt: skip

    def looped(self, attempt: Attempt) -> int | None:
        """After how many thinking tokens a chain is found to loop; ends that were put off are left out of the
        count."""
        watch = HaltWatch(Stops(), self.engine.codec, (), probes=False)
        return next((i for i, token in enumerate(attempt.trace, start=1) if watch(token)), None)


def probes_of(events: Sequence[Event]) -> list[Probe]:
    """The probes among an attempt's events, each with the thinking since the one before."""
    found, text = [], ""
    for event in events:
        if event["event"] == "thinking":
            text += event["text"]
        elif event["event"] == "probe":
            found.append(Probe(event["charged"], event["tokens"], event["answer"], event["confidence"], text))
            text = ""
    return found


def chosen(chains: Sequence[Chain], options: Sequence[Stops]) -> Stops:
    """Of some settings the one that saves most tokens and loses next to nothing; the last one if each loses
    more."""
    base = np.mean([replayed(c, Stops(loop=False)).right for c in chains])

    def result(stops: Stops) -> tuple[float, float]:
        outcomes = [replayed(c, stops) for c in chains]
        return float(np.mean([o.right for o in outcomes])), float(np.mean([o.tokens for o in outcomes]))

    known = {i: result(stops) for i, stops in enumerate(options)}
    safe = [i for i in known if known[i][0] >= base - ALLOWED_LOSS]
    return options[min(safe, key=lambda i: known[i][1])] if safe else options[-1]


def settings(every: int) -> dict[str, list[Stops]]:
    """What is tried: each stop alone, with its thresholds, and all together."""
    off = Stops(loop=False, probe_every=every)
    confident = [replace(off, confident=c) for c in CONFIDENT]
    converged = [replace(off, converged=k) for k in CONVERGED]
    together = [Stops(True, every, k, c) for k in (*CONVERGED, 0) for c in (*CONFIDENT, None)]
    return {
        "none": [Stops(loop=False)],
        "loop": [Stops()],
        "converged": converged,
        "confident": confident,
        "together": together,
    }


def table(chains: Sequence[Chain], every: int) -> Table:
    """Tokens saved and accuracy changed; settings chosen on the other half."""
    half = np.random.default_rng(0).permutation(len(chains)) % 2
    parts = [[c for c, h in zip(chains, half, strict=True) if h == one] for one in (0, 1)]
    columns = ("stops", "right", "change (95 %)", "thinking", "all tokens", "saved (95 %)", "ended by", "settings")
    shown = Table(*columns)
    base = [replayed(c, Stops(loop=False)) for part in parts for c in part]
    for name, options in settings(every).items():
        picked = [chosen(parts[1 - i], options) for i in (0, 1)]
        got = [replayed(c, picked[i]) for i in (0, 1) for c in parts[i]]
        change = 100 * (np.array([o.right for o in got], float) - np.array([o.right for o in base], float))
        tokens, all_tokens = np.array([o.tokens for o in got], float), np.array([o.tokens for o in base], float)
        draws = np.random.default_rng(0).integers(0, len(got), (2000, len(got)))
        lost = np.percentile(change[draws].mean(axis=1), (2.5, 97.5))
        saved = np.percentile(100 * (1 - tokens[draws].sum(axis=1) / all_tokens[draws].sum(axis=1)), (2.5, 97.5))
        whys = [o.why for o in got]
        ended = ", ".join(f"{w} {100 * whys.count(w) / len(whys):.0f} %" for w in dict.fromkeys(whys))
        shown.add_row(
            name,
            f"{100 * np.mean([o.right for o in got]):.1f} %",
            f"{change.mean():+.1f} ({lost[0]:+.1f} to {lost[1]:+.1f})",
            f"{np.mean([o.thinking for o in got]):.0f}",
            f"{tokens.mean():.0f}",
            f"{100 * (1 - tokens.sum() / all_tokens.sum()):.0f} % ({saved[0]:.0f} to {saved[1]:.0f})",
            ended,
            " / ".join(f"{s.converged or '-'}, {s.confident or '-'}" for s in picked),
        )
    return shown


async def record(recorder: Recorder, rows: Sequence[dict[str, Any]], concurrency: int) -> list[Chain]:
    """The chains of all rows, many at once."""
    waiting, chains = iter(rows), list[Chain]()
    console = Console(stderr=True)

    async def work() -> None:
        for row in waiting:
            chains.append(await recorder.chain(row))
            if len(chains) % 20 == 0:
                console.print(f"recorded {len(chains)} of {len(rows)}")

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return chains


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("model")
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--profile", help="A profile's folder; default: the model's own.")
@click.option("--markers", help="How the model marks its thinking.")
@click.option("--prefix", help="The head of an answer after a forced end.")
@click.option("--system", default="", help="A system message.")
@click.option("--effort", default="medium", show_default=True)
@click.option("--budget", default=512, show_default=True)
@click.option("--room", default=48, show_default=True, help="Most tokens of an answer.")
@click.option("--waits", default=0, show_default=True)
@click.option("--every", default=32, show_default=True, help="Fewest tokens between probes.")
@click.option("--limit", type=int)
@click.option("--concurrency", default=32, show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep the chains, or read them if there."
)
def main(
    model: str, questions: Path, options: tuple[str, ...], profile: str | None, markers: str | None,
    prefix: str | None, system: str, effort: str, budget: int, room: int, waits: int, every: int,
    limit: int | None, concurrency: int, out: Path | None,
) -> None:  # fmt: skip
    """Record, replay, print."""
    if out is not None and out.exists():
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        chains = [Chain(**{**r, "probes": tuple(Probe(**p) for p in r["probes"])}) for r in rows]
    else:
        asked = [json.loads(line) for line in questions.read_text().splitlines()][:limit]
        engine = open_engine(model, **parse_options(options), **({"markers": markers} if markers else {}))
        known = styled(load_model_profile(engine.name, engine.context_window, profile), None, prefix, None)
        rung = Rung(parse_effort(effort), budget, waits, room)

        async def work() -> list[Chain]:
            try:
                return await record(Recorder(engine, known, rung, every, system), asked, concurrency)
            finally:
                await engine.close()

        chains = asyncio.run(work())
        if out is not None:
            out.write_text("".join(json.dumps(asdict(c)) + "\n" for c in chains))
    console = Console(width=170)
    capped = [c for c in chains if c.finish == "budget"]
    console.print(f"{len(chains)} chains on {model}, budget {budget}, {waits} Waits, a probe every {every} tokens")
    console.print(table(chains, every))
    if 20 <= len(capped) < len(chains):
        console.print(f"the {len(capped)} of them that run to the cap")
        console.print(table(capped, every))


if __name__ == "__main__":
    main()
