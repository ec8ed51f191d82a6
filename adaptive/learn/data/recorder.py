"""Records the attempt of every rung, Wait and sample at questions; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptive._util.aio import run_concurrently
from adaptive.errors import InputError
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.question_recorder import OnAttempt, QuestionRecorder
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recording_plan import RecordingPlan

OnQuestion = Callable[[Question, InputError | None], None]


@dataclass(frozen=True)
class Recorder(RecordingPlan):
    """Makes and grades the attempts of a plan."""

    async def record(
        self,
        questions: Sequence[Question],
        outcomes: OutcomeStore,
        concurrency: int,
        on_question: OnQuestion,
        on_attempt: OnAttempt,
    ) -> None:
        """Record questions. Attempts that are in `outcomes` already are not made again.

        Args:
            questions: The questions.
            outcomes: The file to write to.
            concurrency: How many questions are recorded at once.
            on_question: Called when a question is done, with an error if it does not fit in the model's window.
                Any other error ends the run.
            on_attempt: Called with each new attempt.
        """

        async def one(question: Question) -> None:
            on_question(question, await self._record_question(question, outcomes, on_attempt))

        await run_concurrently(questions, min(concurrency, len(questions)), one)

    async def _record_question(
        self, question: Question, outcomes: OutcomeStore, on_attempt: OnAttempt
    ) -> InputError | None:
        one = QuestionRecorder(self, question, outcomes, on_attempt)
        try:
            await one.record_all()
        except InputError as error:
            return error
        finally:
            for session in one.sessions:
                await self.engine.release(session)
        return None
