"""`adaptive record`: makes every attempt that a policy could make at each question, once, into a file."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.chat_recording import Purchasing, batch_option, purchasing_options, record_chat_outcomes
from adaptive.cli.support.options import (
    open_engine_from_options,
    parse_engine_settings,
    question_column_options,
    reference_option,
    several_engine_options,
)
from adaptive.cli.support.outside import read_outside_questions
from adaptive.cli.support.recording import RecordingJob, Steering, record_outcomes, recording_options
from adaptive.cli.support.solver import price_options

if TYPE_CHECKING:
    from adaptive.learn.data.questions import Columns, Question
    from adaptive.learn.data.reference import Reference


EPILOG = """QUESTIONS is a JSONL, JSON, CSV, TSV or Parquet file with "question" and "answer", perhaps with "id"
and "group", or datasets:ID?config=NAME&split=NAME for a data set of the Hugging Face hub.

In place of QUESTIONS, --from-log takes the logged questions of this model that are unlike those that its profile
was measured on (`adaptive logs --drift`), newest first. Their right answers come from `adaptive feedback`, or from
the file that `adaptive solve --file` read. Those without one are counted, or written to --unanswered FILE.

A hosted model's thinking is hidden: its attempts are bought by effort (--efforts), each on its own, side by side
within its rate limits, or with --batch by the batch API. No call begins that could pass --max-cost. Several hosted
models (-m A -m B) make one ladder: each is bought at those of the efforts that it takes, and a rung counts by what
it costs.

Each attempt is written as soon as it is complete. Interrupted or killed, the same command continues from there;
with more --samples or --waits, or more questions, it makes the attempts that are missing."""


@click.command(epilog=EPILOG)
@click.argument("questions", required=False)
@click.option("--from-log", is_flag=True, help="Record the logged questions that are unlike the recorded ones.")
@click.option(
    "--unanswered",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="New JSONL file for logged questions without a right answer, to be filled in.",
)
@reference_option(
    "answers", "What will be right: the questions' own answers, or dearest: the questions need no answer."
)
@several_engine_options
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
@purchasing_options
@batch_option
@price_options
def record_command(
    questions: str | None,
    from_log: bool,
    unanswered: Path | None,
    reference: Reference,
    model: tuple[str, ...],
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    columns: Columns,
    out: Path,
    steering: Steering,
    limit: int | None,
    concurrency: int | None,
    grade: str,
    efforts: str | None,
    max_cost: float | None,
    batch: bool,
    prices: str | None,
    price: tuple[str, ...],
    **settings: Any,
) -> None:  # fmt: skip
    """Record every budget, Wait and sample at your questions.

    `adaptive train`, `tune` and `bench --replay` learn and measure from the file, without another call.
    """
    from adaptive._util.file_lock import hold_file
    from adaptive.answers.registry import open_grader

    _check_sources(questions, from_log, unanswered)
    purchasing = Purchasing(efforts, max_cost, prices, price, batch)
    is_chat = purchasing.check(*model)
    rows = _read_rows(questions, model[0], limit, columns, unanswered, reference)
    job = RecordingJob(model, rows, out, grade, concurrency)
    with closing(open_grader(grade)) as grader, hold_file(out):
        if is_chat:
            engine = parse_engine_settings(served_model, markers, options)
            record_chat_outcomes(job, steering, purchasing, grader, engine, settings)
        else:
            open_model = partial(open_engine_from_options, model[0], served_model, markers, options)
            record_outcomes(job, steering, grader, open_model, settings)


def _check_sources(questions: str | None, from_log: bool, unanswered: Path | None) -> None:
    """Raise `click.UsageError` unless there is exactly one source of questions."""
    if (questions is None) != from_log:
        raise click.UsageError("give QUESTIONS or --from-log, " + ("not both" if from_log else "one of them"))
    if unanswered is not None and not from_log:
        raise click.UsageError("--unanswered is for logged questions: give --from-log too, or leave it out")


def _read_rows(
    questions: str | None,
    model: str,
    limit: int | None,
    columns: Columns,
    unanswered: Path | None,
    reference: Reference,
) -> list[Question]:
    """Return the questions in a source; without one, those in the log."""
    from adaptive.learn.data.questions import read_questions

    if questions is None:
        return read_outside_questions(model, limit, columns.index_base, unanswered)
    return read_questions(questions, limit, columns=columns, need_answers=reference == "answers")
