"""Many questions into a file of results, from where a former run was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptive._util.aio import run_concurrently
from adaptive.cli.support.errors import FAILED
from adaptive.cli.support.progress import Progress
from adaptive.cli.support.questions import ReferenceCounts
from adaptive.cli.support.report import SEVERITY, Result, explain_unverified, format_usage, get_exit_code
from adaptive.cli.support.result_file import ResultFile
from adaptive.cli.support.session import Session
from adaptive.errors import AdaptiveError
from adaptive.learn.data.questions import Question
from adaptive.types.usage import Usage


@dataclass
class BulkTotals:
    """What the results of a file come to, those of former runs included."""

    require_verified: bool = False
    count: int = 0
    usage: Usage = field(default_factory=lambda: Usage(cost=0.0))
    score: ReferenceCounts = field(default_factory=ReferenceCounts)
    unverified: Counter[str] = field(default_factory=Counter)
    codes: set[int] = field(default_factory=set)

    def add(self, result: Result) -> None:
        """Count one result."""
        self.count += 1
        self.usage += Usage.from_json(result["usage"])
        if "reference" in result:
            self.score.add(result["reference"])
        if result["accepted"] is None:
            self.unverified[explain_unverified(result)] += 1
        self.codes.add(get_exit_code(result, require_verified=self.require_verified))

    def __str__(self) -> str:
        money = "" if self.usage.cost is None else f" and ${self.usage.cost:.4f}"
        graded = f", right {self.score.right} of {self.score.count}" if self.score.count else ""
        return f"{self.usage.total} tokens{money}{graded}"


class BulkRun:
    """Solves the questions that a file of results lacks, several at once.

    A question that fails has no line, so that the next run tries it again.

    Args:
        session: Solves and logs a question.
        results: The file.
        questions: The questions that it is to hold.

    Raises:
        InputError: The file holds something else.
    """

    def __init__(self, session: Session, results: ResultFile, questions: Sequence[Question]) -> None:
        self._session, self._results, self._total = session, results, len(questions)
        self._totals = BulkTotals(session.require_verified)
        done = set[str]()
        for result in results.read(questions):
            done.add(result["id"])
            self._totals.add(result)
        self._missing = [question for question in questions if question.id not in done]
        self._failed = 0
        self.progress = Progress(self._total, len(done), str(results.path), word="solved")

    async def solve_missing(self) -> int:
        """Solve what is missing; return the worst of all exit codes."""
        try:
            await run_concurrently(self._missing, self._session.concurrency, self._solve_question)
        finally:
            self._session.grader.close()
        return next(code for code in SEVERITY if code in self._totals.codes)

    async def _solve_question(self, question: Question) -> None:
        try:
            result = await self._session.solve(question, self.progress.add_part())
        except AdaptiveError as error:
            self._failed += 1
            self._totals.codes.add(FAILED)
            self.progress.tell(f"Error: question {question.id}: {error}")
            return
        self._results.add(question, result)
        self._totals.add(result)
        if self._session.usage:
            self.progress.tell(f"{question.id}: {format_usage(result['usage'])}")
        self.progress.advance(str(self._totals))

    def describe(self) -> list[str]:
        """Return in sentences what the file holds."""
        totals, path = self._totals, self._results.path
        solved = len(self._missing) - self._failed
        return [
            f"Solved {solved} questions; {path} holds {totals.count} of {self._total}: {totals}.",
            *([f"{self._failed} failed: run it again to try them again."] if self._failed else ()),
            *(f"Not verified: {count} answers: {reason}." for reason, count in totals.unverified.items()),
            *([str(totals.score)] if totals.score.count else ()),
        ]
