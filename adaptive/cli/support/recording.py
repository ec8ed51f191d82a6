"""The job of `adaptive record`: what to record, and in which style."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.options import parse_ladder
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import run_until_signal
from adaptive.errors import InputError
from adaptive.types.ladder import Ladder

if TYPE_CHECKING:
    from adaptive.answers.grader import Grader
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.questions import Question
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.profile import Profile


@dataclass(frozen=True)
class RecordingJob:
    """What to record, and where to."""

    model: str
    questions: list[Question]
    out: Path
    grade: str
    concurrency: int | None


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
    from adaptive.engines.registry import get_parallel_solves
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.untrained import load_model_profile

    engine: TokenEngine = open_model()
    profile = steering.apply_to(load_model_profile(run.model, engine.context_window, steering.profile))
    recorder = Recorder(
        engine, profile.ladder, profile.style, grader, profile.stops,
        sample_effort=settings.pop("sample_effort") or "", **settings,
    )  # fmt: skip
    plan = {
        "model": run.model, "ladder": profile.ladder.to_json(), "style": asdict(profile.style),
        "stops": asdict(profile.stops), "seed": recorder.seed, "temperature": recorder.temperature,
        "window": engine.context_window, "grader": run.grade,
    }  # fmt: skip
    with OutcomeStore(run.out, plan) as outcomes:
        _regrade_outcomes(outcomes, run.grade, grader)
        outcomes.add_questions(run.questions)
        _run_recorder(recorder, run, outcomes, run.concurrency or get_parallel_solves(run.model))


def _regrade_outcomes(outcomes: OutcomeStore, grade: str, grader: Grader) -> None:
    """Grade all recorded attempts again, if they were graded by another grader."""
    if outcomes.plan["grader"] == grade:
        return
    click.echo(f"Grading {outcomes.count()} attempts again, with {grade}.", err=True)
    grades = []
    for recorded in outcomes:
        for key, outcome in recorded.outcomes.items():
            one = recorded.question
            judged = grader.grade(one.text, outcome.attempt.answer, one.reference)
            grades.append((recorded, key, judged.right if judged.decided else None, judged.reason))
    outcomes.update_grades(grades, grade)


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
