"""A model placed with a few graded questions, against one trained on all its own outcomes, and its base rate.

    python -m benchmarks.placing DATA

Models are left out in groups: neither difficulties nor the prior are learned from their answers. Then 50 questions
are drawn that the difficulty model predicts crosswise (it was not fitted to them, as it is not to a user's own),
the model is placed with its answers to these, many draws, and its answers to the held-out folds are predicted. Its
own model is a logistic regression over the same columns, fitted to all its own answers outside these folds. DATA
is laid out as benchmarks/recorded.py says. Takes some minutes on one core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_limits

from adaptive.learn.fit import item_response
from adaptive.learn.fit.general import STRUCTURE_SCALE, TrainedGeneral
from adaptive.profile.general_features import compute_structure
from adaptive.profile.placement import Prior, place_model
from benchmarks.recorded import SETS, Bools, Floats, Recorded, examples, held_out, recorded

WIDE = Prior(ability=0.0, ability_sd=10.0, log_slope=-0.5, log_slope_sd=0.5)
"""Hardly a prior, for the placement of a model with all its answers."""
STRENGTHS = (0.1, 1.0, 10.0)
FOLDS = 4


@dataclass(frozen=True)
class Score:
    """Brier scores of one model on one data set's held-out questions; `placed` is the mean over the draws."""

    data: str
    model: str
    solved: float
    placed: float
    own: float
    base: float
    average: float
    """The prior alone: without any graded question."""

    @property
    def behind(self) -> float:
        """How much worse placed is than its own model."""
        return self.placed - self.own


def prior_of(sets: Sequence[Recorded], rows: Sequence[Bools], b: Sequence[Floats], models: Any = None) -> Prior:
    """What the models are like, each placed with all its answers on every data set; `models` are the only ones."""
    found = [
        place_model(hard, one.solved[kept][:, [m]], WIDE)
        for one, kept, hard in zip(sets, rows, b, strict=True)
        for m, name in enumerate(one.models)
        if models is None or name in models
    ]
    ability = np.array([p.abilities[0] for p in found])
    logs = np.log([p.slope for p in found])
    return Prior(*(round(float(x), 4) for x in (ability.mean(), ability.std(), logs.mean(), logs.std())))


def groups(sets: Sequence[Recorded], count: int) -> list[set[str]]:
    """All models dealt out, neighbours in name apart."""
    names = sorted({name for one in sets for name in one.models})
    return [set(names[k::count]) for k in range(count)]


def scores(
    folder: Path, sets: Sequence[Recorded], count: int, every: int, graded: int, draws: int
) -> Iterator[Score]:
    """Of every so manieth model of each data set, in the order of how much they solve."""
    rows = [~np.isin(one.fold, held_out(sets)) for one in sets]
    wanted = [{one.models[m] for m in np.argsort(np.nanmean(one.solved, axis=0))[::every]} for one in sets]
    for left_out in groups(sets, count):
        parts = [
            one.responses(kept, np.array([name not in left_out for name in one.models]))
            for one, kept in zip(sets, rows, strict=True)
        ]
        trained = TrainedGeneral.fit(examples(folder, sets, rows, item_response.fit_item_response(parts)))
        crossed = np.split(trained.out_of_fold, np.cumsum([kept.sum() for kept in rows]))
        others = {name for one in sets for name in one.models} - left_out
        prior = prior_of(sets, rows, crossed[: len(sets)], others)
        for one, kept, b, some in zip(sets, rows, crossed, wanted, strict=False):
            names = [m for m, name in enumerate(one.models) if name in left_out & some]
            yield from _scored(one, kept, b, trained, prior, names, graded, draws)


