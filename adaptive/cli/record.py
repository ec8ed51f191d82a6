"""`adaptive record`: makes every attempt that a policy could make at each question, once, into a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import engine_options, open_engine_from_options, question_column_options
from adaptive.cli.support.recording import RecordingJob, Steering, record_outcomes
from adaptive.types.ladder import EFFORTS

if TYPE_CHECKING:
    from adaptive.learn.data.questions import Columns


EPILOG = """QUESTIONS is a JSONL, CSV, TSV or Parquet file with "question" and "answer", perhaps with "id" and
"group", or datasets:ID?config=NAME&split=NAME for a data set of the Hugging Face hub.

Each attempt is written as soon as it is complete. Interrupted or killed, the same command continues from there;
with more --samples or --waits, or more questions, it makes the attempts that are missing."""


@click.command(epilog=EPILOG)
@click.argument("questions")
@engine_options
@question_column_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="File for the outcomes, say outcomes.db.",
)
@click.option("--profile", metavar="FOLDER", help="Profile to take the ladder and the style from.")
@click.option("--ladder", metavar="BUDGETS", help="Thinking budgets, say 0,64,256, or 0,64:low,256:high.")
@click.option("--system", metavar="TEXT", help="A system message for every question.")
@click.option("--answer-prefix", metavar="TEXT", help=r"Start of an answer after a forced end, say '\boxed{'.")
@click.option("--direct-prefix", metavar="TEXT", help="Start of an answer without thinking.")
@click.option("--answer-room", type=click.IntRange(min=1), metavar="TOKENS", help="The most tokens of an answer.")
@click.option(
    "--grade",
    default="auto",
    show_default=True,
    metavar="GRADER",
    help="auto, exact, number, choice, maths, or FILE.py:function of yours.",
)
@click.option(
    "--waits",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of Waits after a chain that ended by itself.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Number of samples of each question, for votes.",
)
@click.option(
    "--sample-effort", type=click.Choice(EFFORTS[1:]), help="Effort of the samples; default: the top one."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2, min_open=True),
    default=0.7,
    show_default=True,
    help="Temperature of the samples.",
)
@click.option(
    "--unlimited/--no-unlimited",
    default=True,
    show_default=True,
    help="Whether the top chain also continues to its own end, for comparison.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N questions.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Number of questions at once; default: as many as the engine uses well.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the sampling."
)
def record_command(
    questions: str,
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    out: Path,
    profile: str | None,
    ladder: str | None,
    system: str | None,
    answer_prefix: str | None,
    direct_prefix: str | None,
    answer_room: int | None,
    limit: int | None,
    concurrency: int | None,
    grade: str,
    **settings: Any,
) -> None:  # fmt: skip
    """Record every budget, Wait and sample at your questions.

    `adaptive train`, `tune` and `bench --replay` learn and measure from the file, without another call.
    """
    from adaptive.answers.registry import open_grader
    from adaptive.learn.data.questions import read_questions

    rows = read_questions(questions, limit, columns=columns)
    open_model = partial(open_engine_from_options, model, served_model, markers, options)
    steering = Steering(profile, ladder, system, answer_prefix, direct_prefix, answer_room)
    grader = open_grader(grade)
    try:
        record_outcomes(RecordingJob(model, rows, out, grade, concurrency), steering, grader, open_model, settings)
    finally:
        grader.close()
