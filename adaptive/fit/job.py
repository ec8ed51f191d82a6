"""What to fit, and where the recorded attempts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from adaptive.answers.grader import Grader
from adaptive.errors import InputError
from adaptive.fit.decision import MARGIN
from adaptive.fit.split import LEAST_IN_PART, FitSplit
from adaptive.learn.data.outcome import RecordedQuestion
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.question_recorder import OnAttempt
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import OnQuestion
from adaptive.learn.data.reference import Reference
from adaptive.prices import Prices
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder


class FitRecorder(Protocol):
    """What makes the attempts: `Recorder`, `ChatRecorder` or `BatchRecorder`."""

    @property
    def ladder(self) -> Ladder:
        """The rungs to record."""
        ...

    @property
    def grader(self) -> Grader:
        """Grades the answers."""
        ...

    @property
    def seed(self) -> int:
        """Seed of the sampling."""
        ...

    @property
    def window(self) -> int:
        """The budget of the plain call's key."""
        ...

    @property
    def markers(self) -> str:
        """The name of the marks around the thinking."""
        ...

    @property
    def price_share(self) -> float:
        """What an attempt is paid for, as a share of the ordinary price."""
        ...

    def to_plan(self, model: str, grader: str) -> dict[str, Any]:
        """Return the plan of the file of outcomes."""
        ...

    def is_recorded(self, one: RecordedQuestion) -> bool:
        """Return whether all attempts at a question are there."""
        ...

    async def record(
        self,
        questions: Sequence[Question],
        outcomes: OutcomeStore,
        concurrency: int,
        on_question: OnQuestion,
        on_attempt: OnAttempt,
    ) -> None:
        """Record questions, as `Recorder.record`."""
        ...


@dataclass(frozen=True)
class FitJob:
    """What to fit.

    model: the model's key in the store of profiles. split: the questions. source: where they come from, in words.
    recorder: makes the attempts, a plain call among them. base: gives the style, and the name of the new profile.
    grader: the spec of the recorder's grader. outcomes: the file of outcomes. concurrency: how many questions are
    recorded at once. margin: the accuracy (0 to 1) that a saving may put at risk. command: what started the fit.
    reference: what is right.
    """

    model: str
    split: FitSplit
    source: str
    recorder: FitRecorder
    base: Profile
    grader: str
    outcomes: Path
    concurrency: int = 1
    prices: Prices = field(default_factory=Prices)
    margin: float = MARGIN
    command: str = "adaptive fit"
    reference: Reference = "answers"

    @property
    def window(self) -> int:
        """The budget of the plain call's key."""
        return self.recorder.window

    def open_outcomes(self) -> OutcomeStore:
        """Open the file of outcomes; make it, and its folder, if they are not there."""
        self.outcomes.parent.mkdir(parents=True, exist_ok=True)
        return OutcomeStore(self.outcomes, self.recorder.to_plan(self.base.model, self.grader))

    def open_graded(self) -> OutcomeStore:
        """Open the file of outcomes to read it, graded by the reference."""
        return OutcomeStore(self.outcomes, reference=self.reference)

    def read_recorded(self, outcomes: OutcomeStore, questions: Sequence[Question]) -> list[RecordedQuestion]:
        """Return those of the questions that are recorded."""
        made = (RecordedQuestion(one, outcomes.read_outcomes(one)) for one in questions)
        return [one for one in made if self.recorder.is_recorded(one)]

    def read_part(self, outcomes: OutcomeStore, questions: Sequence[Question]) -> list[RecordedQuestion]:
        """Return the same of one half of the questions; raise `InputError` if hardly any are recorded."""
        recorded = self.read_recorded(outcomes, questions)
        if len(recorded) < LEAST_IN_PART:
            raise InputError(
                f"only {len(recorded)} of {len(questions)} questions could be recorded, at least {LEAST_IN_PART} "
                "are needed: give shorter ones, or a model with a larger context window."
            )
        return recorded
