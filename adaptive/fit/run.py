"""Fits a profile to a model: records, learns and tunes on one half of the questions, measures on the other half.

What was recorded is kept in a file of outcomes. Run again, after it was killed or with more questions, a fit makes
only what is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Literal

from adaptive._util.file_lock import hold_file
from adaptive.errors import InputError
from adaptive.fit.candidate import learn_candidate
from adaptive.fit.constant_profile import list_simple_constants
from adaptive.fit.estimate import HANDFUL, Estimate, sum_recorded_usage
from adaptive.fit.job import FitJob
from adaptive.fit.measures import HeldOutMeasures
from adaptive.fit.result import FitResult
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.regrading import regrade_outcomes
from adaptive.learn.tuning.constants import choose_constant
from adaptive.types.policy import Policy
from adaptive.types.usage import Usage

Stage = Literal["record", "train", "tune", "bench"]
OnStage = Callable[[Stage, int, int], None]
"""Called with a stage of the fit, how much of it is done, and of how much."""


def fit_profile(
    job: FitJob,
    confirm: Callable[[Estimate], None] = lambda _: None,
    on_stage: OnStage = lambda _stage, _done, _of: None,
    run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run,
) -> FitResult:
    """Fit a profile. Nothing is written but the file of outcomes; `FitResult.save` stores the profile.

    Args:
        job: What to fit.
        confirm: Called with an estimate after the questions that it is measured on, and before all others. It
            raises to end the fit there.
        on_stage: Hears how far the fit is.
        run: Runs the recording.

    Raises:
        InputError: There are too few questions that the model can be asked.
        AdaptiveError: The engine failed.
    """
    started, left_out = time.monotonic(), list[str]()
    with job.open_outcomes() as outcomes, hold_file(job.outcomes):
        regrade_outcomes(outcomes, job.grader, job.recorder.grader)
        outcomes.add_questions(job.split.questions)
        run(_record(job, outcomes, confirm, on_stage, left_out))
    with job.open_graded() as outcomes:
        result = _conclude(job, outcomes, on_stage)
    return replace(result, left_out=tuple(left_out), seconds=time.monotonic() - started)


async def _record(
    job: FitJob,
    outcomes: OutcomeStore,
    confirm: Callable[[Estimate], None],
    on_stage: OnStage,
    left_out: list[str],
) -> None:
    """Record what is missing: a handful of questions and, if that is confirmed, all others."""
    questions = job.split.questions
    there = {one.question.id for one in job.read_recorded(outcomes, questions)}
    left = [one for one in questions if one.id not in there]
    done = len(there)
    on_stage("record", done, len(questions))

    def on_question(_: Question, error: InputError | None) -> None:
        nonlocal done
        done += 1
        if error is not None:
            left_out.append(str(error))
        on_stage("record", done, len(questions))

    async def record(these: Sequence[Question]) -> None:
        await job.recorder.record(these, outcomes, job.concurrency, on_question, lambda _: None)

    handful, seconds = max(HANDFUL, min(job.concurrency, len(left) // 10)), 0.0
    measured: list[RecordedQuestion] = []
    while left and not measured:  # questions that do not fit in the model's window tell nothing
        first, left = left[:handful], left[handful:]
        started = time.monotonic()
        await record(first)
        seconds += time.monotonic() - started
        measured = job.read_recorded(outcomes, first)
    if left:
        model, prices = job.base.model, job.prices
        share = job.recorder.price_share
        confirm(Estimate.from_recorded(measured, seconds, len(left), len(questions), model, prices, share))
        await record(left)


def _conclude(job: FitJob, outcomes: OutcomeStore, on_stage: OnStage) -> FitResult:
    """Learn on one half; then read the other half, once, and decide."""
    learn = job.read_part(outcomes, job.split.learn)
    ladder = outcomes.read_ladder()
    constants = list_simple_constants(ladder, learn)
    best = choose_constant([(one, one.replay(learn)) for one in constants], ladder, margin=job.margin)
    on_stage("train", 0, 1)
    candidate = learn_candidate(
        outcomes,
        replace(job.base, ladder=ladder, policy=Policy()),
        learn,
        float(best.replay(learn).right.mean()),
        job.recorder.seed,
        lambda done, of: on_stage("tune", done, of),
    )
    on_stage("bench", 0, 1)
    held_out = job.read_part(outcomes, job.split.held_out)
    measures = HeldOutMeasures.replay(candidate.profile, constants, best, held_out)
    usage = sum((sum_recorded_usage(one) for one in (*learn, *held_out)), Usage(cost=0.0))
    on_stage("bench", 1, 1)
    return FitResult(job, candidate, measures, measures.decide(job.margin), len(learn), len(held_out), usage)
