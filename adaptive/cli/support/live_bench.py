"""What a live bench asks a model: the policy's solves, and the attempts that its baselines are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptive._util.aio import at_once
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.signals import solve_one, until_signal
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.bench.live import Solves
    from adaptive.bench.run import Took
    from adaptive.engines.protocol import TokenEngine
    from adaptive.learn.data.outcome import Recorded
    from adaptive.learn.data.questions import Question
    from adaptive.profile.profile import Profile


OUTCOMES = "outcomes.db"
WAITS, SAMPLES = 2, 8
"""What the baselines need: Waits to choose among, and samples for votes."""


@dataclass(frozen=True)
class Live:
    """A model to be asked, and the folder that keeps what it said."""

    model: str
    open_model: Callable[[], TokenEngine]
    out: Path
    concurrency: int
    grade: str

    def record(self, questions: Sequence[Question], profile: Path, temperature: float) -> Path:
        """Record what the baselines need of these questions; the file. What is in it is not asked again."""
        from adaptive.answers.exact import grader_for
        from adaptive.cli.support.recording import Run, Steering, recorded_into

        run = Run(self.model, list(questions), self.out / OUTCOMES, self.grade, self.concurrency)
        steering = Steering(str(profile), None, None, None, None, None)
        settings = {"waits": WAITS, "samples": SAMPLES, "temperature": temperature, "sample_effort": None}
        self.out.mkdir(parents=True, exist_ok=True)
        grader = grader_for(self.grade)
        try:
            recorded_into(run, steering, grader, self.open_model, settings)
        finally:
            grader.close()
        return run.out

    def solve(self, known: Profile, profile: Path, test: Sequence[Recorded], grade: str) -> Took:
        """Solve the test questions that are not in the folder already; what it came to, graded as the others."""
        from adaptive.answers.exact import grader_for
        from adaptive.bench.live import Solves, took
        from adaptive.profile.files import FILE

        digest = hashlib.sha256((profile / FILE).read_bytes()).hexdigest()[:16]
        solves = Solves(self.out, {"model": self.model, "profile": digest})
        missing = [r.question for r in test if solves.get(r.question.text) is None]
        if missing:
            self._ask(known, missing, len(test), solves)
        results = [_found(solves, r.question) for r in test]
        grader = grader_for(grade)
        try:
            grades = [grader.grade(r.question.text, one["answer"], r.question.reference)
                      for r, one in zip(test, results, strict=True)]  # fmt: skip
        finally:
            grader.close()
        return took(results, [g.decided and g.right for g in grades], self.concurrency)

    def _ask(self, known: Profile, missing: Sequence[Question], total: int, solves: Solves) -> None:
        from adaptive.solver.graph import build_solver

        engine = self.open_model()
        solver = build_solver(engine, profile=known)
        progress = Progress(total, total - len(missing), str(solves.path), word="solved")

        async def one(question: Question) -> None:
            solves.add(await solve_one(solver, question.text, progress.part().see))
            progress.advance()

        async def work() -> None:
            try:
                await at_once(missing, self.concurrency, one)
            finally:
                await engine.close()

        with progress:
            until_signal(work(), progress)
        click.echo(f"Solved {len(missing)} questions; {solves.path} holds {len(solves.results)}.", err=True)


def _found(solves: Solves, question: Question) -> dict[str, Any]:
    result = solves.get(question.text)
    if result is None:
        raise InputError(f"question {question.id!r} has no solve in {solves.path}: run it again.")
    return result
