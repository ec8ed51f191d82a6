"""The embedded engine in batches beside one chain at a time: the same tokens, and how many a second.

    python -m benchmarks.batches
    python -m benchmarks.batches --record 10 --samples 2

Both engines run the same graph. "alone" is ONNX Runtime GenAI, a chain after the other; "batch" is what `embedded`
does. The rounds of the two alternate, so that other work on the machine slows both. Tokens for each second of the
processor's time are given too: they hardly depend on other work.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from adaptive._util.files import find_artifact
from adaptive.answers.registry import open_grader
from adaptive.engines.chain_engine import ChainEngine
from adaptive.engines.onnx import OnnxEngine
from adaptive.engines.onnx_config import OnnxConfig
from adaptive.engines.onnx_genai import open_generator_runner
from adaptive.engines.protocol import Generation, Sampling
from adaptive.engines.tokenizer import FolderCodec
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question, read_questions
from adaptive.learn.data.recorder import Recorder
from adaptive.profile.untrained import load_model_profile

ABACUS = find_artifact("abacus")


class Stopwatch:
    """Seconds of the clock and of the processor, summed."""

    def __init__(self) -> None:
        self.tokens, self.wall, self.cpu = 0, 0.0, 0.0

    def run(self, work: Callable[[], Awaitable[int]]) -> None:
        """Time work that returns a number of tokens."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.tokens += asyncio.run(_await(work))
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def __str__(self) -> str:
        return f"{self.tokens / self.wall:8.0f} tokens/s {self.tokens / self.cpu:8.0f} tokens/processor second"


async def _await(work: Callable[[], Awaitable[int]]) -> int:
    return await work()


def open_alone(folder: Path) -> ChainEngine:
    """The engine that computes one chain at a time."""
    config = OnnxConfig.read(folder)
    return ChainEngine(
        name="embedded", codec=FolderCodec(folder), runner=open_generator_runner(config, None),
        window=config.window, vocabulary=config.vocabulary,
    )  # fmt: skip


async def generate_all(
    engine: ChainEngine, questions: list[Question], rows: int, tokens: int, made: dict[int, Generation]
) -> int:
    """Continue prompts side by side, half of them sampled; returns the number of tokens."""

    async def one(index: int) -> None:
        prompt = engine.codec.render([("user", questions[index % len(questions)].text)], "high").open
        sampling = Sampling(0.7 * (index % 2), seed=index)
        made[index] = await engine.generate(
            prompt, max_tokens=tokens, stop_ids=(), sampling=sampling, session=str(index)
        )
        await engine.release(str(index))

    await asyncio.gather(*(one(index) for index in range(rows)))
    return rows * tokens


def compare_speeds(folder: Path, questions: list[Question], rows: int, tokens: int, rounds: int) -> None:
    """Print the speeds of both at a number of rows, and how many of their generations are the same."""
    engines = {"alone": open_alone(folder), "batch": OnnxEngine(folder, name="embedded")}
    watches = {name: Stopwatch() for name in engines}
    made: dict[str, dict[int, Generation]] = {name: {} for name in engines}
    for engine in engines.values():
        asyncio.run(generate_all(engine, questions, 1, 2, {}))  # the first run prepares
    for _ in range(rounds):
        for name, engine in engines.items():
            watches[name].run(lambda e=engine, n=name: generate_all(e, questions, rows, tokens, made[n]))
    same = sum(made["alone"][index] == made["batch"][index] for index in range(rows))
    for name, watch in watches.items():
        print(f"{rows:3} rows  {name}  {watch}", flush=True)
    alone, batch = watches["alone"], watches["batch"]
    print(
        f"{rows:3} rows  {alone.wall / batch.wall:.1f} times as fast, in {alone.cpu / batch.cpu:.1f} times "
        f"less of the processor's time; {same} of {rows} generations are the same to the last bit",
        flush=True,
    )
    for engine in engines.values():
        asyncio.run(engine.close())


def compare_recordings(folder: Path, questions: list[Question], samples: int, concurrency: int) -> None:
    """Record the questions with both; print the times and how many attempts are the same."""
    rows, watches = {}, {}
    for name, engine in {"batch": OnnxEngine(folder, name="embedded"), "alone": open_alone(folder)}.items():
        watches[name] = Stopwatch()
        with tempfile.TemporaryDirectory() as place:
            at_once = concurrency if name == "batch" else 1
            rows[name] = record(engine, questions, samples, at_once, Path(place) / "outcomes.db", watches[name])
        print(
            f"record {len(questions)} questions  {name}  {watches[name].wall:.0f} s  {watches[name]}", flush=True
        )
    same = sum(rows["alone"][key] == rows["batch"].get(key) for key in rows["alone"])
    print(
        f"batch is {watches['alone'].wall / watches['batch'].wall:.1f} times as fast, in "
        f"{watches['alone'].cpu / watches['batch'].cpu:.1f} times less of the processor's time; {same} of "
        f"{len(rows['alone'])} attempts are the same in every token, probability and count"
    )
    for key in rows["alone"]:
        if rows["alone"][key] != rows["batch"].get(key):
            print(f"differs: {key}")


def record(
    engine: ChainEngine, questions: list[Question], samples: int, concurrency: int, file: Path, watch: Stopwatch
) -> dict[Any, Any]:
    """Record questions as `adaptive record` does; returns the outcomes by question and key, without times."""
    profile = load_model_profile("embedded", engine.context_window, None)
    with open_grader("auto") as grader:
        recorder = Recorder(engine, profile.ladder, profile.style, grader, profile.stops, samples=samples)
        with OutcomeStore(file, recorder.to_plan("embedded", "auto")) as store:
            store.add_questions(questions)

            async def work() -> int:
                tokens = 0

                def count(outcome: Any) -> None:
                    nonlocal tokens
                    usage = outcome.attempt.usage
                    tokens += usage.generated + usage.probe

                await recorder.record(questions, store, concurrency, lambda *_: None, count)
                await engine.close()
                return tokens

            watch.run(work)
            return {
                (recorded.question.id, key): without_time(outcome)
                for recorded in store
                for key, outcome in recorded.outcomes.items()
            }


def without_time(outcome: Any) -> Any:
    attempt = outcome.attempt
    return replace(outcome, attempt=replace(attempt, usage=replace(attempt.usage, seconds=0.0)))


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--model", type=click.Path(path_type=Path), default=ABACUS / "onnx", help="The model's folder.")
@click.option("--questions", type=click.Path(exists=True), default=str(ABACUS / "questions" / "fresh.jsonl"))
@click.option("--rows", default="1,16,64", show_default=True, help="Calls at once.")
@click.option("--tokens", default=40, show_default=True, help="Tokens of a call.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--record", "recorded", type=int, help="Record so many questions with both instead.")
@click.option("--samples", default=4, show_default=True)
@click.option("--concurrency", default=OnnxEngine.parallel, show_default=True)
def main(
    model: Path, questions: str, rows: str, tokens: int, rounds: int, recorded: int | None, samples: int,
    concurrency: int,
) -> None:  # fmt: skip
    """Compare."""
    asked = read_questions(questions, recorded)
    if recorded:
        compare_recordings(model, asked, samples, concurrency)
        return
    for count in rows.split(","):
        compare_speeds(model, asked, int(count), tokens, rounds)


if __name__ == "__main__":
    main()
