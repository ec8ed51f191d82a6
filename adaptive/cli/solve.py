"""`adaptive solve`: questions in, answers on stdout, all else on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import click

from adaptive.cli.support.display import Display
from adaptive.cli.support.options import INDEX_BASE, INDEX_BASE_HELP
from adaptive.cli.support.questions import read_user_questions
from adaptive.cli.support.session import Session
from adaptive.cli.support.signals import run_until_signal
from adaptive.cli.support.solver import COUNT, build_solver_from_options, solver_options
from adaptive.cli.support.warnings import WARNING_HANDLER
from adaptive.solve_log import SolveLog, find_log_path

EPILOG = """Each option can be set by an environment variable: ADAPTIVE_MODEL for --model, and so on.
ADAPTIVE_LOG names the log of solves.

Exit codes: 0 answered, and accepted or not verified, 1 failed, 2 wrong usage or input, 3 answered but rejected
(with --require-verified also if not verified), 4 starved (no room was left for the answer), 130 interrupted. With
--file the worst of 1, 4, 3 and 0."""


FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command(epilog=EPILOG)
@click.argument("question", required=False)
@click.option("--file", type=FILE, help="Answer every question of a file: one per line, or JSON lines.")
@click.option("--index-base", type=INDEX_BASE, help=INDEX_BASE_HELP)
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
    file: str | None,
    index_base: int | None,
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

    QUESTION is read from stdin when it is - or not given. With --file, each line is a question, or in a
    .jsonl file an object with a "question" and optionally the right "answer" to grade against. Answers go to
    stdout, all else to stderr.
    """
    questions = read_user_questions(question, file, index_base)
    many = file is not None
    # Opened before anything is paid for: a log that cannot be written must not lose an answer.
    with nullcontext() if no_log else SolveLog(find_log_path()) as log:
        display = Display.for_stderr(hide_thinking, many=many)
        WARNING_HANDLER.before = display.break_line
        at_once = _choose_concurrency(params["model"], concurrency, display) if many else 1
        shown = read_image_blocks(images)
        solver = build_solver_from_options(**params)
        session = Session(solver, display, log, many, at_once, json, usage, shown, require_verified)
        code = run_until_signal(session.ask(questions), session.tally)
    click.get_current_context().exit(code)


def read_image_blocks(places: Sequence[str]) -> list[dict[str, Any]]:
    """Return images as content blocks; raise `InputError` if one cannot be read."""
    if not places:
        return []
    from adaptive.chat.images import build_image_block

    return [build_image_block(place) for place in places]


def _choose_concurrency(model: str, requested: int | None, display: Display) -> int:
    """How many questions are solved at the same time: as many as suit the engine, one if thinking is shown."""
    if display.lines:
        if requested not in (None, 1):
            raise click.UsageError("thinking is shown of one question at a time: leave out --concurrency")
        return 1
    from adaptive.engines.registry import get_parallel_solves

    return requested or get_parallel_solves(model)
