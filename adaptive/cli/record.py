"""`adaptive record`: makes every attempt that a policy could make at each question, once, into a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import engine_options, open_engine_from_options, question_column_options
from adaptive.cli.support.recording import RecordingJob, Steering, record_outcomes, recording_options

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
@recording_options
@click.option(
    "--unlimited/--no-unlimited",
    default=True,
    show_default=True,
    help="Whether the top chain also continues to its own end, for comparison.",
)
def record_command(
    questions: str,
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    out: Path,
    steering: Steering,
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
    grader = open_grader(grade)
    try:
        record_outcomes(RecordingJob(model, rows, out, grade, concurrency), steering, grader, open_model, settings)
    finally:
        grader.close()
