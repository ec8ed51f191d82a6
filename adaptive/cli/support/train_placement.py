"""`adaptive train --calibrate N`: places a model on the general scale of difficulty by N graded questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.train_options import describe_written_profile, format_command_line

if TYPE_CHECKING:
    from adaptive.cli.support.train_options import TrainOptions
    from adaptive.learn.fit.graded import Record
    from adaptive.learn.place import PlacedProfile
    from adaptive.learn.train import Trainer
    from adaptive.profile.profile import Profile


def place_by_outcomes(options: TrainOptions, count: int) -> None:
    """Place the model by recorded outcomes: `count` questions of the part to learn from, chosen by a hash."""
    from adaptive.cli.support.train_outcomes import read_examples
    from adaptive.learn.place import GradedQuestions, Placer, select_by_hash
    from adaptive.learn.train import require_any_example
    from adaptive.profile.general import load_shipped_difficulty

    base, examples, rule = read_examples(options)
    require_any_example(examples)
    chosen = select_by_hash(examples.texts, count)
    solved = rule.solved if rule else examples.solved
    graded = GradedQuestions(examples.texts, examples.groups, solved, examples.records, chosen)
    found = Placer(load_shipped_difficulty(), _build_fit(options)).place(graded, base.policy, examples)
    base = replace(base, tune_share=options.tune_share)
    _write_placed_profile(base, options, found, [graded.texts[int(i)] for i in chosen], count)


def place_by_records(records: Sequence[Record], base: Profile, options: TrainOptions, count: int) -> None:
    """Place the model by the first `count` labelled questions."""
    import numpy as np

    from adaptive.learn.fit.difficulty import labels_to_solved
    from adaptive.learn.fit.thresholds import drop_duplicates
    from adaptive.learn.place import GradedQuestions, Placer
    from adaptive.profile.features import normalise_question
    from adaptive.profile.general import load_shipped_difficulty

    kept = drop_duplicates(records)
    texts = [r.question for r in kept]
    solved = labels_to_solved([r.find_label(len(base.ladder)) for r in kept], len(base.ladder))
    chosen = np.arange(min(count, len(kept)))
    graded = GradedQuestions(texts, [normalise_question(t) for t in texts], solved, kept, chosen)
    found = Placer(load_shipped_difficulty(), _build_fit(options)).place(graded, base.policy)
    _write_placed_profile(replace(base, tune_share=None), options, found, texts[:count], count)


def _build_fit(options: TrainOptions) -> Trainer:
    from adaptive.learn.train import Trainer

    return Trainer(options.target_precision, options.seed, lambda said: click.echo(said, err=True))


def _write_placed_profile(
    base: Profile, options: TrainOptions, result: PlacedProfile, placed_by: Sequence[str], count: int
) -> None:
    """Print the figures, write the profile."""
    from adaptive.learn.data.held_out import write_held_out
    from adaptive.learn.data.splits import write_used_keys
    from adaptive.learn.report import placement_card
    from adaptive.profile.files import make_placed_loader

    if len(placed_by) < count:
        click.echo(f"There are only {len(placed_by)} graded questions: the model is placed by all.", err=True)
    profile = replace(
        base,
        policy=result.policy,
        verifier=result.verifier,
        probe=result.probe,
        placement=result.placement,
        embedding=None,
        figures=result.figures,
        difficulty_model=make_placed_loader(result.placement),
    )
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    write_used_keys(out, placed_by)
    write_held_out(out, *result.held_out)
    profile.save(
        out,
        card=placement_card.format_placement_card(
            profile, result, format_command_line(), f"{len(placed_by)} questions of `{options.name}`"
        ),
    )
    click.echo(placement_card.format_placement_figures(profile, result))
    for said in result.notes:
        click.echo(f"{said[0].upper()}{said[1:]}.", err=True)
    click.echo(describe_written_profile(out, base.model), err=True)
