"""Records the attempts of chat models by their providers' batch APIs, at half the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

from adaptive.chat.batch_api import BatchApi
from adaptive.learn.data.batch_desk import BatchDesk, BatchListener
from adaptive.learn.data.batch_journal import BatchJournal
from adaptive.learn.data.batched_model import BATCH_PRICE, BatchedModel
from adaptive.learn.data.chat_recorder import ChatRecorder, ChatRecording
from adaptive.learn.data.outcomes import OutcomeStore
from adaptive.learn.data.question_recorder import OnAttempt
from adaptive.learn.data.questions import Question
from adaptive.learn.data.recorder import OnQuestion
from adaptive.learn.data.spending import sum_spent


@dataclass(frozen=True, kw_only=True)
class BatchRecorder(ChatRecorder):
    """Buys and grades attempts in batches.

    apis: the batch API of each model, as rungs name them. listener: is told of batches, and of attempts that the
    next run has to make.
    """

    apis: Mapping[str, BatchApi]
    listener: BatchListener

    @classmethod
    def of(cls, recorder: ChatRecorder, apis: Mapping[str, BatchApi], listener: BatchListener) -> Self:
        """Return what records the same in batches.

        Args:
            recorder: What to record.
            apis: The batch API of each model, as rungs name them.
            listener: Is told of batches.
        """
        same = {one.name: getattr(recorder, one.name) for one in fields(ChatRecorder)}
        return cls(**same, apis=apis, listener=listener)

    @property
    def price_share(self) -> float:
        """What an attempt is paid for, as a share of the ordinary price."""
        return BATCH_PRICE

    async def record(
        self,
        questions: Sequence[Question],
        outcomes: OutcomeStore,
        concurrency: int,
        on_question: OnQuestion,
        on_attempt: OnAttempt,
    ) -> None:
        """Record questions by batch APIs. What was submitted before is fetched, not bought again.

        Attempts are those that a `ChatRecorder` makes, at the ordinary price; the journal counts the price of a
        batch. The models have batches of their own, within one limit of money.

        Args:
            questions: The questions.
            outcomes: The file to write to.
            concurrency: Not used: a batch has all calls.
            on_question: Called when a question is done, with an error if the provider does not take it.
            on_attempt: Called with each new attempt.

        Raises:
            SpendingLimitError: The next call might pass the limit.
            AdaptiveError: The provider failed. What was submitted goes on, and the next run with it.
        """
        with BatchJournal(outcomes.path) as journal:
            sum_spent(journal, self.max_cost)
            apis = {model.name: self.apis[name] for name, model in self.models.items()}
            desk = BatchDesk(apis, journal, self.max_cost, self.listener)
            routed = {
                name: model.route_calls(apis[model.name].route_calls(desk.send))
                for name, model in self.models.items()
            }
            run = ChatRecording(
                self, lambda attempt, name: BatchedModel(routed[name], self.prices, desk, attempt), outcomes,
                on_question, on_attempt, self.listener.on_unanswered, journal.drop_replies,
            )  # fmt: skip
            await desk.run(run.list_purchases(questions), run.buy)
        if run.error is not None:
            raise run.error
