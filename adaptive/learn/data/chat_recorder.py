"""Records the attempts of a chat model, whose thinking is hidden: rungs and samples are bought one by one.

An attempt is that of a solve at the rung: the same call, with the same second one if the first starved. A rung's
attempt that starved all the same is followed by those that a solve may buy then, at the same effort with more
room. Calls run side by side. If one fails for good, or the limit of money is reached, no other begins, and those
in flight end first: they are paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langchain_core.messages import HumanMessage

from adaptive._util.aio import run_concurrently
from adaptive.answers.grader import Grader
from adaptive.chat.errors import UnusableModelError
from adaptive.chat.model import ChatModel
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.batch_desk import UnansweredError
from adaptive.learn.data.batch_journal import BatchJournal
from adaptive.learn.data.outcome import Outcome, OutcomeKey, RecordedQuestion, rung_to_key
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.question_recorder import SAMPLE_SEEDS, OnAttempt
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import OnQuestion
from adaptive.learn.data.spending import PaidModel, Spending
from adaptive.prices import Prices, add_cost
from adaptive.reason.budget import Style
from adaptive.reason.chat import CallableModel, think_at_effort
from adaptive.reason.starvation import Recovery
from adaptive.types.ladder import Effort, Ladder, Rung, parse_attempt_effort
from adaptive.types.stops import Stops


@dataclass(frozen=True)
class ChatRecorder:
    """Buys and grades attempts.

    model: the ladder's own model. others: its other models, as rungs name them; a sample has one model, as a rung.
    samples: the number of samples of each question, at `sample_effort` (an effort of the ladder; empty: each
    model's cheapest that thinks). seed: of the samples, for models that take one. max_cost: the most dollars that
    all calls into the file may cost. plain: the rung of a plain call to buy as well, or None.

    Raises:
        InputError: The ladder lacks `sample_effort`.
    """

    model: ChatModel
    ladder: Ladder
    style: Style
    grader: Grader
    prices: Prices = field(default_factory=Prices)
    max_cost: float | None = None
    samples: int = 0
    sample_effort: str = ""
    seed: int = 0
    plain: Rung | None = None
    others: Mapping[str, ChatModel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sample_effort and self.sample_effort not in self.efforts:
            raise InputError(f"samples are drawn at an effort of the ladder ({', '.join(self.efforts)}).")

    @property
    def models(self) -> dict[str, ChatModel]:
        """All models, as rungs name them; the own one first."""
        return {"": self.model, **self.others}

    @property
    def price_share(self) -> float:
        """What an attempt is paid for, as a share of the ordinary price."""
        return 1.0

    @property
    def efforts(self) -> list[Effort]:
        """The efforts of the rungs that think, in order."""
        return list(dict.fromkeys(rung.effort for rung in self.ladder if rung.thinks))

    @property
    def window(self) -> int:
        """The budget of the plain call's key; 0 without a plain call."""
        return self.plain.budget if self.plain else 0

    @property
    def markers(self) -> str:
        """The name of the marks around the thinking: there are none."""
        return ""

    def to_plan(self, model: str, grader: str) -> dict[str, Any]:
        """Return the plan of an `OutcomeStore`: the settings of this recording, in plain JSON types.

        Args:
            model: The model's spec.
            grader: The grader's spec.
        """
        return {
            "model": model, "ladder": self.ladder.to_json(), "style": asdict(self.style), "stops": asdict(Stops()),
            "seed": self.seed, "temperature": None, "window": 0, "grader": grader,
        }  # fmt: skip

    def list_attempts(self) -> list[tuple[OutcomeKey, int]]:
        """Return the keys of the attempts at a question, each with the index of its rung."""
        attempts = [(rung_to_key(rung), index) for index, rung in enumerate(self.ladder)]
        sampled = [one for one in attempts if one[0].effort == self._find_sampled_effort(one[0].model)]
        for key, index in sampled:
            attempts += [(replace(key, sample=number), index) for number in range(1, self.samples + 1)]
        return [*attempts, *([(rung_to_key(self.plain), 0)] if self.plain else [])]

    def _find_sampled_effort(self, model: str) -> str:
        cheapest = (rung.effort for rung in self.ladder if rung.thinks and rung.model == model)
        return self.sample_effort or next(cheapest, "")

    def is_recorded(self, one: RecordedQuestion) -> bool:
        """Return whether all attempts at a question are there."""
        return all(key in one.outcomes for key, _ in self.list_attempts())

    async def record(
        self,
        questions: Sequence[Question],
        outcomes: OutcomeStore,
        concurrency: int,
        on_question: OnQuestion,
        on_attempt: OnAttempt,
    ) -> None:
        """Record questions. Attempts that are in `outcomes` already are not bought again.

        Args:
            questions: The questions.
            outcomes: The file to write to.
            concurrency: How many attempts are made at once.
            on_question: Called when a question is done, with an error if the provider does not take it.
            on_attempt: Called with each new attempt.

        Raises:
            InputError: A batch of a former run was not fetched: what it holds would be bought twice.
            SpendingLimitError: The next call might pass the limit.
            AdaptiveError: The provider failed. All that was bought until then is in the file.
        """
        with BatchJournal(outcomes.path) as journal:
            if waiting := journal.list_open():
                names = ", ".join(one.id or "one whose submission was cut off" for one in waiting)
                raise InputError(f"{journal.path} waits for a batch ({names}): give --batch to fetch it.")
            spending = Spending.resume(journal, self.max_cost)
            models = {name: PaidModel(one, self.prices, spending) for name, one in self.models.items()}
            run = ChatRecording(self, lambda attempt, model: models[model], outcomes, on_question, on_attempt)
            await run_concurrently(run.list_purchases(questions), concurrency, run.buy)
        if run.error is not None:
            raise run.error


@dataclass
class _QuestionRecording:
    """A question as it is recorded.

    left: how many purchases are not over yet. error: why the provider does not take the question. cut_short:
    whether the run ended before all was bought. in_flight: what is being bought.
    """

    question: Question
    left: int
    error: InputError | None = None
    cut_short: bool = False
    in_flight: set[OutcomeKey] = field(default_factory=set)


@dataclass(frozen=True)
class _Purchase:
    """An attempt to buy, and if it starves, those with more room that may follow it."""

    recording: _QuestionRecording
    key: OutcomeKey
    index: int


@dataclass
class ChatRecording:
    """One run of a recorder.

    open_model: returns the model for an attempt, by the attempt's name and that of its rung's model. on_stored: is
    told the name of an attempt that was written.
    """

    recorder: ChatRecorder
    open_model: Callable[[str, str], CallableModel]
    outcomes: OutcomeStore
    on_question: OnQuestion
    on_attempt: OnAttempt
    on_unanswered: Callable[[UnansweredError], None] = lambda error: None
    on_stored: Callable[[str], None] = lambda attempt: None
    error: AdaptiveError | None = None
    _stored: dict[str, dict[OutcomeKey, Outcome]] = field(default_factory=dict)

    def list_purchases(self, questions: Sequence[Question]) -> Iterator[_Purchase]:
        """Yield what is missing, question by question, so that as few as possible are incomplete at the end."""
        attempts = self.recorder.list_attempts()
        for question in questions:
            if self.error is not None:
                return
            stored = self._stored[question.id] = self.outcomes.read_outcomes(question)
            recording = _QuestionRecording(question, 0)
            purchases = [_Purchase(recording, key, index) for key, index in attempts]
            missing = [one for one in purchases if self._list_missing(one, stored)]
            recording.left = len(missing)
            if not missing:
                self.on_question(question, None)
            yield from missing

    def _list_missing(self, one: _Purchase, stored: dict[OutcomeKey, Outcome]) -> list[tuple[OutcomeKey, int]]:
        """Return what is still to be bought of a purchase, as far as is known."""
        wanted = [(one.key, one.index)]
        for key, _ in wanted:
            outcome = stored.get(key)
            is_chain = not key.sample and not key.is_plain
            if outcome is not None and outcome.attempt.finish == "budget" and is_chain:
                wanted += [each for each in self._list_more_room(outcome) if each not in wanted]
        there = stored.keys() | one.recording.in_flight
        return [attempt for attempt in wanted if attempt[0] not in there]

    def _list_more_room(self, starved: Outcome) -> list[tuple[OutcomeKey, int]]:
        """Return what a solve may buy after an attempt that starved: its last call's effort, with more room."""
        ladder, first = self.recorder.ladder, dict[int, int]()
        for index in ladder.list_rungs_of(starved.key.model):
            first.setdefault(ladder[index].budget, index)
        at, budget = replace(starved.key, effort=starved.attempt.effort), starved.key.budget
        return [(replace(at, budget=more), index) for more, index in first.items() if more > budget > 0]

    async def buy(self, one: _Purchase) -> None:
        """Buy what is missing of a purchase, unless the run or its question is over."""
        recording, stored = one.recording, self._stored[one.recording.question.id]
        try:
            while (missing := self._list_missing(one, stored)) and not (self.error or recording.error):
                await self._buy_attempt(recording, *missing[0], stored)
        except UnansweredError as error:
            self.on_unanswered(error)
        except AdaptiveError as error:
            if isinstance(error, InputError) and not isinstance(error, UnusableModelError):
                recording.error = recording.error or error  # about this question alone
            else:
                self.error = self.error or error
        recording.left -= 1
        recording.cut_short |= bool(missing) and recording.error is None
        if not recording.left and not recording.cut_short:
            self.on_question(recording.question, recording.error)

    async def _buy_attempt(
        self, recording: _QuestionRecording, key: OutcomeKey, index: int, stored: dict[OutcomeKey, Outcome]
    ) -> None:
        by, question = self.recorder, recording.question
        recording.in_flight.add(key)
        name = " ".join([question.id, key.effort, str(key.budget), str(key.sample), key.model]).rstrip()
        model = by.models[key.model]
        attempt = await think_at_effort(
            self.open_model(name, key.model),
            [HumanMessage(question.text)],
            self._make_rung(key, index),
            style=by.style,
            # What other calls took may not matter: the attempts at a question would depend on their order.
            recovery=Recovery(largest=model.largest_cap),
            seed=(by.seed * SAMPLE_SEEDS + key.sample if key.sample else by.seed) or None,
            index=index,
            arm="vote" if key.sample else "first",
        )
        usage = add_cost(attempt.usage, model.name, by.prices)
        attempt = replace(attempt, usage=usage)
        grade = await asyncio.to_thread(by.grader.grade, question.text, attempt.answer, question.reference)
        right, why = (grade.right, "") if grade.decided else (None, grade.reason)
        outcome = Outcome(key, attempt, right, usage.prompt, 0, why)
        self.outcomes.add(question, outcome)
        self.on_stored(name)
        stored[key] = outcome
        self.on_attempt(outcome)

    def _make_rung(self, key: OutcomeKey, index: int) -> Rung:
        """Return the rung at the key's effort, without Waits."""
        rung = self.recorder.plain if key.is_plain else self.recorder.ladder[index]
        assert rung is not None  # the key of a plain call is that of its rung
        return replace(rung, effort=parse_attempt_effort(key.effort), waits=0)
