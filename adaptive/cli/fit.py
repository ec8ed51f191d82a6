"""`adaptive fit`: records, trains, tunes and benches in one run, and says in one sentence what to use."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.chat_recording import (
    Purchasing,
    batch_option,
    prepare_chat_recorder,
    purchasing_options,
    record_in_batches,
)
from adaptive.cli.support.display import is_interactive
from adaptive.cli.support.errors import FAILED, USAGE, Failure
from adaptive.cli.support.log_fit import LogFitOptions, fit_logged_solves
from adaptive.cli.support.options import (
    AGREEMENT,
    parse_engine_settings,
    question_column_options,
    reference_option,
    several_engine_options,
)
from adaptive.cli.support.recording import Steering, recording_options
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.solver import FiniteFloat, price_options
from adaptive.types.model_spec import ModelSpec

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader
    from adaptive.cli.support.fit_progress import FitProgress
    from adaptive.engines.protocol import TokenEngine
    from adaptive.fit.estimate import Estimate
    from adaptive.fit.job import FitRecorder
    from adaptive.learn.data.questions import Columns
    from adaptive.learn.data.recorder import Recorder
    from adaptive.learn.data.reference import Reference
    from adaptive.profile.profile import Profile


EPILOG = """QUESTIONS is a JSONL, JSON, CSV, TSV or Parquet file with "question" and "answer", perhaps with "id"
and "group", or datasets:ID?config=NAME&split=NAME; at least 30 questions. One half is learned from. The other half
is held out, by a hash and the seed: it is read once, at the end, and decides.

The sentence is one of three: use this profile, use a fixed budget, or leave the model as it is. The stored profile
does what the sentence says. `adaptive solve -m MODEL` and build_solver(MODEL) find it by the model's name.
`adaptive profiles` lists all; ADAPTIVE_PROFILES names their folder.

--from-log fits to logged solves that tried all rungs (`adaptive solve --explore 5%`): half of them is learned
from, the other half is tested on as by `adaptive tune`. Right answers come from `adaptive feedback` or
`solve --file`; where none is known, agreement with the dearest rung counts.

Several hosted models (-m A -m B) make one ladder, and the profile is that of the first. What a hosted model saves
is counted in dollars.

