"""Documents made of a trained network's own chains: `python own.py MODEL.pt TOKENIZER SHARD --seed N --count N`.

A planted mistake is not a mistake that the network would make: trained on planted ones alone, a Wait mends
those and hardly any other. So chains are sampled from the network itself, compared line by line with the worked
solution, and followed by the check that a Wait (or high effort's own) should bring. The chain carries no loss.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import torch
from corpus import questions, traces
from corpus.problem import Problem
from corpus.tape import Tape
from evaluate import Bench
from generate import generate
from pack import pack

TEMPERATURE = 0.8
LONGEST = 230  # tokens of a chain: its check is as long again, and both must fit a row
CHUNK = 2_000
RIGHT_SHARE = 0.25  # of chains without a mistake, this share is kept: about as many as have one
CONCLUSION = "So "


def sampled(bench: Bench, problems: list[Problem], efforts: list[str], seed: int) -> Iterator[str]:
    """The first stretch of thinking of each problem at its effort, as text; empty if it did not come to an end."""
    prompts = [bench.opened(p.question, effort) for p, effort in zip(problems, efforts, strict=True)]
    limits = [LONGEST] * len(prompts)
    stops = bench.stops | {bench.end}
    for ids in generate(bench.net, prompts, limits, stops, TEMPERATURE, batch=512, seed=seed):
        text = bench.words.decode(ids).partition("Wait")[0]
        yield text if text.endswith(".\n") and f"\n{CONCLUSION}" in f"\n{text}" else ""


def said(text: str) -> tuple[list[str], str]:
    """The lines of a chain, and what it concludes."""
    *lines, last = text.removesuffix("\n").split("\n")
    return lines, last.removeprefix(CONCLUSION).removesuffix(".")


def reviewed(rng: Random, problem: Problem, effort: str, text: str) -> traces.Document | None:
    """Return a chain and its check; None if there is nothing to learn: no end, or right in another way."""
    truth = Tape()
    answer = problem.run(truth)
    lines, concluded = said(text)
    flawless = lines == truth.lines
    if not text or (concluded == answer) != flawless or (flawless and rng.random() > RIGHT_SHARE):
        return None
    check = traces.check(problem, lines, answer)
    start: traces.Document = [*traces.opening(problem.question, effort), ("\n", False), (text, False)]
    if effort == "high":
        return [*start, ("Wait" + check, True), *traces.ending(answer)]
    return [*start, (rng.choice(traces.WAITS), False), (check, True), *traces.ending(answer)]


def documents(bench: Bench, seed: int, count: int) -> Iterator[traces.Document]:
    """Documents of the chains sampled for `count` questions of the training side."""
    rng, source = Random(seed), islice(questions(seed, fresh=False), count)
    while problems := list(islice(source, CHUNK)):
        efforts = [rng.choice(("medium", "high")) for _ in problems]
        chains = list(sampled(bench, problems, efforts, rng.randrange(2**30)))
        made = [reviewed(rng, *one) for one in zip(problems, efforts, chains, strict=True)]
        print(f"own chains: {sum(one is not None for one in made)} documents of {len(problems)}", flush=True)
        yield from (one for one in made if one is not None)


def make_own(model: Path, tokenizer: Path, out: Path, seed: int, count: int) -> None:
    """Write one shard, on one thread."""
    torch.set_num_threads(1)
    bench = Bench(model, tokenizer)
    pack(documents(bench, seed, count), bench.words, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "tokenizer", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=8_000, help="questions")
    given = parser.parse_args()
    make_own(given.model, given.tokenizer, given.out, given.seed, given.count)


if __name__ == "__main__":
    main()
