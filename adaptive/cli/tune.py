"""`adaptive tune`: chooses the policy by replaying recorded outcomes, and prints its promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.errors import FAILED, Failure
from adaptive.cli.support.solver import FiniteFloat
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.learn.data.outcome import RecordedQuestion
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.profile.profile import Profile


SHARE = FiniteFloat(min=0, max=1, min_open=True, max_open=True)
EPILOG = """Policies and constants are searched on the questions that the profile was trained on, and tested on
those that were left for it (train's --tune-share). Questions of one group count as one draw. Nothing is written if
all that keeps the promise is dearer than a question may be."""


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
    help="The most accuracy to lose against the best constant, in 0..1.",
)
@click.option(
    "--against",
    default="best",
    show_default=True,
    metavar="CONSTANT",
    help="What to compare with: best (the most accurate rung), top, or a rung such as 'medium 256'.",
)
@click.option("--confidence", type=SHARE, default=0.95, show_default=True, help="Confidence that no more is lost.")
@click.option(
    "--max-tokens-per-question",
    "max_tokens",
    type=FiniteFloat(min=0, min_open=True),
    metavar="TOKENS",
    help="The most tokens per question, in the mean.",
)
@click.option(
    "--max-cost",
    type=FiniteFloat(min=0, min_open=True),
    metavar="MONEY",
    help="The most money per question, in the mean, at --price.",
)
@click.option(
    "--price",
    type=(FiniteFloat(min=0), FiniteFloat(min=0)),
    metavar="READ MADE",
    help="Price of a million tokens, read and generated.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the search."
)
def tune_command(
    profile: Path,
    outcomes: Path | None,
    target_loss: float,
    against: str,
    confidence: float,
    max_tokens: float | None,
    max_cost: float | None,
    price: tuple[float, float] | None,
    seed: int,
) -> None:  # fmt: skip
    """Choose the cheapest policy that keeps a promise.

    First rung, accept threshold, arms and when to give up are chosen by replaying recorded outcomes, without
    another call. With the confidence, the accuracy lost against the most accurate constant (the same rung at every
    question) is at most the target. If nothing cheaper keeps that promise, the profile does what the constant
    does.
    """
    from adaptive.learn.data.held_out import read_held_out
    from adaptive.learn.data.splits import hash_question, read_used_keys, write_used_keys
    from adaptive.learn.report.tuning_card import format_promise, format_refusal, promise_to_json, write_promise
    from adaptive.learn.tuning.search import Goal, tune_policy
    from adaptive.learn.tuning.setting_search import Search
    from adaptive.profile.profile import Profile

    if (max_cost is None) != (price is None):
        raise InputError(
            "--max-cost and --price go together: what a question may cost, and what a million tokens do."
        )
    base = Profile.load(profile)
    goal = Goal(target_loss, confidence, max_tokens, max_cost, price, against)
    search, test = _split_recorded(profile, base, outcomes)
    held_out = read_held_out(profile)
    p_solved = {q: held_out[k] for q in (r.question.text for r in search) if (k := hash_question(q)) in held_out}
    searched = [one for one in search if one.question.text in p_solved]
    result = tune_policy(base, Search(searched, p_solved, seed, _print_progress), test, goal)
    if result.chosen is None:
        raise Failure(format_refusal(result), FAILED)
    setting = result.chosen.setting
    verifier = replace(base.verifier, threshold=setting.threshold) if base.verifier else None
    figures = {**base.figures, "tuned": promise_to_json(result)}
    tuned = replace(base, policy=setting.policy, verifier=verifier, figures=figures)
    tuned.save(profile)
    write_promise(profile, result)
    write_used_keys(profile, [one.question.text for one in test], before=read_used_keys(profile))
    click.echo(format_promise(result))


def _split_recorded(
    folder: Path, profile: Profile, outcomes: Path | None
) -> tuple[list[RecordedQuestion], list[RecordedQuestion]]:
    """Return the recorded questions to search on and to test on."""
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.splits import assign_split

    share = profile.tune_share
    if profile.verifier is None or share is None:
        raise InputError(
            f"the profile {folder} has no verifier model: train it on outcomes first (`adaptive train`)."
        )
    with OutcomeStore(outcomes or _find_outcomes(folder, profile)) as file:
        _check_ladder(file, profile)
        recorded = [one for one in file if one.is_complete(profile.ladder)]
    parts: dict[str, list[RecordedQuestion]] = {"learn": [], "tune": []}
    for one in recorded:
        parts[assign_split(one.question, share)].append(one)
    if not parts["tune"] or not parts["learn"]:
        raise InputError(f"{len(recorded)} recorded questions are too few to search and to test on: record more.")
    return parts["learn"], parts["tune"]


def _find_outcomes(folder: Path, profile: Profile) -> Path:
    """Return the file of outcomes that a profile was trained on: where it was, or beside the profile."""
    named = Path(str(profile.figures.get("outcomes", "outcomes.db")))
    file = next((p for p in (named, folder / named.name, folder.parent / named.name) if p.is_file()), None)
    if file is None:
        raise InputError(
            f"the outcomes {named} that {folder} was trained on are not there: name them with --outcomes."
        )
    return file


def _check_ladder(file: OutcomeStore, profile: Profile) -> None:
    if file.plan["ladder"] != profile.ladder.to_json():
        raise InputError(f"{file.path} was recorded with another ladder than the profile's: train on it first.")


def _print_progress(done: int, of: int) -> None:
    if done % 40 == 0:
        click.echo(f"replayed {done} policies of {of}", err=True)
