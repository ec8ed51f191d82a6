"""What to fit, and where the recorded attempts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adaptive.errors import InputError
from adaptive.fit.decision import MARGIN
from adaptive.fit.split import LEAST_IN_PART, FitSplit
from adaptive.learn.data.outcome import OutcomeKey, RecordedQuestion, make_plain_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import Recorder
from adaptive.prices import Prices
from adaptive.profile.profile import Profile


@dataclass(frozen=True)
class FitJob:
    """What to fit.

    model: the model's key in the store of profiles. split: the questions. source: where they come from, in words.
    recorder: makes the attempts, a plain call among them. base: gives the style, and the name of the new profile.
    grader: the spec of the recorder's grader. outcomes: the file of outcomes. concurrency: how many questions are
    recorded at once. margin: the accuracy (0 to 1) that a saving may put at risk. command: what started the fit.
    """

    model: str
    split: FitSplit
    source: str
    recorder: Recorder
    base: Profile
    grader: str
    outcomes: Path
    concurrency: int = 1
    prices: Prices = field(default_factory=Prices)
    margin: float = MARGIN
    command: str = "adaptive fit"

    @property
    def window(self) -> int:
        """The tokens that fit in the model's context."""
        return self.recorder.engine.context_window

    def open_outcomes(self) -> OutcomeStore:
        """Open the file of outcomes; make it, and its folder, if they are not there."""
        self.outcomes.parent.mkdir(parents=True, exist_ok=True)
        return OutcomeStore(self.outcomes, self.recorder.to_plan(self.base.model, self.grader))

    def is_recorded(self, one: RecordedQuestion) -> bool:
        """Return whether all attempts at a question are there. The plain call is made last, before it samples."""
        by = self.recorder
        last = [make_plain_key(self.window)]
        if by.samples:
            last.append(OutcomeKey(by.sample_effort or by.efforts[-1], by.budgets[-1], 0, by.samples))
        return one.is_complete(by.ladder) and all(key in one.outcomes for key in last)

    def read_recorded(self, outcomes: OutcomeStore, questions: Sequence[Question]) -> list[RecordedQuestion]:
        """Return those of the questions that are recorded."""
        made = (RecordedQuestion(one, outcomes.read_outcomes(one)) for one in questions)
        return [one for one in made if self.is_recorded(one)]

    def read_part(self, outcomes: OutcomeStore, questions: Sequence[Question]) -> list[RecordedQuestion]:
        """Return the same of one half of the questions; raise `InputError` if hardly any are recorded."""
        recorded = self.read_recorded(outcomes, questions)
        if len(recorded) < LEAST_IN_PART:
            raise InputError(
                f"only {len(recorded)} of {len(questions)} questions could be recorded, at least {LEAST_IN_PART} "
                "are needed: give shorter ones, or a model with a larger context window."
            )
        return recorded
