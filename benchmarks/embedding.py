"""What an embedding of the question adds to its text: AUROC of p(solved), of the text alone and with it.

    python -m benchmarks.embedding DATA... --embed SPEC

DATA is a file of outcomes (`adaptive record`), of which each rung of its ladder is a target; or a folder laid out
as benchmarks/recorded.py says, of which "most models solve it" is the target of each data set. Five folds, the same
group of questions always in one; all that is fitted is fitted inside: the model of the text, what that says out of
its own folds, the components and the lines. SPEC is as for `adaptive train --embed`; embeddings are kept beside
the log of solves, so that what was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from adaptive.cli.support.embed import embedded
from adaptive.learn.data.outcomes import OutcomeStore, plan_to_profile
from adaptive.learn.fit.corpus import Corpus
from adaptive.learn.fit.difficulty import assign_folds
from adaptive.learn.fit.embedding import Seen
from adaptive.learn.fit.examples import Examples
from adaptive.learn.fit.metrics import Floats, Labels, Solved, compute_auroc, predict_held_out
from adaptive.learn.train import DifficultyRows, number_groups
from benchmarks.recorded import recorded

FOLDS = 5


@dataclass(frozen=True)
class Data:
    """A data set: n questions, their groups, and whether each target is met, shape (n, targets)."""

    name: str
    texts: list[str]
    groups: list[str]
    targets: tuple[str, ...]
    solved: Solved


def read(path: Path, limit: int | None) -> Iterator[Data]:
    """The data sets at a path; of each at most `limit` questions, by chance."""
    for data in _corpora(path) if path.is_dir() else [_outcomes(path)]:
        kept = np.sort(np.random.default_rng(0).permutation(len(data.texts))[:limit])
        some = [data.texts[i] for i in kept], [data.groups[i] for i in kept]
        yield Data(data.name, *some, data.targets, data.solved[kept])


def _corpora(folder: Path) -> Iterator[Data]:
    """Questions that are the same have the same fold there: their texts are their groups."""
    for one in recorded(folder):
        yield Data(one.name, one.questions, one.questions, ("most models",), one.most[:, None])


def _outcomes(path: Path) -> Data:
    with OutcomeStore(path) as outcomes:
        ladder = plan_to_profile(outcomes.plan, path.stem, path).ladder
        examples = Examples.read(outcomes, ladder, lambda _: True)
    targets = tuple(f"{rung.effort} {rung.budget}" for rung in ladder)
    return Data(path.name, examples.texts, examples.groups, targets, examples.solved)


def measured(data: Data, vectors: Floats, seed: int = 0) -> tuple[Floats, Floats]:
    """p(solved) of each question by the text alone and with the embedding, by models that never saw its group."""
    rows = DifficultyRows(Corpus.read(data.texts), data.solved, np.ones_like(data.solved), data.groups)
    alone, both = np.empty(data.solved.shape), np.empty(data.solved.shape)
    fold = assign_folds(data.solved.sum(axis=1), FOLDS, seed, data.groups)
    for number in range(FOLDS):
        click.echo(f"{data.name}: fold {number + 1} of {FOLDS}", err=True)
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        alone[outside] = rows.fit(inside, seed).p_solved(rows.corpus.select(outside))
        lines = _seen(rows, inside, vectors, seed).fit(seed)
        both[outside] = lines.p_solved(alone[outside], vectors[outside])
    return alone, both


def _seen(rows: DifficultyRows, inside: Labels, vectors: Floats, seed: int) -> Seen:
    """What the lines are fitted to: of the questions inside, what models of the others inside say of them."""
    own = [rows.groups[int(i)] for i in inside]
    fold = assign_folds(rows.solved[inside].sum(axis=1), FOLDS, seed + 1, own)

    def fit(kept: Labels):  # type: ignore[no-untyped-def]
        made = rows.fit(inside[kept], seed)
        return lambda out: made.p_solved(rows.corpus.select(inside[out]))

    at, text = predict_held_out(fit, fold, every=True)
    chosen = inside[at]
    return Seen(text, vectors[chosen], rows.solved[chosen], number_groups(rows.groups)[chosen])


def shown(data: Data, alone: Floats, both: Floats) -> Iterator[tuple[str, ...]]:
    """A row of the table for each target."""
    for k, target in enumerate(data.targets):
        truth = data.solved[:, k]
        found = [compute_auroc(truth, p[:, k]) for p in (alone, both)]
        losses = [float(np.mean(_losses(truth, p[:, k]))) for p in (alone, both)]
        yield (data.name, target, str(len(truth)), f"{truth.mean():.3f}",
               *("-" if x is None else f"{x:.3f}" for x in found), *(f"{x:.3f}" for x in losses))  # fmt: skip


def _losses(truth: Solved, p: Floats) -> Floats:
    return -np.log(np.clip(np.where(truth, p, 1 - p), 1e-6, 1.0))


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="DATA...")
@click.option("--embed", required=True, metavar="SPEC")
@click.option("--limit", type=click.IntRange(min=100), metavar="N", help="At most so many questions of each.")
def main(paths: Sequence[Path], embed: str, limit: int | None) -> None:
    """Embed, fit and measure."""
    sets = [data for path in paths for data in read(path, limit)]
    given = embedded(embed, [text for data in sets for text in data.texts])
    table = Table("data", "target", "questions", "solved", "AUROC text", "with it", "log-loss text", "with it",
                  title=f"{given.name}, {given.vectors.shape[1]} numbers, {FOLDS} folds")  # fmt: skip
    ends = np.cumsum([len(data.texts) for data in sets])
    for data, vectors in zip(sets, np.split(given.vectors.astype(np.float64), ends[:-1]), strict=True):
        for row in shown(data, *measured(data, vectors)):
            table.add_row(*row)
            click.echo("  ".join(row), err=True)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
