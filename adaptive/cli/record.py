"""`adaptive record`: buys everything a policy could buy at each question, once, and keeps it in a file."""

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

Each attempt is written as soon as it is bought. Interrupted or killed, the same command goes on from there; with
more --samples or --waits, or more questions, it buys what is not there yet."""


@click.command(epilog=EPILOG)
@click.argument("questions")
@engine_options
@question_column_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Where the outcomes are kept: outcomes.db, say.",
)
@click.option("--profile", metavar="FOLDER", help="Takes the ladder and how the model is steered from there.")
@click.option("--ladder", metavar="BUDGETS", help="Thinking budgets, say 0,64,256, or 0,64:low,256:high.")
@click.option("--system", metavar="TEXT", help="A system message for every question.")
@click.option("--answer-prefix", metavar="TEXT", help=r"The head of an answer after a forced end, say '\boxed{'.")
@click.option("--direct-prefix", metavar="TEXT", help="The same for answers without thinking.")
@click.option("--answer-room", type=click.IntRange(min=1), metavar="TOKENS", help="Most tokens of an answer.")
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
    help="Waits after chains that ended by themselves.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Samples of each question, for votes.",
)
@click.option(
    "--sample-effort", type=click.Choice(EFFORTS[1:]), help="At which effort they are drawn; default: top."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2, min_open=True),
    default=0.7,
    show_default=True,
    help="At which they are drawn.",
)
@click.option(
    "--unlimited/--no-unlimited",
    default=True,
    show_default=True,
    help="Whether the top chain is let go on to its own end, for comparison.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N questions.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Questions asked at once; default: as many as the engine is worth giving.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="For sampling.")
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
    """Record what every budget, Wait and sample brings at your questions.

    `adaptive train`, `tune` and `bench --replay` learn and measure from the file, without another call.
    """
    from adaptive.answers.registry import open_grader
    from adaptive.learn.data.questions import read_questions

    asked = read_questions(questions, limit, columns=columns)
    open_model = partial(open_engine_from_options, model, served_model, markers, options)
    steering = Steering(profile, ladder, system, answer_prefix, direct_prefix, answer_room)
    grader = open_grader(grade)
    try:
        record_outcomes(
            RecordingJob(model, asked, out, grade, concurrency), steering, grader, open_model, settings
        )
    finally:
        grader.close()
