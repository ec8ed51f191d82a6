"""`adaptive train outcomes.db`: fits a profile to recorded outcomes; no model is asked."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.errors import InputError
from adaptive.learn.reading import HUB

if TYPE_CHECKING:
    from adaptive.learn.added import Added
    from adaptive.learn.examples import Examples
    from adaptive.learn.from_outcomes import FromOutcomes
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.rule import S1
    from adaptive.profile import Profile

MAGIC = b"SQLite format 3\0"


def is_database(source: str) -> bool:
    """Whether it is a SQLite file, whatever its name."""
    if source.startswith(HUB):
        return False
    try:
        with Path(source).open("rb") as raw:
            return raw.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}).") from error


def name_of(source: str) -> str:
    """What a card calls a source: a file by its name, without the folders of this machine."""
    return source if source.startswith(HUB) else Path(source).name


@dataclass(frozen=True)
class FitOptions:
    """What the options say. tune_share: of the questions that are left to `adaptive tune`, in 0..1.

    add: whether difficulty is fitted to logged solves too.
    """

    target: float
    seed: int
    limit: int | None
    tune_share: float
    rule: str
    second: Path | None
    profile: str | None
    add: bool = False


def train_outcomes(source: Path, out: Path, options: FitOptions) -> None:
    """Fit, print the figures, write the profile."""
    from adaptive.learn.from_outcomes import Fit
    from adaptive.learn.parts import read_seen, write_seen

    if options.add and options.rule == "s1":
        raise InputError("--add logs knows single rungs, and --rule s1 needs all of them: leave one out.")
    base, examples, rule = read_examples(source, out, options)
    added = read_logs(source, base) if options.add else None
    fit = Fit(options.target, options.seed, lambda said: click.echo(said, err=True))
    learned = fit.learn(examples, base.policy, rule.solved if rule else None, added)
    said = rule.said if rule else _said(added) if added else ""
    _write(source, out, base, examples, learned, options, said)
    if added:
        write_seen(out, added.texts, before=read_seen(out))


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


def read_examples(source: Path, out: Path, options: FitOptions) -> tuple[Profile, Examples, S1 | None]:
    """The profile before training, the questions to learn from, and what `--rule` makes of their answers."""
    from adaptive.learn.outcomes import Outcomes

    with Outcomes(source) as outcomes:
        base = _base(outcomes, out, options)
        click.echo(f"Reading {outcomes.count()} attempts from {source}.", err=True)
        examples = _read(outcomes, base, options)
    for why, count in examples.left_out.items():
        click.echo(f"{count} questions {why}: they are left out.", err=True)
    return base, examples, _rule(examples, options)


def _read(outcomes: Outcomes, base: Profile, options: FitOptions) -> Examples:
    """The questions to learn from, the first `limit` of them."""
    from itertools import islice

    from adaptive.learn.examples import Examples
    from adaptive.learn.parts import part_of

    some = islice(outcomes, options.limit)
    return Examples.read(some, base.ladder, lambda one: part_of(one.question, options.tune_share) == "learn")


def _base(outcomes: Outcomes, out: Path, options: FitOptions) -> Profile:
    """The profile before training: its ladder and style are the recording's."""
    from adaptive.learn.plan import profile_of
    from adaptive.profile import Profile

    made = profile_of(outcomes.plan, out.resolve().name, outcomes.path)
    if not options.profile:
        return made
    given = Profile.load(options.profile)
    return replace(made, name=given.name, policy=given.policy)


def _rule(examples: Examples, options: FitOptions) -> S1 | None:
    """What `--rule` makes of the answers; None for each rung's own."""
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.rule import S1

    if options.rule != "s1":
        if options.second is not None:
            raise InputError("--second is another model's outcomes for --rule s1: give both.")
        return None
    if options.second is None:
        found = S1.of(examples)
    else:
        with Outcomes(options.second) as second:
            found = S1.of(examples, second)
    click.echo(found.said, err=True)
    return found


def _write(
    source: Path,
    out: Path,
    base: Profile,
    examples: Examples,
    learned: FromOutcomes,
    options: FitOptions,
    rule: str,
) -> None:
    from adaptive.learn import report_outcomes as report
    from adaptive.learn.held_out import write_held_out
    from adaptive.learn.parts import write_seen
    from adaptive.learn.plots import reliability_plots

    profile = replace(
        base,
        policy=learned.policy,
        verifier=learned.verifier,
        probe=learned.probe,
        tune_share=options.tune_share,
        figures={**learned.figures, "outcomes": source.name},
    )
    learned.trained.save(out)
    write_seen(out, examples.texts)
    write_held_out(out, *learned.held_out)
    plots, missing = reliability_plots(out, learned.figures)
    if missing:
        click.echo(f"The card has no plots: {missing}", err=True)
    made = report.Made(
        shlex.join(["adaptive", *sys.argv[1:]]), source.name, len(examples), options.tune_share, rule
    )
    profile.save(out, card=report.card(profile, learned.gates, made, plots))
    click.echo(report.metrics(profile, learned.gates))
    click.echo(
        f"Wrote the profile {out}: adaptive solve --profile {shlex.quote(str(out))} -m {base.model}", err=True
    )