A handful of questions is recorded first, to estimate what the others will take. Above 10 minutes, 1,000,000 tokens
or $1 you are asked. All attempts are kept: interrupted or killed, the same command goes on from there."""


@click.command(epilog=EPILOG)
@click.argument("questions", required=False)
@click.option("--from-log", is_flag=True,
              help="Fit to logged solves with --explore, without a call; of the options below only --reference, "
              "--target-loss, --grade, --index-base, --seed and --work count.")  # fmt: skip
@several_engine_options
@question_column_options
@recording_options
@reference_option(None, f"What is right: the questions' own {AGREEMENT}; default: answers, with --from-log mixed.")
@click.option("--target-loss", type=FiniteFloat(min=0, max=1), default=0.03, show_default=True,
              help="Accuracy (0 to 1) that a saving may put at risk.")  # fmt: skip
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder that keeps the attempts; default: one beside the stored profiles.")  # fmt: skip
@purchasing_options
@batch_option
@price_options
@click.option("-y", "--yes", is_flag=True, help="Start without asking, whatever it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def fit_command(
    questions: str | None,
    from_log: bool,
    model: tuple[str, ...],
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    steering: Steering,
    grade: str,
    limit: int | None,
    concurrency: int | None,
    reference: Reference | None,
    target_loss: float,
    work: Path | None,
    efforts: str | None,
    max_cost: float | None,
    batch: bool,
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
    from adaptive.engines.registry import get_engine_parallel
    from adaptive.fit.job import FitJob
    from adaptive.fit.run import fit_profile
    from adaptive.fit.split import hold_out_half
    from adaptive.learn.data.chat_recorder import ChatRecorder
    from adaptive.learn.data.questions import read_questions
    from adaptive.prices import Prices
    from adaptive.profile.store import ProfileStore, find_profiles_folder

    if (questions is None) != from_log:
        raise click.UsageError("give QUESTIONS or --from-log, " + ("not both" if from_log else "one of them"))
    if questions is None:
        if len(model) > 1:
            raise click.UsageError("--from-log is of one model: the logged solves tell the others of its ladder")
        fit_logged_solves(
            LogFitOptions(
                model[0], served_model, grade, columns.index_base, reference or "mixed", target_loss, work,
                settings["seed"],
            ),
            as_json,
        )  # fmt: skip
        return
    reference = reference or "answers"
    purchasing = Purchasing(efforts, max_cost, prices, price, batch)
    purchasing.check(*model)
    rows = read_questions(questions, limit, columns=columns, need_answers=reference == "answers")
    split = hold_out_half(rows, settings["seed"])
    price_list, store = Prices.load(prices, price), ProfileStore(find_profiles_folder())
    grader = open_grader(grade)
    engine = parse_engine_settings(served_model, markers, options)
    try:
        with _open_recorder(model, engine, steering, purchasing, grader, settings) as (key, base, recorder):
            folder = work or store.find_work_folder(key, _describe_settings(base.model, recorder))
            command = shlex.join(["adaptive", *sys.argv[1:]])
            at_once = concurrency or get_engine_parallel(getattr(recorder, "engine", None), model[0])
            job = FitJob(
                key, split, questions, recorder, base, grade, folder / "outcomes.db",
                at_once, price_list, target_loss, command, reference,
            )  # fmt: skip
            with FitProgress(job.outcomes) as progress:
                if batch:
                    assert isinstance(recorder, ChatRecorder)  # the check refuses other models
                    job = replace(job, recorder=record_in_batches(recorder, progress.batches, concurrency))
                result = fit_profile(
                    job, lambda estimate: _confirm(estimate, yes, progress), progress.show_stage,
                    lambda recording: run_until_signal(recording, progress),
                )  # fmt: skip
    finally:
        grader.close()
    if unanswered := progress.batches.describe_unanswered():
        click.echo(unanswered, err=True)
    folder = result.save(store)
    click.echo(f"Stored the profile of {key} in {folder}.", err=True)
    click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else result.page, nl=as_json)


@contextmanager
def _open_recorder(
    models: Sequence[str],
    engine: dict[str, Any],
    steering: Steering,
    purchasing: Purchasing,
    grader: Grader,
    settings: dict[str, Any],
) -> Iterator[tuple[str, Profile, FitRecorder]]:
    """Yield the first model's key, the profile to start from, which is not a stored one, and what records."""
    from adaptive.engines.registry import open_engine
    from adaptive.profile.store import find_engine_key, make_model_key

    name = f"fitted {datetime.now(UTC):%Y-%m-%d %H:%M}"
    if ModelSpec.parse(models[0]).is_chat:
        plain = {**settings, "plain": True}
        base, chat_recorder = prepare_chat_recorder(models, steering, purchasing, grader, engine, plain)
        key = make_model_key(chat_recorder.model.name)
        yield key, replace(base, name=name, model=key), chat_recorder
        return
    opened = open_engine(models[0], **engine)
    try:
        base, recorder = _prepare_recorder(opened, steering, grader, settings)
        yield find_engine_key(opened), replace(base, name=name, model=make_model_key(opened.name)), recorder
    finally:
        asyncio.run(opened.close())


def _prepare_recorder(
    engine: TokenEngine, steering: Steering, grader: Grader, settings: dict[str, Any]
) -> tuple[Profile, Recorder]:
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.untrained import load_model_profile

    base = steering.apply_to(load_model_profile(engine.name, engine.context_window, steering.profile))
    settings = {**settings, "sample_effort": settings["sample_effort"] or "", "unlimited": False, "plain": True}
    return base, Recorder(engine, base.ladder, base.style, grader, base.stops, **settings)


def _describe_settings(model: str, recorder: FitRecorder) -> str:
    """Return in one text all settings that attempts depend on."""
    return json.dumps({**recorder.to_plan(model, ""), "markers": recorder.markers}, sort_keys=True)


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
