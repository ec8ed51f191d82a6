"""`adaptive tune`: chooses the policy by replaying recorded outcomes, and says what it promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.errors import FAILED, Failure
from adaptive.cli.support.solver import Number
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.learn.data.outcome import Recorded
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.profile.profile import Profile


SHARE = Number(min=0, max=1, min_open=True, max_open=True)
EPILOG = """The questions that the profile's models were fitted to are searched for policies; those that were left
for it (train's --tune-share) say which of them keep the promise. Nothing is written where none does."""


@click.command(epilog=EPILOG)
@click.argument("profile", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--outcomes",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Recorded outcomes; default: those that the profile was trained on.",
)
@click.option(
    "--target-loss",
    type=SHARE,
    default=0.01,
    show_default=True,
    help="The most accuracy to lose against always using the top rung, in 0..1.",
)
@click.option("--confidence", type=SHARE, default=0.95, show_default=True, help="How surely no more is lost.")
@click.option(
    "--max-tokens-per-question",
    "max_tokens",
    type=Number(min=0, min_open=True),
    metavar="TOKENS",
    help="The most tokens of a question in the mean.",
)
@click.option(
    "--max-cost",
    type=Number(min=0, min_open=True),
    metavar="MONEY",
    help="The most that a question costs in the mean, at --price.",
)
@click.option(
    "--price",
    type=(Number(min=0), Number(min=0)),
    metavar="READ MADE",
    help="What a million tokens cost, read and made.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="For the search.")
def tune(
    profile: Path,
    outcomes: Path | None,
    target_loss: float,
    confidence: float,
    max_tokens: float | None,
    max_cost: float | None,
    price: tuple[float, float] | None,
    seed: int,
) -> None:  # fmt: skip
    """Choose the policy that takes least and keeps a promise.

    First rung, accept threshold, arms and when to give up are chosen by replaying recorded outcomes, without
    another call. With the confidence, the accuracy lost against always using the top rung is at most the target.
    """
    from adaptive.cli.support.embed import embed_for
    from adaptive.learn.data.held_out import read_held_out
    from adaptive.learn.data.splits import read_seen, seen_key, write_seen
    from adaptive.learn.report.tuning_card import figures, refusal, summary, write_promise
    from adaptive.learn.tuning.search import Goal, Search, tune
    from adaptive.profile.profile import Profile

    if (max_cost is None) != (price is None):
        raise InputError(
            "--max-cost and --price go together: what a question may cost, and what a million tokens do."
        )
    known = Profile.load(profile)
    goal = Goal(target_loss, confidence, max_tokens, max_cost, price)
    search, test = _parts(profile, known, outcomes)
    held_out = read_held_out(profile)
    embed_for(known, [one.question.text for one in test])
    p_solved = {q: held_out[k] for q in (r.question.text for r in search) if (k := seen_key(q)) in held_out}
    searched = [one for one in search if one.question.text in p_solved]
    found = tune(known, Search(searched, p_solved, seed, _progress), test, goal)
    if found.chosen is None:
        raise Failure(refusal(found), FAILED)
    setting = found.chosen.setting
    verifier = replace(known.verifier, threshold=setting.threshold) if known.verifier else None
    promised = {**known.figures, "tuned": figures(found)}
    tuned = replace(known, policy=setting.policy, verifier=verifier, figures=promised)
    tuned.save(profile)
    write_promise(profile, found)
    write_seen(profile, [one.question.text for one in test], before=read_seen(profile))
    click.echo(summary(found))


def _parts(folder: Path, known: Profile, outcomes: Path | None) -> tuple[list[Recorded], list[Recorded]]:
    """The recorded questions to search with and to test on."""
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.learn.data.splits import part_of

    share = known.tune_share
    if known.verifier is None or share is None:
        raise InputError(
            f"the profile {folder} has no verifier model: train it on outcomes first (`adaptive train`)."
        )
    with Outcomes(outcomes or _source(folder, known)) as file:
        _check_ladder(file, known)
        recorded = [one for one in file if one.complete(known.ladder)]
    parts: dict[str, list[Recorded]] = {"learn": [], "tune": []}
    for one in recorded:
        parts[part_of(one.question, share)].append(one)
    if not parts["tune"] or not parts["learn"]:
        raise InputError(f"{len(recorded)} recorded questions are too few to search and to test on: record more.")
    return parts["learn"], parts["tune"]


def _source(folder: Path, known: Profile) -> Path:
    """The outcomes that a profile was trained on: where they were, or beside it."""
    named = Path(str(known.figures.get("outcomes", "outcomes.db")))
    found = next((p for p in (named, folder / named.name, folder.parent / named.name) if p.is_file()), None)
    if found is None:
        raise InputError(
            f"the outcomes {named} that {folder} was trained on are not there: name them with --outcomes."
        )
    return found


def _check_ladder(file: Outcomes, known: Profile) -> None:
    if file.plan["ladder"] != known.ladder.to_json():
        raise InputError(f"{file.path} was recorded with another ladder than the profile's: train on it first.")


def _progress(done: int, of: int) -> None:
    if done % 40 == 0:
        click.echo(f"replayed {done} policies of {of}", err=True)