def _scored(
    one: Recorded, kept: Bools, b: Floats, trained: TrainedGeneral, prior: Prior, names: list[int], graded: int,
    draws: int,
) -> Iterator[Score]:  # fmt: skip
    hard = trained.to_model().predict([q for q, inside in zip(one.questions, kept, strict=True) if not inside])
    columns = own_columns(one.questions, trained)
    for m in names:
        known = ~np.isnan(one.solved[:, m])
        inside, asked = np.flatnonzero(kept & known), np.flatnonzero(~kept & known)
        right, truth = one.solved[inside, m], one.solved[asked, m]
        of_asked, of_inside = hard[known[~kept]], b[known[kept]]
        rng = np.random.default_rng(m)
        drawn = (rng.choice(len(inside), graded, replace=False) for _ in range(draws))
        placed = [
            brier(place_model(of_inside[d], right[d, None], prior).p_solved(of_asked)[:, 0], truth) for d in drawn
        ]
        average = place_model([], np.empty((0, 1)), prior).p_solved(of_asked)[:, 0]
        own = own_model(columns[inside], right, columns[asked])
        share = np.full(len(truth), right.mean())
        measured = (float(np.mean(placed)), brier(own, truth), brier(share, truth), brier(average, truth))
        yield Score(one.name, one.models[m], float(truth.mean()), *measured)


def own_columns(questions: Sequence[str], trained: TrainedGeneral) -> Any:
    """The same columns as the difficulty model's, without what is learned of other questions."""
    figures = STRUCTURE_SCALE * trained.structure.transform(compute_structure(questions))
    return hstack([trained.to_matrix(questions), csr_matrix(figures)]).tocsr()


def own_model(columns: Any, right: Floats, asked: Any) -> Floats:
    """P(solved), from a logistic regression whose strength has the least cross-validated log-loss."""
    truth = right.astype(np.int64)
    if min(truth.sum(), len(truth) - truth.sum()) < FOLDS:
        return np.full(asked.shape[0], right.mean())

    def loss(strength: float) -> float:
        line = LogisticRegression(C=strength, max_iter=2000, tol=1e-3)
        return float(log_loss(truth, cross_val_predict(line, columns, truth, cv=FOLDS, method="predict_proba")))

    with threadpool_limits(limits=1):
        line = LogisticRegression(C=min(STRENGTHS, key=loss), max_iter=2000, tol=1e-3).fit(columns, truth)
    return np.asarray(line.predict_proba(asked)[:, 1])


def brier(p: Floats, truth: Floats) -> float:
    """The mean squared error of probabilities."""
    return float(np.mean((p - truth) ** 2))


def shown(found: Sequence[Score], graded: int, folds: tuple[int, ...]) -> Table:
    """The median and the worst over the models, by data set."""
    title = f"Brier on folds {', '.join(map(str, folds))}: placed with {graded} graded questions"
    heads = (
        "",
        "models",
        "placed",
        "own model",
        "base rate",
        "no questions",
        "behind own: median",
        "worst",
        "model",
    )
    out = Table(*heads, title=title)
    for name in SETS:
        of = [score for score in found if score.data == name]
        middle = [f"{np.median([getattr(s, k) for s in of]):.3f}" for k in ("placed", "own", "base", "average")]
        worst = max(of, key=lambda s: s.behind)
        behind = f"{np.median([s.behind for s in of]):+.3f}"
        out.add_row(name, str(len(of)), *middle, behind, f"{worst.behind:+.3f}", worst.model)
    return out


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--graded", default=50, show_default=True, type=click.IntRange(min=1), help="Questions to place with."
)
@click.option(
    "--draws", default=100, show_default=True, type=click.IntRange(min=1), help="Draws of these, a model."
)
@click.option(
    "--groups", "count", default=4, show_default=True, type=click.IntRange(min=2), help="Left out in turn."
)
@click.option(
    "--every", default=3, show_default=True, type=click.IntRange(min=1), help="Score every so manieth model."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where every score is written.")
def main(data: Path, graded: int, draws: int, count: int, every: int, out: Path | None) -> None:
    """Score and print the table."""
    sets = recorded(data)
    found = list(scores(data, sets, count, every, graded, draws))
    Console(width=150).print(shown(found, graded, held_out(sets)))
    if out:
        out.write_text(json.dumps([asdict(score) for score in found]), encoding="utf-8")


if __name__ == "__main__":
    main()
