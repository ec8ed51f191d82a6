"""`adaptive train outcomes.db`: fits a profile to recorded outcomes; no model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.train_options import command, written
from adaptive.errors import InputError
from adaptive.learn.train import _write_models

if TYPE_CHECKING:
    from adaptive.cli.support.train_options import TrainOptions
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.learn.fit.examples import Examples
    from adaptive.learn.fit.log_rows import Added
    from adaptive.learn.fit.s1_rule import S1
    from adaptive.learn.train import FromOutcomes
    from adaptive.profile.profile import Profile


def train_outcomes(asked: TrainOptions) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.cli.support.embed import embedded
    from adaptive.learn.data.splits import read_seen, write_seen
    from adaptive.learn.train import Fit, checked

    if asked.add and asked.rule == "s1":
        raise InputError("--add logs knows single rungs, and --rule s1 needs all of them: leave one out.")
    base, examples, rule = read_examples(asked)
    solved = rule.solved if rule else examples.solved
    checked(examples, solved)  # before anything is paid for
    added = read_logs(Path(asked.source), base) if asked.add else None
    given = embedded(asked.embed, examples.texts) if asked.embed else None
    fit = Fit(asked.target_precision, asked.seed, lambda said: click.echo(said, err=True))
    learned = fit.learn(examples, base.policy, solved, added, given)
    said = rule.said if rule else _said(added) if added else ""
    _write(base, examples, learned, asked, said)
    if added:
        write_seen(asked.out, added.texts, before=read_seen(asked.out))


def read_logs(source: Path, base: Profile) -> Added:
    """What the log knows of the model beyond the recorded questions, and on stderr what of it was left out."""
    from adaptive.learn.data.observations import observations
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.learn.data.splits import seen_key
    from adaptive.learn.fit.log_rows import Added
    from adaptive.solve_log import Store, default_path

    log = default_path()
    if not log.exists():
        raise InputError(f"--add logs: nothing is logged yet, {log} does not exist. Leave it out.")
    with Outcomes(source) as outcomes, Store(log) as store:
        recorded = frozenset(map(seen_key, outcomes.texts()))
        added = Added.of(observations(store), base.ladder, base.model, recorded)
    click.echo(_said(added), err=True)
    for why, count in added.left_out.items():
        click.echo(f"{count} observations {why}: they are left out.", err=True)
    return added


def _said(added: Added) -> str:
    return (
        f"Difficulty is fitted to {added.observations} logged observations of {len(added.texts)} other questions "
        "too, each at the rung that it was made at."
    )


def read_examples(asked: TrainOptions) -> tuple[Profile, Examples, S1 | None]:
    """The profile before training, the questions to learn from, and what `--rule` makes of their answers."""
    from adaptive.learn.data.outcomes import Outcomes

    with Outcomes(Path(asked.source)) as outcomes:
        base = _base(outcomes, asked)
        click.echo(f"Reading {outcomes.count()} attempts from {asked.source}.", err=True)
        examples = _read(outcomes, base, asked)
    for why, count in examples.left_out.items():
        click.echo(f"{count} questions {why}: they are left out.", err=True)
    return base, examples, _rule(examples, asked)


def _read(outcomes: Outcomes, base: Profile, asked: TrainOptions) -> Examples:
    """The questions to learn from, the first `limit` of them."""
    from itertools import islice

    from adaptive.learn.data.splits import part_of
    from adaptive.learn.fit.examples import Examples

    some = islice(outcomes, asked.limit)
    return Examples.read(some, base.ladder, lambda one: part_of(one.question, asked.tune_share) == "learn")


def _base(outcomes: Outcomes, asked: TrainOptions) -> Profile:
    """The profile before training: its ladder and style are the recording's."""
    from adaptive.learn.data.outcomes import profile_of
    from adaptive.profile.profile import Profile

    made = profile_of(outcomes.plan, asked.out.resolve().name, outcomes.path)
    if not asked.profile:
        return made
    given = Profile.load(asked.profile)
    return replace(made, name=given.name, policy=given.policy)


def _rule(examples: Examples, asked: TrainOptions) -> S1 | None:
    """What `--rule` makes of the answers; None for each rung's own."""
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.learn.fit.s1_rule import S1

    if asked.rule != "s1":
        if asked.second is not None:
            raise InputError("--second is another model's outcomes for --rule s1: give both.")
        return None
    if asked.second is None:
        found = S1.of(examples)
    else:
        with Outcomes(asked.second) as second:
            found = S1.of(examples, second)
    click.echo(found.said, err=True)
    return found


def _write(base: Profile, examples: Examples, learned: FromOutcomes, asked: TrainOptions, rule: str) -> None:
    from adaptive.learn.report import outcomes_card
    from adaptive.learn.report.plots import reliability_plots

    profile = replace(
        base,
        policy=learned.policy,
        verifier=learned.verifier,
        probe=learned.probe,
        tune_share=asked.tune_share,
        figures={**learned.figures, "outcomes": asked.name},
        embedding=learned.fused.embedding if learned.fused else None,
    )
    _write_models(asked.out, examples, learned)
    plots, missing = reliability_plots(asked.out, learned.figures)
    if missing:
        click.echo(f"The card has no plots: {missing}", err=True)
    made = outcomes_card.Made(command(), asked.name, len(examples), asked.tune_share, rule)
    profile.save(asked.out, card=outcomes_card.card(profile, learned.gates, made, plots))
    click.echo(outcomes_card.metrics(profile, learned.gates))
    click.echo(written(asked.out, base.model), err=True)
