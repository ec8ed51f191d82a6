"""`adaptive bench`: a profile's policy beside every baseline, on questions that it has not seen."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import MODEL, beside_model, opened, question_columns
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.bench.figures import Figures
    from adaptive.bench.split import Chosen
    from adaptive.cli.support.live_bench import Live
    from adaptive.learn.data.outcomes import Outcomes
    from adaptive.learn.data.questions import Columns, Question
    from adaptive.profile.profile import Profile


EPILOG = """QUESTIONS is a JSONL file, CSV, Parquet or datasets:ID, as for `adaptive record`. PROFILE is a folder.

The baselines: no thinking, every fixed rung, the best fixed rung, unlimited thinking, raw-confidence stop,
self-consistency at equal tokens, adaptive consistency, the notebook's Wait loop and an oracle. What is tuned of
them is tuned on the recorded questions that are not in QUESTIONS.

Without --replay the model is asked: each question is solved, and recorded for the baselines. Both are kept in
FOLDER; interrupted or killed, the same command goes on from there."""


@click.command(epilog=EPILOG)
@click.argument("profile")
@click.argument("questions")
@question_columns
@click.option("--replay", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Outcomes that `adaptive record` wrote: nothing is asked again.")  # fmt: skip
@click.option(
    "--tuned-on",
    metavar="QUESTIONS",
    help="What to tune the baselines on, in place of all other recorded questions.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Where report.html, the plots and figures.json are written.")  # fmt: skip
@click.option("--target-loss", type=float, default=0.01, show_default=True,
              help="Share of right answers that tuning may lose against the top rung.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N questions.")
@click.option("-m", "--model", help=f"Solve live: {MODEL} Default without --replay: the profile's own.")
@beside_model
@click.option("--grade", default="auto", show_default=True, metavar="GRADER",
              help="Of live solves: auto, exact, number, choice, maths, or FILE.py:function.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N",
              help="Solves at once; default: as many as the engine is worth giving.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object.")
def bench(
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

    Accuracy and tokens with intervals and paired tests, everything counted: a table, plots and one HTML page.
    """
    from adaptive._util.plotting import ready
    from adaptive.learn.data.questions import read_questions
    from adaptive.profile.profile import Profile

    if not 0 <= target_loss <= 1:  # nan is not, and passes click's own check
        raise InputError(f"--target-loss must be between 0 and 1, got {target_loss}.")
    if out is not None:
        ready()
    known = Profile.load(profile)
    asked = Asked(
        read_questions(questions, limit, columns=columns),
        questions,
        (read_questions(tuned_on, columns=columns), tuned_on) if tuned_on else None,
    )
    live = None
    if model is not None or replay is None:
        spec = model or known.model
        live = _live(spec, partial(opened, spec, served_model, markers, options), out, concurrency, grade)
    found = _measured(known, Path(profile), asked, replay, live, target_loss)
    _told(found, out, as_json)


@dataclass(frozen=True)
class Asked:
    """The questions of a bench and where they are from; tuned_on: the same of those that are tuned on."""

    questions: list[Question]
    source: str
    tuned_on: tuple[list[Question], str] | None


def _live(spec: str, open_model: Any, out: Path | None, concurrency: int | None, grade: str) -> Live:
    from adaptive.cli.support.live_bench import Live
    from adaptive.engines.registry import parallel

    if out is None:
        raise InputError("a live bench keeps its solves in a folder: name it with --out, or bench with --replay.")
    return Live(spec, open_model, out, concurrency or parallel(spec), grade)


def _measured(
    known: Profile, folder: Path, asked: Asked, replay: Path | None, live: Live | None, loss: float
) -> Figures:
    """All figures: of the policy replayed on outcomes, or live beside outcomes that are there or recorded now."""
    from adaptive.bench.run import bench as measured
    from adaptive.bench.run import replayed
    from adaptive.cli.support.embed import embed_for
    from adaptive.learn.data.outcomes import Outcomes

    file = replay
    if file is None:
        assert live is not None  # without outcomes a bench is live
        both = [*asked.questions, *(asked.tuned_on[0] if asked.tuned_on else [])]
        file = live.record(both, folder, known.policy.vote_temperature)
    with Outcomes(file) as outcomes:
        chosen, plan = _chosen(known, folder, outcomes, asked), outcomes.plan
    embed_for(known, [one.question.text for one in chosen.test])
    took = live.solve(known, folder, chosen.test, plan["grader"]) if live else replayed(known, chosen.test)
    return measured(known, chosen, took, plan["window"], loss, _about(known, folder, asked, plan, file))


def _chosen(known: Profile, folder: Path, outcomes: Outcomes, asked: Asked) -> Chosen:
    from adaptive.bench.split import Pool, choose
    from adaptive.learn.data.splits import read_seen

    pool = Pool.of(outcomes.path, outcomes, known.ladder)
    return choose(pool, asked.questions, asked.source, read_seen(folder), asked.tuned_on)


def _about(known: Profile, folder: Path, asked: Asked, plan: dict[str, Any], file: Path) -> dict[str, str]:
    """What was benched, in words."""
    from adaptive import __version__
    from adaptive.bench.cost import label_of

    return {
        "profile": f"{known.name} ({folder})",
        "model": str(plan["model"]),
        "ladder": ", ".join(label_of(rung) for rung in known.ladder),
        "questions": asked.source,
        "outcomes": str(file),
        "graded by": str(plan["grader"]),
        "version": f"adaptive {__version__}",
        "command": shlex.join(["adaptive", *sys.argv[1:]]),
    }


def _told(found: Figures, out: Path | None, as_json: bool) -> None:
    """Write the files, where a folder was named, and print."""
    from adaptive.bench.report import print_table

    text = json.dumps(found.to_json(), ensure_ascii=False)
    if out is not None:
        _written(found, text, out)
    if as_json:
        click.echo(text)
    else:
        print_table(found)
    if out is not None:
        click.echo(f"Wrote the report {out / 'report.html'}.", err=True)


def _written(found: Figures, text: str, out: Path) -> None:
    from adaptive._util.files import write_whole
    from adaptive.bench.plots import write_plots
    from adaptive.bench.report import render_report

    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "figures.json", text + "\n")
    write_whole(out / "report.html", render_report(found, write_plots(found, out)))
