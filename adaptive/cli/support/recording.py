"""What `adaptive record` records, and how the model is steered."""

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

    def apply_to(self, profile: Profile) -> Profile:
        """The profile with what was set here."""
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
    """Record what is not in the file yet; settings: those of the `Recorder`."""
    from adaptive.engines.registry import get_parallel_solves
    from adaptive.learn.data.outcomes import OutcomeStore
    from adaptive.learn.data.recorder import Recorder
    from adaptive.profile.untrained import load_model_profile

    engine: TokenEngine = open_model()
    known = steering.apply_to(load_model_profile(run.model, engine.context_window, steering.profile))
    recorder = Recorder(
        engine, known.ladder, known.style, grader, known.stops,
        sample_effort=settings.pop("sample_effort") or "", **settings,
    )  # fmt: skip
    plan = {
        "model": run.model, "ladder": known.ladder.to_json(), "style": asdict(known.style),
        "stops": asdict(known.stops), "seed": recorder.seed, "temperature": recorder.temperature,
        "window": engine.context_window, "grader": run.grade,
    }  # fmt: skip
    with OutcomeStore(run.out, plan) as outcomes:
        _regrade_outcomes(outcomes, run.grade, grader)
        outcomes.add_questions(run.questions)
        _run_recorder(recorder, run, outcomes, run.concurrency or get_parallel_solves(run.model))


def _regrade_outcomes(outcomes: OutcomeStore, grade: str, grader: Grader) -> None:
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
    outcomes.update_grades(grades, grade)


def _run_recorder(recorder: Recorder, run: RecordingJob, outcomes: OutcomeStore, concurrency: int) -> None:
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
            await recorder.record(run.questions, outcomes, concurrency, on_question, on_attempt)
        finally:
            await recorder.engine.close()

    with progress:
        run_until_signal(work(), progress)
    click.echo(f"Recorded {made} attempts; {run.out} holds {outcomes.count()}.", err=True)
