"""`adaptive train outcomes.db`: fits a profile to recorded outcomes; no model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.train_options import describe_written_profile, format_command_line
from adaptive.errors import InputError
from adaptive.learn.train import _write_models

if TYPE_CHECKING:
    from adaptive.cli.support.train_options import TrainOptions
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.fit.examples import Examples
    from adaptive.learn.fit.log_rows import LogRows
    from adaptive.learn.fit.s1_rule import S1Rule
    from adaptive.learn.train import TrainedProfile
    from adaptive.profile.profile import Profile


def train_on_outcomes(options: TrainOptions) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.cli.support.embed import embedded
    from adaptive.learn.data.splits import read_used_keys, write_used_keys
    from adaptive.learn.train import Trainer, check_examples

    if options.add and options.rule == "s1":
        raise InputError("--add logs knows single rungs, and --rule s1 needs all of them: leave one out.")
    base, examples, rule = read_examples(options)
    solved = rule.solved if rule else examples.solved
    check_examples(examples, solved)  # before anything is paid for
    added = read_logs(Path(options.source), base) if options.add else None
    given = embedded(options.embed, examples.texts) if options.embed else None
    fit = Trainer(options.target_precision, options.seed, lambda said: click.echo(said, err=True))
    learned = fit.train(examples, base.policy, solved, added, given)
    said = rule.summary if rule else _describe_added(added) if added else ""
    _write_profile(base, examples, learned, options, said)
    if added:
        write_used_keys(options.out, added.texts, before=read_used_keys(options.out))


def read_logs(source: Path, base: Profile) -> LogRows:
    """What the log knows of the model beyond the recorded questions, and on stderr what of it was left out."""
    from adaptive.learn.data.observations import read_observations
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.splits import hash_question
    from adaptive.learn.fit.log_rows import LogRows
    from adaptive.solve_log import SolveLog, find_log_path

    log = find_log_path()
    if not log.exists():
        raise InputError(f"--add logs: nothing is logged yet, {log} does not exist. Leave it out.")
    with OutcomeStore(source) as outcomes, SolveLog(log) as store:
        recorded = frozenset(map(hash_question, outcomes.read_texts()))
        added = LogRows.from_observations(read_observations(store), base.ladder, base.model, recorded)
    click.echo(_describe_added(added), err=True)
    for why, count in added.left_out.items():
        click.echo(f"{count} observations {why}: they are left out.", err=True)
    return added


def _describe_added(added: LogRows) -> str:
    return (
        f"Difficulty is fitted to {added.observations} logged observations of {len(added.texts)} other questions "
        "too, each at the rung that it was made at."
    )


def read_examples(options: TrainOptions) -> tuple[Profile, Examples, S1Rule | None]:
    """The profile before training, the questions to learn from, and what `--rule` makes of their answers."""
    from adaptive.learn.data.outcomes import OutcomeStore

    with OutcomeStore(Path(options.source)) as outcomes:
        base = _build_base_profile(outcomes, options)
        click.echo(f"Reading {outcomes.count()} attempts from {options.source}.", err=True)
        examples = _read_learning_part(outcomes, base, options)
    for why, count in examples.left_out.items():
        click.echo(f"{count} questions {why}: they are left out.", err=True)
    return base, examples, _build_rule(examples, options)


def _read_learning_part(outcomes: OutcomeStore, base: Profile, options: TrainOptions) -> Examples:
    """The questions to learn from, the first `limit` of them."""
    from itertools import islice

    from adaptive.learn.data.splits import assign_split
    from adaptive.learn.fit.examples import Examples

    some = islice(outcomes, options.limit)
    return Examples.read(some, base.ladder, lambda one: assign_split(one.question, options.tune_share) == "learn")


def _build_base_profile(outcomes: OutcomeStore, options: TrainOptions) -> Profile:
    """The profile before training: its ladder and style are the recording's."""
    from adaptive.learn.data.outcomes import plan_to_profile
    from adaptive.profile.profile import Profile

    made = plan_to_profile(outcomes.plan, options.out.resolve().name, outcomes.path)
    if not options.profile:
        return made
    given = Profile.load(options.profile)
    return replace(made, name=given.name, policy=given.policy)


def _build_rule(examples: Examples, options: TrainOptions) -> S1Rule | None:
    """What `--rule` makes of the answers; None for each rung's own."""
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.fit.s1_rule import S1Rule

    if options.rule != "s1":
        if options.second is not None:
            raise InputError("--second is another model's outcomes for --rule s1: give both.")
        return None
    if options.second is None:
        found = S1Rule.apply(examples)
    else:
        with OutcomeStore(options.second) as second:
            found = S1Rule.apply(examples, second)
    click.echo(found.summary, err=True)
    return found


def _write_profile(
    base: Profile, examples: Examples, learned: TrainedProfile, options: TrainOptions, rule: str
) -> None:
    from adaptive.learn.report import outcomes_card
    from adaptive.learn.report.plots import write_reliability_plots

    profile = replace(
        base,
        policy=learned.policy,
        verifier=learned.verifier,
        probe=learned.probe,
        tune_share=options.tune_share,
        figures={**learned.figures, "outcomes": options.name},
        embedding=learned.fused.embedding if learned.fused else None,
    )
    _write_models(options.out, examples, learned)
    plots, missing = write_reliability_plots(options.out, learned.figures)
    if missing:
        click.echo(f"The card has no plots: {missing}", err=True)
    made = outcomes_card.Provenance(format_command_line(), options.name, len(examples), options.tune_share, rule)
    profile.save(options.out, card=outcomes_card.format_training_card(profile, learned.gates, made, plots))
    click.echo(outcomes_card.format_training_figures(profile, learned.gates))
    click.echo(describe_written_profile(options.out, base.model), err=True)
