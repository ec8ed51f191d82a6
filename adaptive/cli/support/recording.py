"""The job of `adaptive record`: what to record, and in which style."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import parse_ladder
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import run_until_signal
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS, Ladder

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.questions import Question
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.profile import Profile


@dataclass(frozen=True)
class RecordingJob:
    """What to record, and where to. models: one, or several hosted ones, whose rungs are one ladder's."""

    models: tuple[str, ...]
    questions: list[Question]
    out: Path
    grade: str
    concurrency: int | None

    @property
    def model(self) -> str:
        """The model, or the first of several."""
        return self.models[0]


@dataclass(frozen=True)
class Steering:
    """Options of the model's ladder and style; None leaves a value to the profile."""

    profile: str | None
    ladder: str | None
    system: str | None
    answer_prefix: str | None
    direct_prefix: str | None
    answer_room: int | None

    def apply_to(self, profile: Profile) -> Profile:
        """Return the profile with these values."""
        rungs = tuple(parse_ladder(self.ladder)) if self.ladder else tuple(profile.ladder)
        ladder = Ladder(tuple(replace(r, answer_room=self.answer_room or r.answer_room) for r in rungs))
        style = profile.style
        if self.system is not None:
            style = replace(style, system=self.system)
        if self.answer_prefix is not None:
            style = replace(style, answer_prefix=self.answer_prefix)
        if self.direct_prefix is not None:
            style = replace(style, direct_prefix=self.direct_prefix)
        return replace(profile, ladder=ladder, style=style)


STEERING_OPTIONS = (
    click.option("--profile", metavar="FOLDER", help="Profile to take the ladder and the style from."),
    click.option("--ladder", metavar="BUDGETS", help="Thinking budgets, say 0,64,256, or 0,64:low,256:high."),
    click.option("--system", metavar="TEXT", help="A system message for every question."),
    click.option("--answer-prefix", metavar="TEXT",
                 help=r"Start of an answer after a forced end, say '\boxed{'."),
    click.option("--direct-prefix", metavar="TEXT", help="Start of an answer without thinking."),
    click.option("--answer-room", type=click.IntRange(min=1), metavar="TOKENS",
                 help="The most tokens of an answer."),
)  # fmt: skip
RECORDING_OPTIONS = (
    click.option("--grade", default="auto", show_default=True, metavar="GRADER",
                 help="auto, exact, number, choice, maths, or FILE.py:function of yours."),
    click.option("--waits", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
                 help="Number of Waits after a chain that ended by itself."),
    click.option("--samples", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
                 help="Number of samples of each question, for votes."),
    click.option("--sample-effort", type=click.Choice(EFFORTS[1:]),
                 help="Effort of the samples; default: the top one."),
    click.option("--temperature", type=click.FloatRange(0, 2, min_open=True), default=0.7, show_default=True,
                 help="Temperature of the samples."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N questions."),
    click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N",
                 help="Number of questions at once; default: as many as the engine uses well."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
                 help="Seed of the sampling."),
)  # fmt: skip


def recording_options(command: Any) -> Any:
    """Add the options of a recording to a command: a `Steering` as `steering`, and `RECORDING_OPTIONS`."""
    names = [one.name for one in fields(Steering)]

    @wraps(command)
    def with_steering(*arguments: Any, **params: Any) -> Any:
        steering = Steering(**{name: params.pop(name) for name in names})
        return command(*arguments, steering=steering, **params)

    wrapped: Any = with_steering
    for option in reversed((*STEERING_OPTIONS, *RECORDING_OPTIONS)):
        wrapped = option(wrapped)
    return wrapped


def record_outcomes(
    run: RecordingJob, steering: Steering, grader: Grader, open_model: Any, settings: dict[str, Any]
) -> None:
    """Record all that is not in the file yet.

    Args:
        run: What to record, and where to.
        steering: The ladder and the style.
        grader: Grades the answers.
        open_model: Opens the engine.
        settings: Further fields of the `Recorder`.
    """
    from adaptive.engines.registry import get_engine_parallel
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.recorder import Recorder
    from adaptive.learn.data.regrading import regrade_outcomes
    from adaptive.profile.untrained import load_model_profile

    engine: TokenEngine = open_model()
    profile = steering.apply_to(load_model_profile(run.model, engine.context_window, steering.profile))
    recorder = Recorder(
        engine, profile.ladder, profile.style, grader, profile.stops,
        sample_effort=settings.pop("sample_effort") or "", **settings,
    )  # fmt: skip
    with OutcomeStore(run.out, recorder.to_plan(run.model, run.grade)) as outcomes:
        if outcomes.plan["grader"] != run.grade:
            click.echo(f"Grading {outcomes.count()} attempts again, with {run.grade}.", err=True)
        regrade_outcomes(outcomes, run.grade, grader)
        outcomes.add_questions(run.questions)
        _run_recorder(recorder, run, outcomes, run.concurrency or get_engine_parallel(engine, run.model))


def _run_recorder(recorder: Recorder, run: RecordingJob, outcomes: OutcomeStore, concurrency: int) -> None:
    progress = Progress(len(run.questions), 0, str(run.out), word="recorded")
    count = 0

    def on_question(question: Question, error: InputError | None) -> None:
        if error is not None:
            progress.leave_out(f"question {question.id}: {error}")
        progress.advance()

    def on_attempt(outcome: Any) -> None:
        nonlocal count
        count += 1

    async def work() -> None:
        try:
            await recorder.record(run.questions, outcomes, concurrency, on_question, on_attempt)
        finally:
            await recorder.engine.close()

    with progress:
        run_until_signal(work(), progress)
    click.echo(f"Recorded {count} attempts; {run.out} holds {outcomes.count()}.", err=True)
