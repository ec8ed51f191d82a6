"""`adaptive fit`: records, trains, tunes and benches in one run, and says in one sentence what to use."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    from adaptive.fit.job import FitJob, FitRecorder
    from adaptive.fit.result import FitResult
    from adaptive.fit.split import FitSplit
    from adaptive.learn.data.questions import Columns
    from adaptive.learn.data.recorder import Recorder
    from adaptive.learn.data.reference import Reference
    from adaptive.prices import Prices
    from adaptive.profile.profile import Profile
    from adaptive.profile.store import ProfileStore


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
    from adaptive.prices import Prices

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
    purchasing = Purchasing(efforts, max_cost, prices, price, batch)
    purchasing.check(*model)
    run = FitRun(
        questions, model, parse_engine_settings(served_model, markers, options), columns, steering, grade, limit,
        concurrency, reference or "answers", target_loss, work, purchasing, Prices.load(prices, price), yes,
        settings,
    )  # fmt: skip
    run.fit(as_json)


@dataclass(frozen=True)
class FitRun:
    """What the command was asked for, with recorded questions. The fields are its options.

    engine: the settings of the engine. settings: those of the recorder.
    """

    questions: str
    model: tuple[str, ...]
    engine: dict[str, Any]
    columns: Columns
    steering: Steering
    grade: str
    limit: int | None
    concurrency: int | None
    reference: Reference
    target_loss: float
    work: Path | None
    purchasing: Purchasing
    prices: Prices
    yes: bool
    settings: dict[str, Any]

    def fit(self, as_json: bool) -> None:
        """Fit, store the profile and print the page."""
        from adaptive.answers.registry import open_grader
        from adaptive.fit.split import hold_out_half
        from adaptive.learn.data.questions import read_questions
        from adaptive.profile.store import ProfileStore, find_profiles_folder

        labelled = self.reference == "answers"
        rows = read_questions(self.questions, self.limit, columns=self.columns, need_answers=labelled)
        split, store = hold_out_half(rows, self.settings["seed"]), ProfileStore(find_profiles_folder())
        with open_grader(self.grade) as grader:
            key, result = self._run(split, store, grader)
        folder = result.save(store)
        click.echo(f"Stored the profile of {key} in {folder}.", err=True)
        click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else result.page, nl=as_json)

    def _run(self, split: FitSplit, store: ProfileStore, grader: Grader) -> tuple[str, FitResult]:
        """Record, train, tune and bench; return the model's key and the result."""
        from adaptive.cli.support.fit_progress import FitProgress
        from adaptive.fit.run import fit_profile
        from adaptive.learn.data.chat_recorder import ChatRecorder

        opened = _open_recorder(self.model, self.engine, self.steering, self.purchasing, grader, self.settings)
        with opened as (key, base, recorder):
            job = self._build_job(key, base, recorder, split, store)
            with FitProgress(job.outcomes) as progress:
                if self.purchasing.batch:
                    assert isinstance(recorder, ChatRecorder)  # the check refuses other models
                    batched = record_in_batches(recorder, progress.batches, self.concurrency)
                    job = replace(job, recorder=batched)
                result = fit_profile(
                    job, lambda estimate: _confirm(estimate, self.yes, progress), progress.show_stage,
                    lambda recording: run_until_signal(recording, progress),
                )  # fmt: skip
        if unanswered := progress.batches.describe_unanswered():
            click.echo(unanswered, err=True)
        return key, result

    def _build_job(
        self, key: str, base: Profile, recorder: FitRecorder, split: FitSplit, store: ProfileStore
    ) -> FitJob:
        from adaptive.engines.registry import get_engine_parallel
        from adaptive.fit.job import FitJob

        folder = self.work or store.find_work_folder(key, _describe_settings(base.model, recorder))
        at_once = self.concurrency or get_engine_parallel(getattr(recorder, "engine", None), self.model[0])
        return FitJob(
            key, split, self.questions, recorder, base, self.grade, folder / "outcomes.db",
            at_once, self.prices, self.target_loss,
            shlex.join(["adaptive", *sys.argv[1:]]), self.reference,
        )  # fmt: skip


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
