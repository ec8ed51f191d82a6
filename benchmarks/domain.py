"""The domain alone: fitted to questions of some files, how much does it call outside, of the same kind and of
others?

    python -m benchmarks.domain --home gsm8k.jsonl --home svamp.jsonl --home math.jsonl --fit 1500 \
        cruxeval.jsonl mmlu_pro.jsonl

The home files take turns, one question each; the first `--fit` questions are fitted to, the next 600 are new ones
of the same kind. AUROC: whether a foreign question is more novel than one of these. No model is called.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from adaptive.learn.data.splits import hash_question
from adaptive.learn.fit.domain import fit_domain
from adaptive.profile.domain import ALPHA, FILE, Domain
from benchmarks.shift import measure_auroc

NEW = 600
TIMED = 400


def read_texts(file: str, seed: int) -> list[str]:
    """Return the questions of a file, each once, in random order."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    texts = list(dict.fromkeys(json.loads(line)["question"] for line in lines))
    np.random.default_rng(seed).shuffle(texts)
    return texts


def time_score(domain: Domain, texts: Sequence[str]) -> float:
    """Return the median milliseconds of a score, each question scored for the first time."""
    taken = []
    for text in texts:
        start = time.perf_counter()
        domain.score(text)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


@click.command()
@click.argument("foreign", nargs=-1, required=True)
@click.option(
    "--home", multiple=True, required=True, help="File of the kind that is fitted to; several take turns."
)
@click.option(
    "--fit", "counts", type=click.IntRange(min=1), multiple=True, default=(1500,), help="Questions to fit to."
)
@click.option("--alpha", type=click.FloatRange(0, 0.5), default=ALPHA, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(
    foreign: tuple[str, ...], home: tuple[str, ...], counts: tuple[int, ...], alpha: float, seed: int
) -> None:
    """Fit, measure and print a row for each number of questions."""
    turns = zip_longest(*(read_texts(file, seed) for file in home))
    own = list(dict.fromkeys(text for text in chain.from_iterable(turns) if text is not None))
    others = {Path(file).stem: read_texts(file, seed) for file in foreign}
    table = Table("fitted to", "same kind outside", *others, "ms", "kB", title="percent outside, AUROC")
    for count in counts:
        fitted, new = own[:count], own[count : count + NEW]
        if not new:
            raise click.UsageError(
                f"there are {len(own)} questions at home: --fit {count} leaves none to measure on"
            )
        domain = fit_domain(fitted, list(map(hash_question, fitted)), alpha).domain
        novelty = [domain.score(text) for text in new]
        cells = [_compare(domain, novelty, texts) for texts in others.values()]
        with tempfile.TemporaryDirectory() as folder:
            domain.save(Path(folder))
            size = (Path(folder) / FILE).stat().st_size / 1000
        milliseconds = time_score(domain, [f"{text} " for text in new[:TIMED]])
        same = 100 * np.mean([domain.is_outside(text) for text in new])
        table.add_row(str(len(fitted)), f"{same:.1f}", *cells, f"{milliseconds:.2f}", f"{size:.0f}")
    Console(width=160).print(table)


def _compare(domain: Domain, home: Sequence[float], texts: Sequence[str]) -> str:
    novelty = [domain.score(text) for text in texts]
    outside = 100 * np.mean([domain.is_outside(text) for text in texts])
    return f"{outside:.1f}, {measure_auroc(home, novelty):.3f}"


if __name__ == "__main__":
    main()
