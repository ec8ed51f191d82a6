"""`adaptive train --calibrate N`: places a model on the general scale of difficulty by N graded questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.train_options import command, written

if TYPE_CHECKING:
    from adaptive.cli.support.train_options import TrainOptions
    from adaptive.learn.fit.graded import Record
    from adaptive.learn.place import Calibrated
    from adaptive.learn.train import Fit
    from adaptive.profile.profile import Profile


def calibrate_outcomes(asked: TrainOptions, count: int) -> None:
    """Place the model by recorded outcomes: `count` questions of the part to learn from, chosen by a hash."""
    from adaptive.cli.support.train_outcomes import read_examples
    from adaptive.learn.place import Calibrate, Graded, by_hash
    from adaptive.learn.train import some
    from adaptive.profile.general import shipped

    base, examples, rule = read_examples(asked)
    some(examples)
    chosen = by_hash(examples.texts, count)
    solved = rule.solved if rule else examples.solved
    graded = Graded(examples.texts, examples.groups, solved, examples.records, chosen)
    found = Calibrate(shipped(), _fit(asked)).learn(graded, base.policy, examples)
    base = replace(base, tune_share=asked.tune_share)
    _write(base, asked, found, [graded.texts[int(i)] for i in chosen], count)


def calibrate_records(records: Sequence[Record], base: Profile, asked: TrainOptions, count: int) -> None:
    """Place the model by the first `count` labelled questions."""
    import numpy as np

    from adaptive.learn.fit.difficulty import at_rungs
    from adaptive.learn.fit.thresholds import distinct
    from adaptive.learn.place import Calibrate, Graded
    from adaptive.profile.features import same_question
    from adaptive.profile.general import shipped

    kept = distinct(records)
    texts = [r.question for r in kept]
    solved = at_rungs([r.label(len(base.ladder)) for r in kept], len(base.ladder))
    chosen = np.arange(min(count, len(kept)))
    graded = Graded(texts, [same_question(t) for t in texts], solved, kept, chosen)
    found = Calibrate(shipped(), _fit(asked)).learn(graded, base.policy)
    _write(replace(base, tune_share=None), asked, found, texts[:count], count)


def _fit(asked: TrainOptions) -> Fit:
    from adaptive.learn.train import Fit

    return Fit(asked.target_precision, asked.seed, lambda said: click.echo(said, err=True))


def _write(base: Profile, asked: TrainOptions, found: Calibrated, placed_by: Sequence[str], count: int) -> None:
    """Print the figures, write the profile."""
    from adaptive.learn.data.held_out import write_held_out
    from adaptive.learn.data.splits import write_seen
    from adaptive.learn.report import placement_card
    from adaptive.profile.files import placed_model

    if len(placed_by) < count:
        click.echo(f"There are only {len(placed_by)} graded questions: the model is placed by all.", err=True)
    profile = replace(
        base,
        policy=found.policy,
        verifier=found.verifier,
        probe=found.probe,
        placement=found.placement,
        embedding=None,
        figures=found.figures,
        difficulty_model=placed_model(found.placement),
    )
    out = asked.out
    out.mkdir(parents=True, exist_ok=True)
    write_seen(out, placed_by)
    write_held_out(out, *found.held_out)
    profile.save(
        out, card=placement_card.card(profile, found, command(), f"{len(placed_by)} questions of `{asked.name}`")
    )
    click.echo(placement_card.metrics(profile, found))
    for said in found.said:
        click.echo(f"{said[0].upper()}{said[1:]}.", err=True)
    click.echo(written(out, base.model), err=True)
