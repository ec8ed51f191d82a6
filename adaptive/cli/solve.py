"""`adaptive solve`: questions in, answers on stdout, all else on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from adaptive.cli.support.display import Display
from adaptive.cli.support.question_file import QuestionFile, question_file_options
from adaptive.cli.support.questions import read_question_text
from adaptive.cli.support.result_file import ResultFile, digest_settings
from adaptive.cli.support.session import Session
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.solver import COUNT, build_solver_from_options, get_solver_parallel, solver_options
from adaptive.cli.support.warnings import WARNING_HANDLER
from adaptive.learn.data.questions import Question, make_question_id
from adaptive.solve_log import SolveLog, find_log_path

EPILOG = """Each option can be set by an environment variable: ADAPTIVE_MODEL for --model, and so on.
ADAPTIVE_LOG names the log of solves.

Exit codes: 0 answered, and accepted or not verified, 1 failed, 2 wrong usage or input, 3 answered but rejected
(with --require-verified also if not verified), 4 starved (no room was left for the answer), 130 interrupted. With
--file the worst of 1, 4, 3 and 0.

With --out the same command goes on after a kill: each result is on the disk as soon as it is there, each question
has one line, and a question that failed has none and is tried again."""


@click.command(epilog=EPILOG)
@click.argument("question", required=False)
@question_file_options
@click.option(
    "--concurrency",
    type=COUNT,
    metavar="N",
    help="Questions solved at the same time; default: as many as suit the engine.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="FILE-or-URL",
    help="Image to send with the question (file or URL); repeatable.",
)
@solver_options
@click.option(
    "-R/ ",
    "--hide-thinking/--show-thinking",
    default=None,
    help="Hide or show the thinking on stderr; default: shown on a terminal.",
)
@click.option("-u", "--usage", is_flag=True, help="Show tokens, seconds and cost on stderr.")
@click.option("--json", is_flag=True, help="Print each result as a JSON object on one line.")
@click.option("--require-verified", is_flag=True, help="Exit with 3 if nothing could verify the answer.")
@click.option("--no-log/--log", default=False, help="Do not write the solve to the log.")
def solve_command(
    question: str | None,
    questions: QuestionFile | None,
    concurrency: int | None,
    images: tuple[str, ...],
    hide_thinking: bool | None,
    usage: bool,
    json: bool,
    require_verified: bool,
    no_log: bool,
    **params: Any,
) -> None:
    """Answer a question with as much thinking as it needs.

    QUESTION is read from stdin when it is - or not given. With --file, the name of the file says its format:
    a question a line (.txt), or rows with a "question" and optionally an "id" and the right "answer" to grade
    against, as `adaptive record` reads them. Answers go to stdout or to --out, all else to stderr.
    """
    many, out = questions is not None, questions and questions.out
    asked = _read_questions(question, questions, params["seed"])
    if out and json:
        raise click.UsageError("--out writes JSON, --json prints it: leave out one")
    # Opened before anything is paid for: a log that cannot be written must not lose an answer.
    with nullcontext() if no_log else SolveLog(find_log_path()) as log:
        display = Display.for_stderr(hide_thinking, many=many)
        WARNING_HANDLER.before = display.break_line
        requested = _limit_concurrency(concurrency, display) if many else 1
        shown = read_image_blocks(images)
        solver = build_solver_from_options(**params, shows_thinking=hide_thinking is False)
        at_once = requested or get_solver_parallel(solver, params["model"])
        session = Session(solver, display, log, many, at_once, json, usage, shown, require_verified)
        if out:
            code = _solve_into_file(session, asked, out, digest_settings({**params, "images": images}))
        else:
            code = run_until_signal(session.ask(asked), session.tally)
    click.get_current_context().exit(code)


def _read_questions(argument: str | None, questions: QuestionFile | None, seed: int) -> list[Question]:
    if questions is None:
        text = read_question_text(argument)
        return [Question(make_question_id(text, ""), text, "")]
    if argument is not None:
        raise click.UsageError("give a question or --file, not both")
    return questions.read(seed)


def _solve_into_file(session: Session, questions: Sequence[Question], out: Path, settings: str) -> int:
    from adaptive.cli.support.bulk import BulkRun

    with ResultFile(out, settings) as results:
        run = BulkRun(session, results, questions)
        with run.progress:
            code = run_until_signal(run.solve_missing(), run.progress)
    for line in run.describe():
        click.echo(line, err=True)
    return code


def read_image_blocks(places: Sequence[str]) -> list[dict[str, Any]]:
    """Return images as content blocks; raise `InputError` if one cannot be read."""
    if not places:
        return []
    from adaptive.chat.images import build_image_block

    return [build_image_block(place) for place in places]


def _limit_concurrency(requested: int | None, display: Display) -> int | None:
    """Return how many questions are solved at the same time; None for as many as suit the engine."""
    if display.lines:
        if requested not in (None, 1):
            raise click.UsageError("thinking is shown of one question at a time: leave out --concurrency")
        return 1
    return requested
