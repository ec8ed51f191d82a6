"""`adaptive bench`: a profile's policy against every baseline, on questions that it was not trained on."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import (
    MODEL_HELP,
    engine_detail_options,
    open_engine_from_options,
    question_column_options,
)
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.bench.figures import Figures
    from adaptive.bench.split import QuestionSplit
    from adaptive.cli.support.live_bench import LiveBench
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.questions import Columns, Question
    from adaptive.profile.profile import Profile


EPILOG = """QUESTIONS is a JSONL file, CSV, Parquet or datasets:ID, as for `adaptive record`. PROFILE is a folder.

The baselines: no thinking, every fixed rung, the best fixed rung, unlimited thinking, raw-confidence stop,
self-consistency at equal tokens, adaptive consistency, the notebook's Wait loop and an oracle. Baselines that
need tuning are tuned on the recorded questions that are not in QUESTIONS.

Without --replay the model is asked: each question is solved, and recorded for the baselines. Both are kept in
FOLDER; if interrupted or killed, the same command goes on from there."""


@click.command(epilog=EPILOG)
@click.argument("profile")
@click.argument("questions")
@question_column_options
@click.option("--replay", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Outcomes from `adaptive record`; no model is asked.")  # fmt: skip
@click.option(
    "--tuned-on",
    metavar="QUESTIONS",
    help="Questions to tune the baselines on; default: all other recorded questions.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder for report.html, the plots and figures.json.")  # fmt: skip
@click.option("--target-loss", type=float, default=0.01, show_default=True,
              help="Accuracy (0 to 1) that a tuned baseline may lose against the top rung.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N questions.")
@click.option("-m", "--model", help=f"{MODEL_HELP} Solves live; default without --replay: the profile's model.")
@engine_detail_options
@click.option("--grade", default="auto", show_default=True, metavar="GRADER",
              help="Grader of live solves: auto, exact, number, choice, maths, or FILE.py:function.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N",
              help="Solves at the same time; default: as many as suit the engine.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def bench_command(
    profile: str,
    questions: str,
    columns: Columns,
    replay: Path | None,
    tuned_on: str | None,
    out: Path | None,
    target_loss: float,
    limit: int | None,
    model: str | None,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    grade: str,
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Measure a profile against every baseline, and report it.

    Reports accuracy and tokens with intervals and paired tests as a table, plots and one HTML page.
    """
    from adaptive._util.plotting import require_matplotlib
    from adaptive.learn.data.questions import read_questions
    from adaptive.profile.profile import Profile

    if not 0 <= target_loss <= 1:  # nan is not, and passes click's own check
        raise InputError(f"--target-loss must be between 0 and 1, got {target_loss}.")
    if out is not None:
        require_matplotlib()
    loaded = Profile.load(profile)
    inputs = BenchInputs(
        read_questions(questions, limit, columns=columns),
        questions,
        (read_questions(tuned_on, columns=columns), tuned_on) if tuned_on else None,
    )
    live = None
    if model is not None or replay is None:
        spec = model or loaded.model
        live = _open_live_model(
            spec, partial(open_engine_from_options, spec, served_model, markers, options), out, concurrency, grade
        )
    _print_results(_run_bench(loaded, Path(profile), inputs, replay, live, target_loss), out, as_json)


@dataclass(frozen=True)
class BenchInputs:
    """The questions of a bench and their source; tuned_on: the same of those to tune baselines on."""

    questions: list[Question]
    source: str
    tuned_on: tuple[list[Question], str] | None


def _open_live_model(
    spec: str, open_model: Any, out: Path | None, concurrency: int | None, grade: str
) -> LiveBench:
    from adaptive.cli.support.live_bench import LiveBench
    from adaptive.engines.registry import get_parallel_solves

    if out is None:
        raise InputError("a live bench keeps its solves in a folder: name it with --out, or bench with --replay.")
    return LiveBench(spec, open_model, out, concurrency or get_parallel_solves(spec), grade)


def _run_bench(
    profile: Profile, folder: Path, inputs: BenchInputs, replay: Path | None, live: LiveBench | None, loss: float
) -> Figures:
    """All figures: the policy is replayed on outcomes, or solves live beside outcomes that are recorded first."""
    from adaptive.bench.run import measure_policy, replay_policy
    from adaptive.learn.data.outcomes import OutcomeStore

    file = replay
    if file is None:
        assert live is not None  # without outcomes a bench is live
        both = [*inputs.questions, *(inputs.tuned_on[0] if inputs.tuned_on else [])]
        file = live.record(both, folder, profile.policy.vote_temperature)
    with OutcomeStore(file) as outcomes:
        split, plan = _split_questions(profile, folder, outcomes, inputs, live is None), outcomes.plan
    run = live.solve(profile, folder, split.test, plan["grader"]) if live else replay_policy(profile, split.test)
    return measure_policy(
        profile, split, run, plan["window"], loss, _describe_run(profile, folder, inputs, plan, file)
    )


def _split_questions(
    profile: Profile, folder: Path, outcomes: OutcomeStore, inputs: BenchInputs, replayed: bool
) -> QuestionSplit:
    from adaptive.bench.split import RecordedPool, split_questions
    from adaptive.learn.data.splits import read_used_keys

    pool = RecordedPool.from_recorded(outcomes.path, outcomes, profile.ladder)
    seen, shown = read_used_keys(folder), profile if replayed else None
    return split_questions(pool, inputs.questions, inputs.source, seen, inputs.tuned_on, shown)


def _describe_run(
    profile: Profile, folder: Path, inputs: BenchInputs, plan: dict[str, Any], file: Path
) -> dict[str, str]:
    """The run in words, for the report."""
    from adaptive import __version__
    from adaptive.learn.tuning.constants import format_rung

    return {
        "profile": f"{profile.name} ({folder})",
        "model": str(plan["model"]),
        "ladder": ", ".join(format_rung(rung) for rung in profile.ladder),
        "questions": inputs.source,
        "outcomes": str(file),
        "graded by": str(plan["grader"]),
        "version": f"adaptive {__version__}",
        "command": shlex.join(["adaptive", *sys.argv[1:]]),
    }


def _print_results(figures: Figures, out: Path | None, as_json: bool) -> None:
    """Write the files, if a folder is named, and print."""
    from adaptive.bench.report import print_bench_table

    text = json.dumps(figures.to_json(), ensure_ascii=False)
    if out is not None:
        _write_report(figures, text, out)
    if as_json:
        click.echo(text)
    else:
        print_bench_table(figures)
    if out is not None:
        click.echo(f"Wrote the report {out / 'report.html'}.", err=True)


def _write_report(figures: Figures, text: str, out: Path) -> None:
    from adaptive._util.files import write_atomically
    from adaptive.bench.plots import write_plots
    from adaptive.bench.report import render_report

    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "figures.json", text + "\n")
    write_atomically(out / "report.html", render_report(figures, write_plots(figures, out)))
