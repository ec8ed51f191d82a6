"""The calls of a live bench: the policy's solves, and the attempts that its baselines are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive._util.aio import run_concurrently
from adaptive._util.file_lock import hold_file
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import run_until_signal, solve_one
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.bench.live import SolveFile
    from adaptive.bench.run import PolicyRun
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.data.outcome import RecordedQuestion
    from adaptive.learn.data.questions import Question
    from adaptive.profile.profile import Profile


OUTCOMES = "outcomes.db"
WAITS, SAMPLES = 2, 8
"""What the baselines need: Wait rounds to choose from, and samples for votes."""


@dataclass(frozen=True)
class LiveBench:
    """A model, and the folder that keeps its replies.

    Args:
        model: The model spec.
        open_model: Opens its engine.
        out: The folder.
        concurrency: Solves at the same time; None for as many as the engine batches.
        grade: The spec of the grader; None for that of the outcomes.
    """

    model: str
    open_model: Callable[[], TokenEngine]
    out: Path
    concurrency: int | None
    grade: str | None

    def record(self, questions: Sequence[Question], profile: Path, temperature: float) -> Path:
        """Record the attempts that the baselines need; return the file. What is in it is not asked again.

        Raises:
            InputError: Another command is recording into the same folder: both would buy the same.
        """
        from adaptive.answers.registry import DEFAULT_GRADER, open_grader
        from adaptive.cli.support.recording import RecordingJob, Steering, record_outcomes

        grade = self.grade or DEFAULT_GRADER
        run = RecordingJob((self.model,), list(questions), self.out / OUTCOMES, grade, self.concurrency)
        steering = Steering(str(profile), None, None, None, None, None)
        settings = {"waits": WAITS, "samples": SAMPLES, "temperature": temperature, "sample_effort": None}
        self.out.mkdir(parents=True, exist_ok=True)
        with closing(open_grader(grade)) as grader, hold_file(run.out):
            record_outcomes(run, steering, grader, self.open_model, settings)
        return run.out

    def solve(self, profile: Profile, folder: Path, test: Sequence[RecordedQuestion], grade: str) -> PolicyRun:
        """Solve the test questions that the folder lacks; return all results, graded like the recorded ones."""
        from adaptive.answers.registry import open_grader
        from adaptive.bench.live import SolveFile, collect_live_results
        from adaptive.profile.files import PROFILE_FILE

        digest = hashlib.sha256((folder / PROFILE_FILE).read_bytes()).hexdigest()[:16]
        with SolveFile(self.out, {"model": self.model, "profile": digest}) as solves:
            missing = [r.question for r in test if solves.get(r.question.text) is None]
            if missing:
                self._solve_missing(profile, missing, len(test), solves)
            results = [_get_solve(solves, r.question) for r in test]
        grader = open_grader(grade)
        try:
            grades = [grader.grade(r.question.text, one["answer"], r.question.reference)
                      for r, one in zip(test, results, strict=True)]  # fmt: skip
        finally:
            grader.close()
        return collect_live_results(results, [g.decided and g.right for g in grades], self.concurrency)

    def _solve_missing(self, profile: Profile, missing: Sequence[Question], total: int, solves: SolveFile) -> None:
        from adaptive.engines.registry import get_engine_parallel
        from adaptive.solver.build import build_solver

        engine = self.open_model()
        at_once = self.concurrency or get_engine_parallel(engine, self.model)
        solver = build_solver(engine, profile=profile)
        progress = Progress(total, total - len(missing), str(solves.path), word="solved")

        async def one(question: Question) -> None:
            solves.add(await solve_one(solver, question.text, progress.add_part().count_event))
            progress.advance()

        async def work() -> None:
            try:
                await run_concurrently(missing, at_once, one)
            finally:
                await engine.close()

        with progress:
            run_until_signal(work(), progress)
        click.echo(f"Solved {len(missing)} questions; {solves.path} holds {len(solves.results)}.", err=True)


def _get_solve(solves: SolveFile, question: Question) -> dict[str, Any]:
    result = solves.get(question.text)
    if result is None:
        raise InputError(f"question {question.id!r} has no solve in {solves.path}: run it again.")
    return result
