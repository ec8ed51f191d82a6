"""`adaptive train outcomes.db`: fits a profile to recorded outcomes; no model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.train_options import command, written
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.cli.train_options import TrainOptions
    from adaptive.learn.added import Added
    from adaptive.learn.examples import Examples
    from adaptive.learn.from_outcomes import FromOutcomes
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.rule import S1
    from adaptive.profile import Profile


def train_outcomes(asked: TrainOptions) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.cli.embed import embedded
    from adaptive.learn.from_outcomes import Fit, checked
    from adaptive.learn.parts import read_seen, write_seen

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
    from adaptive.learn.added import Added
    from adaptive.learn.logged import observations
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.parts import seen_key
    from adaptive.store import Store, default_path

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
    from adaptive.learn.outcomes import Outcomes

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

    from adaptive.learn.examples import Examples
    from adaptive.learn.parts import part_of

    some = islice(outcomes, asked.limit)
    return Examples.read(some, base.ladder, lambda one: part_of(one.question, asked.tune_share) == "learn")


def _base(outcomes: Outcomes, asked: TrainOptions) -> Profile:
    """The profile before training: its ladder and style are the recording's."""
    from adaptive.learn.plan import profile_of
    from adaptive.profile import Profile

    made = profile_of(outcomes.plan, asked.out.resolve().name, outcomes.path)
    if not asked.profile:
        return made
    given = Profile.load(asked.profile)
    return replace(made, name=given.name, policy=given.policy)


def _rule(examples: Examples, asked: TrainOptions) -> S1 | None:
    """What `--rule` makes of the answers; None for each rung's own."""
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.rule import S1

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
    from adaptive.learn import report_outcomes as report
    from adaptive.learn.plots import reliability_plots

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
    made = report.Made(command(), asked.name, len(examples), asked.tune_share, rule)
    profile.save(asked.out, card=report.card(profile, learned.gates, made, plots))
    click.echo(report.metrics(profile, learned.gates))
    click.echo(written(asked.out, base.model), err=True)


def _write_models(out: Path, examples: Examples, learned: FromOutcomes) -> None:
    """The files beside `profile.json`; what an earlier profile had of an embedding goes with it."""
    from adaptive.learn.embedding import FILE
    from adaptive.learn.held_out import write_held_out
    from adaptive.learn.parts import write_seen

    learned.trained.save(out)
    if learned.fused:
        learned.fused.lines.save(out)
    else:
        (out / FILE).unlink(missing_ok=True)
    write_seen(out, examples.texts)
    write_held_out(out, *learned.held_out)
