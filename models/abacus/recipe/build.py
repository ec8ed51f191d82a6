"""Builds Abacus from nothing: `python build.py [--work DIR] [--steps N]`.

Tokenizer, packed data, training, evaluation and export, one after the other; a step whose output exists is
skipped.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import tokenizer as words
from corpus import documents
from export import export
from pack import pack
from train import train

HOME = Path(__file__).resolve().parent.parent
TOKENIZER_SEED, DATA_SEED = 0, 100
TOKENIZER_DOCUMENTS = 40_000
SHARD_DOCUMENTS = 50_000


def make_tokenizer(out: Path) -> None:
    pieces = islice(documents(TOKENIZER_SEED), TOKENIZER_DOCUMENTS)
    words.save(words.train("".join(text for text, _ in document) for document in pieces), out)


def make_shard(number: int, tokenizer: Path, out: Path) -> None:
    pack(islice(documents(DATA_SEED + number), SHARD_DOCUMENTS), words.load(tokenizer), out)


def make_shards(count: int, tokenizer: Path, out: Path) -> None:
    """All shards that are not there yet, on every core."""
    out.mkdir(exist_ok=True)
    missing = [number for number in range(count) if not (out / f"{number:03d}").exists()]
    with ProcessPoolExecutor() as pool:
        for job in [pool.submit(make_shard, number, tokenizer, out / f"{number:03d}") for number in missing]:
            job.result()


def build(work: Path, shards: int, steps: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer" / "tokenizer.json").exists():
        make_tokenizer(work / "tokenizer")
    make_shards(shards, work / "tokenizer", work / "shards")
    if not (work / "run" / "model.pt").exists():
        train(work / "shards", work / "run", steps)
    if not (HOME / "onnx" / "genai_config.json").exists():
        export(work / "run" / "model.pt", work / "tokenizer", HOME)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=HOME / "work")
    parser.add_argument("--shards", type=int, default=11)
    parser.add_argument("--steps", type=int, default=4600)
    given = parser.parse_args()
    build(given.work, given.shards, given.steps)


if __name__ == "__main__":
    main()
