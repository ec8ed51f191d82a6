"""`adaptive solve`: questions in, answers on stdout, everything else on stderr."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import click

from adaptive.cli.display import Display
from adaptive.cli.engine import engine_options, engine_settings
from adaptive.cli.notes import NOTES
from adaptive.cli.questions import read_questions
from adaptive.cli.run import until_signal
from adaptive.cli.session import Session
from adaptive.ladder import EFFORTS
from adaptive.store import Store, default_path

EPILOG = """Each option can be set by an environment variable: ADAPTIVE_MODEL for --model, and so on.
ADAPTIVE_LOG is where solves are logged.

Exit codes: 0 answered and accepted, 1 failed, 2 wrong usage or input, 3 answered but not accepted, 4 starved
(no room was left for the answer), 130 interrupted. With --file the worst of 1, 4, 3 and 0."""


class _Number(click.FloatRange):
    """A float that is a number: `nan` passes every range check."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class _WaitString(click.types.StringParamType):
    """Text; `|` parts several in the environment variable, since spaces belong to them."""

    envvar_list_splitter = "|"


FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
COUNT = click.IntRange(min=1)
COUNT_OR_0 = click.IntRange(min=0)
OPTIONS = (
    click.option("--profile", metavar="FOLDER", help="What is known of the model; it may bring its own."),
    click.option("--effort", type=click.Choice(EFFORTS), help="Effort of all thinking; none: no thinking."),
    click.option("--budget", type=COUNT_OR_0, metavar="TOKENS", help="Most thinking tokens of an attempt."),
    click.option("--waits", type=COUNT_OR_0, metavar="N", help="How often an early end is put off."),
    click.option("--wait-string", type=_WaitString(), multiple=True, help="What is said then; repeat to rotate."),
    click.option("--no-adapt/--adapt", default=False, help="One attempt, whatever the difficulty and verdict."),
    click.option("--verify", metavar="NAMES", help="The verifiers, parted by commas."),
    click.option("--max-tokens", type=COUNT, metavar="N", help="Most tokens of all attempts together."),
    click.option("--max-attempts", type=COUNT, metavar="N", help="Most attempts."),
    click.option("--temperature", type=_Number(min=0), default=0.0, show_default=True, help="0 is greedy."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="For sampling."),
)


def _solver_options(command: Any) -> Any:
    """Adds the options that are passed on to the solver."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(epilog=EPILOG)
@click.argument("question", required=False)
@click.option("--file", type=FILE, help="Answer many questions.")
@click.option("--concurrency", type=COUNT, metavar="N", help="Questions of a file solved at once; by the engine.")
@engine_options
@_solver_options
@click.option("--timeout", type=_Number(min=0, min_open=True), metavar="SECONDS", help="For each question.")
@click.option("-R/ ", "--hide-thinking/--show-thinking", default=None, help="By default a terminal shows it.")
@click.option("-u", "--usage", is_flag=True, help="Show tokens, seconds and cost.")
@click.option("--json", is_flag=True, help="Print the result object, one line a question.")
@click.option("--no-log/--log", default=False, help="Do not keep the solve in the log.")
def solve(
    question: str | None,
    file: str | None,
    concurrency: int | None,
    timeout: float | None,
    hide_thinking: bool | None,
    usage: bool,
    json: bool,
    no_log: bool,
    **given: Any,
) -> None:
    """Answer a question with as much thinking as it needs.

    QUESTION is read from stdin when it is - or not given. With --file, each line is a question, or in a
    .jsonl file an object with a "question". Answers go to stdout, all else to stderr.
    """
    questions = read_questions(question, file)
    many = file is not None
    # Opened before anything is paid for: a log that cannot be written must not cost an answer.
    with nullcontext() if no_log else Store(default_path()) as log:
        display = Display.for_stderr(hide_thinking, many=many)
        NOTES.before = display.break_line
        at_once = _at_once(given["model"], concurrency, display) if many else 1
        session = Session(_build(**given), display, log, many, at_once, json, usage, timeout)
        code = until_signal(session.ask(questions), session.tally)
    click.get_current_context().exit(code)


def _at_once(model: str, asked: int | None, display: Display) -> int:
    """How many questions are solved at once: as many as the engine is good for, one where thinking is shown."""
    if display.lines:
        if asked not in (None, 1):
            raise click.UsageError("thinking is shown of one question at a time: leave out --concurrency")
        return 1
    from adaptive.engines.registry import parallel

    return asked or parallel(model)


def _build(
    model: str,
    served_model: str | None,
    markers: str | None,
    options: tuple[str, ...],
    profile: str | None,
    no_adapt: bool,
    **given: Any,
) -> Any:
    """The compiled graph. LangGraph takes a second to import: only when there is something to solve."""
    from adaptive.workflow import Options, build_solver

    asked = Options(adapt=not no_adapt, **given)
    settings = engine_settings(served_model, markers, options)
    return build_solver(model, profile=profile, options=asked, engine=settings)
