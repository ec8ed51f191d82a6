"""Builds Abacus from nothing: `python build.py [--work DIR] [--steps N N N N]`.

Tokenizer, packed data, training, more trainings with the network's own chains among the data, export, evaluation
and profile, one after the other; a step whose output exists is skipped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import tokenizer as words
from corpus import documents
from export import export
from own import make_own
from pack import pack
from train import Course, train

HERE = Path(__file__).resolve().parent
HOME = HERE.parent
FIGURES = HOME / "figures.json"
TOKENIZER_SEED, DATA_SEED, LATE_SEED, OWN_SEED = 0, 100, 500, 900
SHARDS, LATE_SHARDS, OWN_SHARDS = 4, 2, 2
OWN_QUESTIONS = 5_000
STEPS = (1500, 600, 2400, 3000)
"""Of each training."""
PROFILED = 3_111
PRECISION = "0.99"
"""The share of what the profile accepts that is right: newcomers should not see a wrong answer called verified."""
OWN_TIMES, OWN_TIMES_LATE = 4, 3  # how often a later training reads its own chains to once for all else
TOKENIZER_DOCUMENTS = 40_000
SHARD_DOCUMENTS = 50_000


def make_tokenizer(out: Path) -> None:
    pieces = islice(documents(TOKENIZER_SEED), TOKENIZER_DOCUMENTS)
    words.save(words.train("".join(text for text, _ in document) for document in pieces), out)


def make_shard(number: int, out: Path, tokenizer: Path, late: bool) -> None:
    seed = (LATE_SEED if late else DATA_SEED) + number
    pack(islice(documents(seed, late=late), SHARD_DOCUMENTS), words.load(tokenizer), out)


def make_own_shard(number: int, out: Path, model: Path, tokenizer: Path, seed: int) -> None:
    make_own(model, tokenizer, out, seed + number, OWN_QUESTIONS)


def make_model(work: Path, tokenizer: Path, steps: Sequence[int]) -> Path:
    """All trainings: on worked solutions, then with checks of the chains that the last network made."""
    data, late, model = work / "shards", work / "late", work / "1" / "model.pt"
    on_every_core(make_shard, SHARDS, data, tokenizer, False)
    on_every_core(make_shard, LATE_SHARDS, late, tokenizer, True)
    if not model.exists():
        train(Course([data], [late], steps[0], lr=4e-3), model.parent)
    for number, some in enumerate(steps[1:], 2):
        start, model = model, work / str(number) / "model.pt"
        if not model.exists():
            own = work / f"own{number}"
            on_every_core(make_own_shard, OWN_SHARDS, own, start, tokenizer, OWN_SEED * number)
            mixed, mixed_late = [data, *[own] * OWN_TIMES], [late, *[own] * OWN_TIMES_LATE]
            course = Course(mixed, mixed_late, some, lr=3e-3, cooldown=0.4, seed=number, start=start)
            train(course, model.parent)
    return model


def on_every_core(make: Callable[..., None], count: int, out: Path, *arguments: object) -> None:
    """All of the numbered shards that are not there yet: `make(number, shard, *arguments)`."""
    out.mkdir(exist_ok=True)
    missing = [number for number in range(count) if not (out / f"{number:03d}").exists()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(make, number, out / f"{number:03d}", *arguments) for number in missing]
        for job in jobs:
            job.result()


def make_figures(model: Path, tokenizer: Path) -> None:
    """The evaluation's figures, and the card that shows them."""
    step("evaluate.py", model, tokenizer, FIGURES)
    step("card.py", FIGURES, HOME / "README.md")


def make_profile(work: Path) -> None:
    """Questions for the profile and for the bench, both held out and apart; then recorded, trained and tuned."""
    (HOME / "questions").mkdir(exist_ok=True)
    fresh, asked = HOME / "questions" / "fresh.jsonl", work / "questions.jsonl"
    step("questions.py", "500", "7000", "--fresh", "--out", fresh)
    step("questions.py", "5000", "8000", "--fresh", "--without", fresh, "--out", asked)
    step("start_profile.py", work / "start")
    out, outcomes = HOME / "profile", work / "outcomes.db"
    adaptive("record", asked, "--out", outcomes, "--profile", work / "start", "--limit", PROFILED)
    adaptive("train", outcomes, "--profile", work / "start", "--out", out, "--target-precision", PRECISION)
    adaptive("tune", out, "--outcomes", outcomes, "--front")


def adaptive(*arguments: object) -> None:
    """Run a verb of the command."""
    subprocess.run([sys.executable, "-m", "adaptive.cli", *map(str, arguments)], check=True)


def step(script: str, *arguments: str | Path) -> None:
    """Run a script of this folder."""
    subprocess.run([sys.executable, HERE / script, *arguments], check=True)


def build(work: Path, steps: Sequence[int]) -> None:
    """Everything that is not there yet."""
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = work / "tokenizer"
    if not (tokenizer / "tokenizer.json").exists():
        make_tokenizer(tokenizer)
    model = make_model(work, tokenizer, steps)
    if not (HOME / "onnx" / "genai_config.json").exists():
        export(model, tokenizer, HOME)
    if not FIGURES.exists():
        make_figures(model, tokenizer)
    if not (HOME / "profile" / "profile.json").exists():
        make_profile(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=HOME / "work")
    parser.add_argument("--steps", type=int, nargs=len(STEPS), default=STEPS)
    given = parser.parse_args()
    build(given.work, given.steps)


if __name__ == "__main__":
    main()
