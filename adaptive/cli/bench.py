"""`adaptive bench`: a profile's policy against every baseline, on questions that it was not trained on."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive._util.redact import redact_text
from adaptive.cli.support.options import (
    AGREEMENT,
    MODEL_HELP,
    engine_detail_options,
    open_engine_from_options,
    question_column_options,
    reference_option,
)
from adaptive.cli.support.solver import worth_option
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.bench.figures import Figures
    from adaptive.bench.split import QuestionSplit
    from adaptive.cli.support.live_bench import LiveBench
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.questions import Columns, Question
    from adaptive.learn.data.reference import Reference
    from adaptive.profile.profile import Profile


EPILOG = """QUESTIONS is a JSONL file, CSV, Parquet or datasets:ID, as for `adaptive record`. PROFILE is a folder.

The baselines are constants (every rung, with Waits and without, votes, a plain call, the direct answer and then a
rung) and random mixes of two of them, raw-confidence stop, self-consistency at equal tokens, adaptive consistency
and an oracle. What they have to choose is chosen on the recorded questions that are not in QUESTIONS.

How often QUESTIONS were measured on is counted in the folder of profiles: a profile that is chosen by its figures
is fitted to them.

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
@reference_option(None, f"What is right: the questions' own {AGREEMENT}; default: as the profile was trained.")
@worth_option(
    "What a right answer is worth, '2000tok' or '0.02usd': measures the policy for that in place of the tuned one."
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder for report.html, the plots and figures.json.")  # fmt: skip
@click.option("--target-loss", type=float, default=0.01, show_default=True,
              help="Accuracy (0 to 1) that raw-confidence stop may lose against the best constant.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N questions.")
@click.option(
    "-m", "--model", help=f"{MODEL_HELP} Solves live; default without --replay: embedded, if the profile is its."
)
@engine_detail_options
@click.option("--grade", metavar="GRADER",
              help="Grader of live solves: auto, exact, number, choice, maths, or FILE.py:function; default: that "
              "of the outcomes if it is one of ours, else auto.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N",
              help="Solves at the same time; default: as many as suit the engine.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def bench_command(
    profile: str,
    questions: str,
    columns: Columns,
    replay: Path | None,
    tuned_on: str | None,
    reference: Reference | None,
    worth: float | str | None,
    out: Path | None,
    target_loss: float,
    limit: int | None,
    model: str | None,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    grade: str | None,
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Measure a profile against every baseline, and report it.

    Reports accuracy and tokens with intervals and paired tests as a table, plots and one HTML page.
    """
    from adaptive._util.plotting import require_matplotlib
    from adaptive.learn.data.questions import read_questions
    from adaptive.learn.data.reference import read_reference_of
    from adaptive.profile.profile import Profile

    if not 0 <= target_loss <= 1:  # nan is not, and passes click's own check
        raise InputError(f"--target-loss must be between 0 and 1, got {target_loss}.")
    if out is not None:
        require_matplotlib()
    loaded = _set_worth(Profile.load(profile), worth)
    graded_by = reference or read_reference_of(loaded.figures)
    if graded_by != "answers" and replay is None:
        raise InputError(f"live solves are graded by right answers: bench --reference {graded_by} with --replay.")
    # A replay's grades are those of the outcomes, which may be verdicts without a right answer.
    read = partial(read_questions, columns=columns, need_answers=replay is None)
    inputs = BenchInputs(
        read(questions, limit), questions, (read(tuned_on), tuned_on) if tuned_on else None, graded_by
    )
    live = None
    if model is not None or replay is None:
        spec = model or _get_own_model(loaded, profile)
        live = _open_live_model(
            spec, partial(open_engine_from_options, spec, served_model, markers, options), out, concurrency, grade
        )
    _print_results(_run_bench(loaded, Path(profile), inputs, replay, live, target_loss), out, as_json)


def _set_worth(profile: Profile, worth: float | str | None) -> Profile:
    return replace(profile, policy=profile.policy.with_worth(worth))


@dataclass(frozen=True)
class BenchInputs:
    """The questions of a bench and their source. tuned_on: the same of those to tune baselines on. graded_by: what
    is right."""

    questions: list[Question]
    source: str
    tuned_on: tuple[list[Question], str] | None
    graded_by: Reference = "answers"


def _get_own_model(profile: Profile, folder: str) -> str:
    """Return the profile's model if it is the shipped one. Others are for the user to name: the profile may be a
    stranger's, and the model that it names an address that would get the user's key and questions."""
    if profile.model != "embedded":
        raise InputError(
            f"the profile {folder} is of the model {redact_text(profile.model)}, and no profile chooses what is "
            "asked: name the model with -m, or bench with --replay."
        )
    return profile.model


def _open_live_model(
    spec: str, open_model: Any, out: Path | None, concurrency: int | None, grade: str | None
) -> LiveBench:
    from adaptive.cli.support.live_bench import LiveBench

    if out is None:
        raise InputError("a live bench keeps its solves in a folder: name it with --out, or bench with --replay.")
    return LiveBench(spec, open_model, out, concurrency, grade)


def _run_bench(
    profile: Profile, folder: Path, inputs: BenchInputs, replay: Path | None, live: LiveBench | None, loss: float
) -> Figures:
    """All figures: the policy is replayed on outcomes, or solves live beside outcomes that are recorded first."""
    from adaptive.answers.registry import choose_file_grader
    from adaptive.bench.run import bench_policy, replay_policy
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.readings import count_reading
    from adaptive.profile.files import PROFILE_FILE
    from adaptive.profile.store import find_profiles_folder

    file = replay
    if file is None:
        assert live is not None  # without outcomes a bench is live
        both = [*inputs.questions, *(inputs.tuned_on[0] if inputs.tuned_on else [])]
        file = live.record(both, folder, profile.policy.vote_temperature)
    with OutcomeStore(file, reference=inputs.graded_by) as outcomes:
        outcomes.require_grades()
        split, plan = _split_questions(profile, folder, outcomes, inputs, live is None), outcomes.plan
    if live is None:
        run = replay_policy(profile, split.test)
    else:
        grade = choose_file_grader(plan.get("grader"), live.grade, file)
        run = live.solve(profile, folder, split.test, grade)
    figures = bench_policy(profile, split, run, loss, _describe_run(profile, folder, inputs, plan, file))
    # All that were named: which of them the profile leaves out changes when it is trained anew.
    texts = [one.text for one in inputs.questions]
    reading = count_reading(find_profiles_folder(), texts, (folder / PROFILE_FILE).read_bytes())
    return replace(figures, reading=reading)


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
    from adaptive.learn.data.reference import explain_reference
    from adaptive.types.routine import format_rung

    models = [str(plan["model"]), *(name for name in profile.models if name)]
    return {
        "profile": f"{profile.name} ({folder})",
        "model": ", ".join(models),
        "ladder": ", ".join(format_rung(rung) for rung in profile.ladder),
        "questions": inputs.source,
        "outcomes": str(file),
        "graded by": explain_reference(inputs.graded_by) or str(plan["grader"]),
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
