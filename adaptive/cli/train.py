"""`adaptive train`: fits a profile to recorded outcomes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import AGREEMENT, reference_option
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.learn.data.reference import Reference
    from adaptive.learn.train import TrainedProfile

SQLITE_MAGIC = b"SQLite format 3\0"
"""The first bytes of a SQLite file."""

EPILOG = """SOURCE is a file of outcomes, made by `adaptive record`. No model is called. Half of its questions are
left for `adaptive tune`.

--rule s1 is s1's rule of difficulty (arXiv 2501.19393): a question is easy if the model solves it without
thinking, or the --second one does; medium if some rung does; else hard. P(solved) is P(easy) but at the top rung,
where it is P(easy or medium).

--add logs adds logged solves of the same model and ladder that are known to be right or wrong (`adaptive
feedback`), if their questions are not in the outcomes.

The profile also learns how unlike the recorded questions a question is. On one that is unlike them nothing that
was measured counts: the model answers in its own way, and the answer is not verified.

--calibrate N needs few answers: the general difficulty model says how hard a question is, and N graded questions
say how much of that each rung can do. The model is measured on the others."""


@click.command(epilog=EPILOG)
@click.argument("source")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="FOLDER",
              help="Where the profile is written.")  # fmt: skip
@click.option("--profile", metavar="FOLDER", help="Profile to take the name and the rest of the policy from.")
@click.option("--target-precision", type=float, default=0.97, show_default=True,
              help="Share of accepted answers that are right.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N questions.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
              help="Seed of what is held out.")  # fmt: skip
@click.option("--tune-share", type=click.FloatRange(0, 1, max_open=True), default=0.5, show_default=True,
              help="Share of the questions that is left for `adaptive tune`.")  # fmt: skip
@click.option("--rule", type=click.Choice(("rungs", "s1")), default="rungs", show_default=True,
              help="What difficulty is: each rung's own answer, or s1's rule.")  # fmt: skip
@reference_option("answers", f"What is right: the questions' own {AGREEMENT}.")
@click.option("--second", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Outcomes of another model at the same questions, for --rule s1.")  # fmt: skip
@click.option("--calibrate", type=click.IntRange(min=1), metavar="N",
              help="Train no difficulty model: place this one on the general scale by N questions.")  # fmt: skip
@click.option("--domain-alpha", type=click.FloatRange(0, 0.5), default=0.05, show_default=True, metavar="SHARE",
              help="Share of questions like these that may be taken to be of another kind.")  # fmt: skip
@click.option("--report", is_flag=True,
              help="Show how well the profile does on questions in and outside its domain.")  # fmt: skip
@click.option("--add", type=click.Choice(("logs",)), help="Fit difficulty to logged solves as well.")
def train_command(
    source: str,
    out: Path,
    profile: str | None,
    calibrate: int | None,
    report: bool,
    add: str | None,
    reference: Reference,
    **settings: Any,
) -> None:
    """Train a profile on your own model's outcomes.

    From outcomes come P(solved) for each rung, from the question's text and from the direct answer, and P(right)
    of an answer. A card in FOLDER has all figures.
    """
    from adaptive.learn.data.outcomes import OutcomeStore, build_recorded_profile
    from adaptive.learn.place import PlacedProfile, place
    from adaptive.learn.train import TrainSettings, train
    from adaptive.profile.profile import Profile
    from adaptive.solve_log import find_log_path

    _require_outcomes(source)
    if calibrate is not None and add:
        raise InputError("--calibrate fits no difficulty: --add does not apply, leave it out.")
    if calibrate is not None and report:
        raise InputError("--report is about a difficulty model, which --calibrate does not train: leave it out.")
    if settings["second"] is not None and reference != "answers":
        raise InputError("--second compares two models by the right answers: leave out --reference dearest.")
    log = find_log_path() if add else None
    train_settings = TrainSettings(**settings, log=log, on_progress=lambda text: click.echo(text, err=True))
    with OutcomeStore(Path(source), reference=reference) as outcomes:
        base = Profile.load(profile) if profile else build_recorded_profile(outcomes, out.resolve().name)
        trained: TrainedProfile | PlacedProfile = (
            train(outcomes, base, train_settings)
            if calibrate is None
            else place(outcomes, base, train_settings, calibrate)
        )
    notes = trained.save(out, shlex.join(["adaptive", *sys.argv[1:]]))
    click.echo(trained.format_figures())
    if report and not isinstance(trained, PlacedProfile):
        click.echo(f"\n{trained.format_report()}")
    click.echo(
        "\n".join([*notes, f"Wrote the profile {out}{_describe_use(out, trained.profile.model)}"]), err=True
    )


def _describe_use(out: Path, model: str) -> str:
    """Return the command of a solve, or why there is none."""
    from adaptive.learn.data.outcomes import UNNAMED_MODEL

    if model == UNNAMED_MODEL:
        return ". Its outcomes name no model that a solve can open."
    # Quoted: the name of the model comes from the file, and the line is meant to be copied into a shell.
    return ": " + shlex.join(["adaptive", "solve", "--profile", str(out), "-m", model])


def _require_outcomes(source: str) -> None:
    """Raise `InputError` unless the source is a SQLite file."""
    try:
        if not Path(source).is_fifo():  # its reader would wait for a writer
            with Path(source).open("rb") as raw:
                if raw.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC:
                    return
    except OSError as error:
        if not source.startswith("datasets:"):
            raise InputError(f"{source} cannot be read ({error.strerror}).") from error
    raise InputError(
        f"{source} holds no recorded outcomes: record first (adaptive record {shlex.quote(source)} -m MODEL --out "
        "outcomes.db), then adaptive train outcomes.db."
    )
