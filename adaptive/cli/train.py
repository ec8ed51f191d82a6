"""`adaptive train`: fits a profile, to recorded outcomes or to questions that it labels with a model first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from adaptive.cli.support.options import LADDER, engine_options, question_column_options
from adaptive.cli.support.train_options import TrainOptions, is_database
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS

ASKING = ("model", "served_model", "markers", "options", "ladder", "effort", "concurrency")
"""Options of how a model is asked: recorded outcomes have been."""
COLUMNS = ("question_column", "answer_column", "id_column", "group_column", "options_column")
"""Options of what a file of questions looks like."""
RECORDED = ("tune_share", "rule", "second", "add", "embed")
"""Options of outcomes alone."""
FITTED = ("add", "embed")
"""Options of what difficulty is fitted to."""

EPILOG = """SOURCE is a file of outcomes, made by `adaptive record`; or questions: a JSONL, CSV, TSV or Parquet
file with "question" and "answer", perhaps with "id" and "group", or datasets:ID?config=NAME&split=NAME for a data
set of the Hugging Face hub.

Outcomes are learned from without asking a model. Half of their questions are left for `adaptive tune`.

Questions are answered by the model first. Every answer is kept in FOLDER/labels.jsonl. Interrupted, the same
command goes on from there.

--rule s1 is s1's rule of difficulty (arXiv 2501.19393): a question is easy if the model solves it without
thinking, or the --second one does; medium if some rung does; else hard. P(solved) is P(easy) but at the top rung,
where it is P(easy or medium).

--add logs adds logged solves of the same model and ladder of which it is known whether they are right (`adaptive
feedback`), where their questions are not in the outcomes.

--embed SPEC lets difficulty see an embedding of each question besides its text: hf:ID-or-folder
(sentence-transformers), http://host:port/v1 of an OpenAI-compatible server (with #NAME where it serves several
models), or PROVIDER:MODEL, say openai:text-embedding-3-small. Embeddings are kept beside the log of solves;
interrupted, the same command goes on. The figures are told with and without it.

--calibrate N needs few answers: the general difficulty model says how hard a question is, and N graded questions
say how much of that each rung can do. Of a file --limit questions are asked, N where that is not given; the model
is measured on those beyond N."""


@click.command(epilog=EPILOG)
@click.argument("source")
@engine_options
@question_column_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="FOLDER",
              help="Where the profile is written.")  # fmt: skip
@click.option("--ladder", metavar="BUDGETS", help=f"Thinking budgets, say {LADDER}, or 0,64:low,256:high.")
@click.option("--profile", metavar="FOLDER", help="Takes the ladder and what is not learned from there.")
@click.option("--effort", type=click.Choice(EFFORTS[1:]), help="One effort for all rungs that think.")
@click.option("--target-precision", type=float, default=0.97, show_default=True,
              help="Share of accepted answers that are right.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N questions.")
@click.option("--concurrency", type=click.IntRange(1, 1024), default=4, show_default=True, metavar="N",
              help="Questions asked at once.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
              help="For sampling and for what is held out.")  # fmt: skip
@click.option("--tune-share", type=click.FloatRange(0, 1, max_open=True), default=0.5, show_default=True,
              help="Of outcomes: share of the questions that is left for `adaptive tune`.")  # fmt: skip
@click.option("--rule", type=click.Choice(("rungs", "s1")), default="rungs", show_default=True,
              help="Of outcomes: what difficulty is.")  # fmt: skip
@click.option("--second", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Outcomes of another model at the same questions, for --rule s1.")  # fmt: skip
@click.option("--calibrate", type=click.IntRange(min=1), metavar="N",
              help="Only places the model by N graded questions, difficulty is the general one.")  # fmt: skip
@click.option("--add", type=click.Choice(("logs",)),
              help="With outcomes: what difficulty is fitted to besides.")  # fmt: skip
@click.option("--embed", metavar="SPEC",
              help="With outcomes: an embedding model, through which difficulty sees questions too.")  # fmt: skip
@click.pass_context
def train_command(context: click.Context, /, **params: Any) -> None:
    """Train a profile on your own model's outcomes or questions.

    From outcomes come P(solved) for each rung, from the question's text and from the direct answer, and P(right)
    of an answer. Questions are answered without thinking and, where that is wrong, with it (s1's rule): from this
    come P(solved) and the confidence from which an answer is accepted. A card in FOLDER has all figures.
    """
    asked = TrainOptions(**params)
    if is_database(asked.source):
        _reject_unused_options(
            context, (*ASKING, *COLUMNS), f"{asked.source} is recorded outcomes, and no model is asked"
        )
        _train_on_outcomes(context, asked)
    else:
        from adaptive.cli.support.train_questions import train_questions

        _reject_unused_options(context, RECORDED, f"{asked.source} holds questions, no outcomes")
        train_questions(asked)


def _train_on_outcomes(context: click.Context, options: TrainOptions) -> None:
    """Fit to recorded outcomes: difficulty, or with --calibrate only where the model is."""
    from adaptive.cli.support.train_outcomes import train_on_outcomes
    from adaptive.cli.support.train_placement import place_by_outcomes

    if options.calibrate is None:
        train_on_outcomes(options)
    else:
        _reject_unused_options(context, FITTED, "--calibrate fits no difficulty")
        place_by_outcomes(options, options.calibrate)


def _reject_unused_options(context: click.Context, options: Sequence[str], why: str) -> None:
    """Raise `InputError` where one of these options was given."""
    given = (n for n in options if context.get_parameter_source(n) == ParameterSource.COMMANDLINE)
    if name := next(given, None):
        shown = next(p.opts[-1] for p in context.command.params if p.name == name)
        raise InputError(f"{why}: {shown} does not apply, leave it out.")
