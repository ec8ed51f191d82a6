"""`adaptive fit`: records, trains, tunes and benches in one run, and says in one sentence what to use."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.display import is_interactive
from adaptive.cli.support.errors import FAILED, USAGE, Failure
from adaptive.cli.support.options import engine_options, open_engine_from_options, question_column_options
from adaptive.cli.support.recording import Steering, recording_options
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.solver import FiniteFloat, price_options
from adaptive.errors import InputError
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader
    from adaptive.cli.support.fit_progress import FitProgress
    from adaptive.engines.protocol import TokenEngine
    from adaptive.fit.estimate import Estimate
    from adaptive.learn.data.questions import Columns
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.profile import Profile


EPILOG = """QUESTIONS is a JSONL, CSV, TSV or Parquet file with "question" and "answer", perhaps with "id" and
"group", or datasets:ID?config=NAME&split=NAME; at least 30 questions. One half is learned from. The other half is
held out, by a hash and the seed: it is read once, at the end, and decides.

The sentence is one of three: use this profile, use a fixed budget, or leave the model as it is. The stored profile
does what the sentence says. `adaptive solve -m MODEL` and build_solver(MODEL) find it by the model's name.
`adaptive profiles` lists all; ADAPTIVE_PROFILES names their folder.

A handful of questions is recorded first, to estimate what the others will take. Above 10 minutes, 1,000,000 tokens
or $1 you are asked. All attempts are kept: interrupted or killed, the same command goes on from there."""


@click.command(epilog=EPILOG)
@click.argument("questions")
@engine_options
@question_column_options
@recording_options
@click.option("--target-loss", type=FiniteFloat(min=0, max=1), default=0.03, show_default=True,
              help="Accuracy (0 to 1) that a saving of tokens may put at risk.")  # fmt: skip
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder that keeps the attempts; default: one beside the stored profiles.")  # fmt: skip
@price_options
@click.option("-y", "--yes", is_flag=True, help="Start without asking, whatever it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def fit_command(
    questions: str,
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    steering: Steering,
    grade: str,
    limit: int | None,
    concurrency: int | None,
    target_loss: float,
    work: Path | None,
    prices: str | None,
    price: tuple[str, ...],
    yes: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fit a profile to a model, and say whether it pays.

    Records every budget, learns which questions need how much, tunes a policy, and measures it on held-out
    questions against a plain call and every fixed budget.
    """
    from adaptive.answers.registry import open_grader
    from adaptive.cli.support.fit_progress import FitProgress
    from adaptive.engines.registry import get_parallel_solves
    from adaptive.fit.job import FitJob
    from adaptive.fit.run import fit_profile
    from adaptive.fit.split import hold_out_half
    from adaptive.learn.data.questions import read_questions
    from adaptive.prices import Prices
    from adaptive.profile.store import ProfileStore, find_engine_key, find_profiles_folder

    if ModelSpec.parse(model).is_chat:
        raise InputError(
            f"hosted models such as {model} cannot be fitted yet: name one whose thinking can be forced, such as "
            "hf:ID or http://host:port/v1."
        )
    split = hold_out_half(read_questions(questions, limit, columns=columns), settings["seed"])
    price_list, store = Prices.load(prices, price), ProfileStore(find_profiles_folder())
    grader = open_grader(grade)
    try:
        engine = open_engine_from_options(model, served_model, markers, options)
        try:
            base, recorder = _prepare_recorder(engine, steering, grader, settings)
            key = find_engine_key(engine)
            folder = work or store.find_work_folder(key, _describe_settings(recorder))
            command = shlex.join(["adaptive", *sys.argv[1:]])
            job = FitJob(
                key, split, questions, recorder, base, grade, folder / "outcomes.db",
                concurrency or get_parallel_solves(model), price_list, target_loss, command,
            )  # fmt: skip
            with FitProgress(job.outcomes) as progress:
                result = fit_profile(
                    job, lambda estimate: _confirm(estimate, yes, progress), progress.show_stage,
                    lambda recording: run_until_signal(recording, progress),
                )  # fmt: skip
        finally:
            asyncio.run(engine.close())
    finally:
        grader.close()
    folder = result.save(store)
    click.echo(f"Stored the profile of {key} in {folder}.", err=True)
    click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else result.page, nl=as_json)


def _prepare_recorder(
    engine: TokenEngine, steering: Steering, grader: Grader, settings: dict[str, Any]
) -> tuple[Profile, Recorder]:
    """Return the profile to start from, which is not a stored one, and what records."""
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.store import make_model_key
    from adaptive.profile.untrained import load_model_profile

    base = steering.apply_to(load_model_profile(engine.name, engine.context_window, steering.profile))
    base = replace(base, name=f"fitted {datetime.now(UTC):%Y-%m-%d %H:%M}", model=make_model_key(engine.name))
    settings = {**settings, "sample_effort": settings["sample_effort"] or "", "unlimited": False, "plain": True}
    return base, Recorder(engine, base.ladder, base.style, grader, base.stops, **settings)


def _describe_settings(recorder: Recorder) -> str:
    """Return in one text all settings that attempts depend on."""
    plan = recorder.to_plan(recorder.engine.name, "")
    return json.dumps({**plan, "markers": recorder.engine.codec.markers.name}, sort_keys=True)


def _confirm(estimate: Estimate, yes: bool, progress: FitProgress) -> None:
    """Print an estimate; above the limits ask whether to go on, and raise `Failure` if not."""
    with progress.pause():
        click.echo(f"{estimate}.", err=True)
        exceeded = estimate.list_exceeded()
        if yes or not exceeded:
            return
        limits = " and ".join(exceeded)
        if not is_interactive():
            raise Failure(f"{estimate}, which is over {limits}: start it with --yes.", USAGE)
        if not click.confirm(f"That is over {limits}. Go on?", err=True):
            raise Failure(f"Stopped: {progress}", FAILED)
