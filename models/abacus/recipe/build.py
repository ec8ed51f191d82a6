"""Builds Abacus from nothing: `python build.py [--work DIR] [--steps N]`.

Tokenizer, packed data, training, evaluation and export, one after the other; a step whose output exists is
skipped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import tokenizer as words
from corpus import documents
from export import export
from pack import pack
from train import train

HERE = Path(__file__).resolve().parent
HOME = HERE.parent
FIGURES = HOME / "figures.json"
TOKENIZER_SEED, DATA_SEED, LATE_SEED = 0, 100, 500
LATE_SHARDS = 2
TOKENIZER_DOCUMENTS = 40_000
SHARD_DOCUMENTS = 50_000


def make_tokenizer(out: Path) -> None:
    pieces = islice(documents(TOKENIZER_SEED), TOKENIZER_DOCUMENTS)
    words.save(words.train("".join(text for text, _ in document) for document in pieces), out)


def make_shard(number: int, tokenizer: Path, out: Path, late: bool) -> None:
    seed = (LATE_SEED if late else DATA_SEED) + number
    pack(islice(documents(seed, late=late), SHARD_DOCUMENTS), words.load(tokenizer), out)


def make_shards(count: int, tokenizer: Path, out: Path, *, late: bool = False) -> None:
    """All shards that are not there yet, on every core."""
    out.mkdir(exist_ok=True)
    missing = [number for number in range(count) if not (out / f"{number:03d}").exists()]
    with ProcessPoolExecutor() as pool:
        for job in [pool.submit(make_shard, number, tokenizer, out / f"{number:03d}", late) for number in missing]:
            job.result()


def make_figures(run: Path, tokenizer: Path) -> None:
    """The evaluation's figures, and the card that shows them."""
    step("evaluate.py", run / "model.pt", tokenizer, FIGURES)
    step("card.py", FIGURES, HOME / "README.md")


def make_profile(work: Path) -> None:
    """Questions for the difficulty model and for the bench, both held out and apart, and the trained profile."""
    (HOME / "questions").mkdir(exist_ok=True)
    fresh, labelled = HOME / "questions" / "fresh.jsonl", work / "questions.jsonl"
    step("questions.py", "500", "7000", "--fresh", "--out", fresh)
    step("questions.py", "5200", "8000", "--fresh", "--without", fresh, "--out", labelled)
    step("start_profile.py", work / "start")
    out = HOME / "profile"
    command = ["train", labelled, "--profile", work / "start", "--out", out, "--limit", "5000"]
    subprocess.run([sys.executable, "-m", "adaptive.cli", *command], check=True)


def step(script: str, *arguments: str | Path) -> None:
    """Run a script of this folder."""
    subprocess.run([sys.executable, HERE / script, *arguments], check=True)


def build(work: Path, shards: int, steps: int, lr: float) -> None:
    """Everything that is not there yet."""
    work.mkdir(parents=True, exist_ok=True)
    tokenizer, run = work / "tokenizer", work / "run"
    if not (tokenizer / "tokenizer.json").exists():
        make_tokenizer(tokenizer)
    make_shards(shards, tokenizer, work / "shards")
    make_shards(LATE_SHARDS, tokenizer, work / "late", late=True)
    if not (run / "model.pt").exists():
        train(work / "shards", work / "late", run, steps, lr=lr)
    if not (HOME / "onnx" / "genai_config.json").exists():
        export(run / "model.pt", tokenizer, HOME)
    if not FIGURES.exists():
        make_figures(run, tokenizer)
    if not (HOME / "profile" / "profile.json").exists():
        make_profile(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=HOME / "work")
    parser.add_argument("--shards", type=int, default=11)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--lr", type=float, default=4e-3)
    given = parser.parse_args()
    build(given.work, given.shards, given.steps, given.lr)


if __name__ == "__main__":
    main()
