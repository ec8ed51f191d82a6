"""`adaptive tune`: chooses the policy by replaying recorded outcomes, and prints its promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptive.cli.support.errors import FAILED, Failure
from adaptive.cli.support.options import AGREEMENT, reference_option
from adaptive.cli.support.solver import FiniteFloat
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.learn.data.outcome import RecordedQuestion
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.reference import Reference
    from adaptive.learn.tuning.cost_front import CostFront
    from adaptive.learn.tuning.goal import Goal
    from adaptive.learn.tuning.policy_search import Search
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
    metavar="CONSTANT",
    help="What to compare with: best (the most accurate, or the cheapest within a quarter of the target of it), "
    "top, or a name: 'medium 256', 'vote of 4 of low 8'; default: best, without labels top.",
)
@reference_option(None, f"What is right: the questions' own {AGREEMENT}; default: as the profile was trained.")
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
    help="The most money per question, in the mean: as a hosted model was billed, or at --price.",
)
@click.option(
    "--price",
    type=(FiniteFloat(min=0), FiniteFloat(min=0)),
    metavar="READ MADE",
    help="Price of a million tokens, read and generated.",
)
@click.option(
    "--front",
    is_flag=True,
    help="Also print the front of cost and accuracy: constants, their hull, policies and the oracle; and draw it.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the search."
)
def tune_command(
    profile: Path,
    outcomes: Path | None,
    target_loss: float,
    against: str | None,
    reference: Reference | None,
    confidence: float,
    max_tokens: float | None,
    max_cost: float | None,
    price: tuple[float, float] | None,
    front: bool,
    seed: int,
) -> None:  # fmt: skip
    """Choose the cheapest policy that keeps a promise.

    What a right answer is worth in tokens, which decides on the first rung, on what follows and on giving up, is
    chosen by replaying recorded outcomes, without another call. With the confidence, the accuracy lost against the
    best constant (the same at every question) is at most the target. If nothing cheaper keeps that promise, the
    profile does what the constant does.
    """
    from adaptive.learn.data.reference import read_reference_of
    from adaptive.learn.tuning.constants import BEST, TOP
    from adaptive.learn.tuning.goal import Goal
    from adaptive.profile.profile import Profile

    base = Profile.load(profile)
    _check_prices(base, max_cost, price)
    graded_by = reference or read_reference_of(base.figures)
    against = against or (BEST if graded_by == "answers" else TOP)
    goal = Goal(target_loss, confidence, max_tokens, max_cost, price, against, graded_by)
    click.echo("\n\n".join(_tune(profile, base, outcomes, goal, seed, front)))


def _check_prices(profile: Profile, max_cost: float | None, price: tuple[float, float] | None) -> None:
    """Raise `InputError` if a price is given for nothing, or is needed and not given."""
    if price is not None and max_cost is None:
        raise InputError("--price is for --max-cost: say what a question may cost, or leave it out.")
    if max_cost is not None and price is None and profile.policy.unit == "tokens":
        raise InputError("--max-cost needs --price: what a million tokens cost, read and generated.")


def _tune(profile: Path, base: Profile, outcomes: Path | None, goal: Goal, seed: int, front: bool) -> list[str]:
    """Tune a profile in its folder; return what to print.

    Args:
        profile: The folder.
        base: What is in it.
        outcomes: The recorded outcomes; None: those that the profile was trained on.
        goal: The goal.
        seed: Of the search.
        front: Whether the front is drawn and returned too.

    Raises:
        Failure: Nothing keeps the promise and the limits.
    """
    from adaptive._util.whole_folder import replace_folder
    from adaptive.learn.data.splits import read_used_keys, write_used_keys
    from adaptive.learn.report.tuning_card import format_promise, format_refusal, promise_to_json, write_promise
    from adaptive.learn.tuning.tune import tune_policy

    # From the start: of two that tune at once, the second would not know which questions the first has used.
    with replace_folder(profile) as part:
        learned, test = _split_recorded(profile, base, outcomes, goal.graded_by)
        result = tune_policy(base, _build_search(profile, learned, seed), test, goal)
        if result.chosen is None:
            raise Failure(format_refusal(result), FAILED)
        figures = {**base.figures, "tuned": promise_to_json(result)}
        tuned = replace(base, policy=result.chosen.policy, figures=figures)
        shown = _draw_front(part, profile, result.front) if front else ""
        write_promise(part, result, shown)
        write_used_keys(part, [one.question.text for one in test], before=read_used_keys(profile))
        tuned.save(part)
    return [format_promise(result), *([shown] if shown else [])]


def _build_search(folder: Path, recorded: Sequence[RecordedQuestion], seed: int) -> Search:
    """Return the search on the questions of which the profile's folder has out-of-fold forecasts.

    Raises:
        InputError: It has none of any.
    """
    from adaptive.learn.data.held_out import read_held_out
    from adaptive.learn.data.splits import hash_question
    from adaptive.learn.tuning.policy_search import Search

    held_out = read_held_out(folder)
    keys = {one.question.text: hash_question(one.question.text) for one in recorded}
    forecasts = {text: held_out[key] for text, key in keys.items() if key in held_out}
    known = [one for one in recorded if one.question.text in forecasts]
    if not known:
        raise InputError(
            f"the profile {folder} was not trained on these outcomes: train it on them, then tune it."
        )
    return Search(known, forecasts, seed, _print_progress)


def _draw_front(part: Path, profile: Path, front: CostFront) -> str:
    """Draw the front into `part`, which becomes `profile`; return its table, and the image if it was drawn."""
    from adaptive.learn.report.front_plot import write_front_plot
    from adaptive.learn.report.front_table import format_front

    table = format_front(front)
    try:
        file = write_front_plot(front, part)
    except InputError as error:
        click.echo(f"The front is not drawn: {error}", err=True)
        return table
    click.echo(f"Drew the front in {profile / file}.", err=True)
    return f"{table}\n\n![front]({file})"


def _split_recorded(
    folder: Path, profile: Profile, outcomes: Path | None, graded_by: Reference
) -> tuple[list[RecordedQuestion], list[RecordedQuestion]]:
    """Return the recorded questions to search on and to test on."""
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.splits import assign_split

    share = profile.tune_share
    if profile.verifier is None or share is None:
        raise InputError(
            f"the profile {folder} has no verifier model: train it on outcomes first (`adaptive train`)."
        )
    with OutcomeStore(outcomes or _find_outcomes(folder, profile), reference=graded_by) as file:
        file.require_grades()
        _check_ladder(file, profile)
        recorded = [one for one in file if one.is_complete(profile.ladder)]
    parts: dict[str, list[RecordedQuestion]] = {"learn": [], "tune": []}
    for one in recorded:
        parts[assign_split(one.question, share)].append(one)
    if not parts["tune"] or not parts["learn"]:
        raise InputError(f"{len(recorded)} recorded questions are too few to search and to test on: record more.")
    return parts["learn"], parts["tune"]


def _find_outcomes(folder: Path, profile: Profile) -> Path:
    """Return the file of outcomes that a profile was trained on: here, or beside the profile.

    Of a path in the profile only the name counts: a stranger's profile chooses no file of the user's.
    """
    name = Path(str(profile.figures.get("outcomes", "outcomes.db"))).name
    file = next((p for p in (Path(name), folder / name, folder.parent / name) if p.is_file()), None)
    if file is None:
        raise InputError(
            f"the outcomes {name} that {folder} was trained on are not there: name them with --outcomes."
        )
    return file


def _check_ladder(file: OutcomeStore, profile: Profile) -> None:
    if set(file.read_ladder()) != set(profile.ladder):
        raise InputError(f"{file.path} was recorded with another ladder than the profile's: train on it first.")


def _print_progress(done: int, of: int) -> None:
    if done % 40 == 0:
        click.echo(f"replayed {done} policies of {of}", err=True)
