"""A chat model whose calls go to a provider's batch API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AnyMessage

from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.learn.data.batch_desk import BatchCall, BatchDesk
from adaptive.learn.data.priced_model import PricedModel
from adaptive.types.events import OnEvent

BATCH_PRICE = 0.5
"""The price in a batch as a share of the ordinary one: OpenAI (developers.openai.com/api/docs/guides/batch) and
Anthropic (platform.claude.com/docs/en/build-with-claude/batch-processing)."""


@dataclass(frozen=True)
class BatchedModel(PricedModel):
    """The model as one attempt sees it. It is a `CallableModel` of `adaptive.reason.chat`.

    model: its requests go to the desk. prices: the ordinary ones. attempt: the attempt's name in the file.
    """

    desk: BatchDesk
    attempt: str

    async def ask(
        self, messages: Sequence[AnyMessage], request: ChatRequest, on_event: OnEvent | None = None
    ) -> ChatResponse:
        """Call the model in a batch, without events. How long that took is left out: it says nothing of the model.

        Raises:
            SpendingLimitError: The call might pass the limit; it was not made.
            UnansweredError: The request failed, or expired.
            UnusableModelError: The model does not take the effort.
            InputError: The caller can mend it.
        """
        request = replace(request, exact=True)
        call = BatchCall(self.attempt, self.model.name, _halve(self.bound_cost(messages, request)))
        response = await self.desk.make_call(call, self.model.ask(messages, request))
        usage = replace(response.usage, seconds=0.0, tier="")  # at ordinary prices, as every attempt is recorded
        self.desk.journal.end_call(call.number, _halve(self.prices.compute_cost(self.model.name, usage)))
        return replace(response, usage=usage)


def _halve(dollars: float | None) -> float | None:
    """Return the price in a batch; None if it is not known."""
    return None if dollars is None else BATCH_PRICE * dollars
