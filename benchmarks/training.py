"""How long training takes on 100,000 questions, and a prediction: alone and in a batch.

    python -m benchmarks.training [--rows 100000] [--runs 3]

Questions are generated: sums of several lengths in words; which rung solves one depends on its digits and chance.
Prints medians and ranges over the runs, on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from statistics import median

import click
import numpy as np

from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import TrainedDifficulty

RUNGS = 4
NAMES = ("Ann", "Bo", "Carla", "Dinesh", "Eva", "Farid", "Gwen", "Hugo")
THINGS = ("apples", "books", "coins", "marbles", "stamps", "shells", "pens", "cards")
FORMS = (
    "{a} has {x} {t} and gets {y} more from {b}. How many {t} does {a} have in total?",
    "{a} had {x} {t} and gave {y} of them to {b}. How many {t} are left?",
    "A box holds {x} {t}. {a} buys {y} boxes, and {b} pays half. How many {t} is that altogether?",
    "What is {x} + {y} - {z}?",
)


def questions(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts, and whether each rung solves them, shape (count, RUNGS)."""
    rng = Random(seed)
    texts, reach = [], []
    for _ in range(count):
        digits = rng.choice((1, 2, 3, 4))
        x, y, z = (rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(3))
        a, b = rng.sample(NAMES, 2)
        texts.append(rng.choice(FORMS).format(a=a, b=b, t=rng.choice(THINGS), x=x, y=y, z=z))
        reach.append(digits - 1 + (rng.random() < 0.2))
    return texts, np.asarray(reach)[:, None] <= np.arange(RUNGS)


def timed(work: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each run."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def shown(name: str, taken: Sequence[float], unit: str, factor: float) -> None:
    """A line: median and range."""
    values = [factor * t for t in taken]
    print(f"{name}: {median(values):,.1f} {unit} ({min(values):,.1f} to {max(values):,.1f})", flush=True)


@click.command()
@click.option("--rows", default=100_000, show_default=True)
@click.option("--runs", default=3, show_default=True)
def main(rows: int, runs: int) -> None:
    """Print the medians."""
    texts, solved = questions(rows)
    shown(f"reading {rows:,} questions", timed(lambda: Corpus.read(texts), runs), "s", 1)
    shown(f"Trained.fit on {rows:,} questions", timed(lambda: TrainedDifficulty.fit(texts, solved), runs), "s", 1)
    model = TrainedDifficulty.fit(texts[:5000], solved[:5000]).to_model()
    some = texts[-2000:]
    model.p_solved(some[:10])
    shown("predict, alone", [t / 500 for t in timed(lambda: [model.p_solved([q]) for q in some[:500]], 5 * runs)],
          "µs a question", 1e6)  # fmt: skip
    shown("predict, in a batch of 2,000", [t / 2000 for t in timed(lambda: model.p_solved(some), 5 * runs)],
          "µs a question", 1e6)  # fmt: skip


if __name__ == "__main__":
    main()
