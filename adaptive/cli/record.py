"""`adaptive record`: buys everything a policy could buy at each question, once, and keeps it in a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.asked import question_columns
from adaptive.cli.engine import engine_options, opened
from adaptive.cli.progress import Progress
from adaptive.cli.run import until_signal
from adaptive.cli.train_questions import parse_ladder
from adaptive.errors import InputError
from adaptive.ladder import EFFORTS, Ladder

if TYPE_CHECKING:
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.questions import Columns, Question
    from adaptive.learn.recorder import Recorder
    from adaptive.profile import Profile
    from adaptive.verify.grader import Grader

EPILOG = """QUESTIONS is a JSONL, CSV, TSV or Parquet file with "question" and "answer", perhaps with "id" and
"group", or datasets:ID?config=NAME&split=NAME for a data set of the Hugging Face hub.

Each attempt is written as soon as it is bought. Interrupted or killed, the same command goes on from there; with
more --samples or --waits, or more questions, it buys what is not there yet."""


@click.command(epilog=EPILOG)
@click.argument("questions")
@engine_options
@question_columns
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
def record(
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
    from adaptive.learn.questions import read_questions
    from adaptive.verify.grade import grader_for

    asked = read_questions(questions, limit, columns=columns)
    open_model = partial(opened, model, served_model, markers, options)
    steering = Steering(profile, ladder, system, answer_prefix, direct_prefix, answer_room)
    grader = grader_for(grade)
    try:
        recorded_into(Run(model, asked, out, grade, concurrency), steering, grader, open_model, settings)
    finally:
        grader.close()


@dataclass(frozen=True)
class Run:
    """What is recorded, and where."""

    model: str
    questions: list[Question]
    out: Path
    grade: str
    concurrency: int | None


@dataclass(frozen=True)
class Steering:
    """What the options say of the model's ladder and style; None leaves it to the profile."""

    profile: str | None
    ladder: str | None
    system: str | None
    answer_prefix: str | None
    direct_prefix: str | None
    answer_room: int | None

    def applied(self, known: Profile) -> Profile:
        """The profile with what was set here."""
        rungs = tuple(parse_ladder(self.ladder)) if self.ladder else tuple(known.ladder)
        ladder = Ladder(tuple(replace(r, answer_room=self.answer_room or r.answer_room) for r in rungs))
        style = known.style
        if self.system is not None:
            style = replace(style, system=self.system)
        if self.answer_prefix is not None:
            style = replace(style, answer_prefix=self.answer_prefix)
        if self.direct_prefix is not None:
            style = replace(style, direct_prefix=self.direct_prefix)
        return replace(known, ladder=ladder, style=style)


def recorded_into(run: Run, steering: Steering, grader: Grader, open_model: Any, settings: dict[str, Any]) -> None:
    """Record what is not in the file yet; settings: those of the `Recorder`."""
    from adaptive.engines.registry import parallel
    from adaptive.learn.outcomes import Outcomes
    from adaptive.learn.recorder import Recorder
    from adaptive.profile import profile_for

    engine: TokenEngine = open_model()
    known = steering.applied(profile_for(run.model, engine.context_window, steering.profile))
    recorder = Recorder(
        engine, known.ladder, known.style, grader, known.stops,
        sampled=settings.pop("sample_effort") or "", **settings,
    )  # fmt: skip
    plan = {
        "model": run.model, "ladder": known.ladder.to_json(), "style": asdict(known.style),
        "stops": asdict(known.stops), "seed": recorder.seed, "temperature": recorder.temperature,
        "window": engine.context_window, "grader": run.grade,
    }  # fmt: skip
    with Outcomes(run.out, plan) as outcomes:
        _grade_again(outcomes, run.grade, grader)
        outcomes.ask(run.questions)
        _record(recorder, run, outcomes, run.concurrency or parallel(run.model))


def _grade_again(outcomes: Outcomes, grade: str, grader: Grader) -> None:
    """Grade what is there with another grader than it was graded with."""
    if outcomes.plan["grader"] == grade:
        return
    click.echo(f"Grading {outcomes.count()} attempts again, with {grade}.", err=True)
    grades = []
    for recorded in outcomes:
        for key, outcome in recorded.outcomes.items():
            one = recorded.question
            found = grader.grade(one.text, outcome.attempt.answer, one.reference)
            grades.append((recorded, key, found.right if found.decided else None, found.reason))
    outcomes.grade_again(grades, grade)


def _record(recorder: Recorder, run: Run, outcomes: Outcomes, concurrency: int) -> None:
    progress = Progress(len(run.questions), 0, str(run.out), word="recorded")
    made = 0

    def on_question(question: Question, error: InputError | None) -> None:
        if error is not None:
            progress.leave_out(f"question {question.id}: {error}")
        progress.advance()

    def on_attempt(outcome: Any) -> None:
        nonlocal made
        made += 1

    async def work() -> None:
        try:
            await recorder.run(run.questions, outcomes, concurrency, on_question, on_attempt)
        finally:
            await recorder.engine.close()

    with progress:
        until_signal(work(), progress)
    click.echo(f"Recorded {made} attempts; {run.out} holds {outcomes.count()}.", err=True)
