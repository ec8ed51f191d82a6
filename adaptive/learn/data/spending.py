"""What calls of a model may cost together, and a model that keeps to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import AnyMessage

from adaptive.chat.errors import ChatError
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.errors import AdaptiveError, InputError
from adaptive.learn.data.call_journal import CallJournal
from adaptive.learn.data.priced_model import PricedModel
from adaptive.types.events import OnEvent
from adaptive.types.usage import Usage


class SpendingLimitError(AdaptiveError):
    """The next call might pass the limit."""


@dataclass
class Spending:
    """The dollars of all calls into a file, of this run and of those before it.

    Calls run side by side: each reserves the most that it may cost, and waits as long as calls in flight may leave
    room for it. So the limit is never passed.

    limit: None for no limit. spent: the cost of the calls that are over; None once the cost of one is not known.
    """

    journal: CallJournal
    limit: float | None = None
    spent: float | None = 0.0
    reserved: float = 0.0
    in_flight: int = 0
    closed: str = ""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    def resume(cls, journal: CallJournal, limit: float | None) -> Spending:
        """Return the spending with what the calls of a journal have cost so far; raise as `sum_spent`."""
        return cls(journal, limit, sum_spent(journal, limit))

    async def reserve(self, most: float | None) -> int:
        """Wait until a call fits in the limit; write it down, and return its number.

        Args:
            most: The most dollars that it may cost; None if its price is not known, which no limit allows.

        Raises:
            SpendingLimitError: It does not fit, even after all calls in flight.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed or self._fits(most) or not self.in_flight)
            if not self.closed and not self._fits(most):
                self.closed = explain_limit(most or 0.0, self.spent or 0.0, self.limit or 0.0)
                self._changed.notify_all()
            if self.closed:
                raise SpendingLimitError(self.closed)
            self.reserved += most or 0.0
            self.in_flight += 1
        return self.journal.begin_call(most)

    async def settle(self, number: int, most: float | None, cost: float | None) -> None:
        """Write what a call cost in place of the most that it might have cost."""
        self.journal.end_call(number, cost)
        async with self._changed:
            self.reserved -= most or 0.0
            self.in_flight -= 1
            self.spent = None if cost is None or self.spent is None else self.spent + cost
            self._changed.notify_all()

    def _fits(self, most: float | None) -> bool:
        if self.limit is None:
            return True
        assert self.spent is not None  # a limit needs prices: the command checks it
        assert most is not None
        return self.spent + self.reserved + most <= self.limit


def sum_spent(journal: CallJournal, limit: float | None) -> float | None:
    """Return the dollars of all calls of a journal; None if the cost of one is not known.

    Raises:
        InputError: The cost of a call is not known, so that the limit cannot be kept.
    """
    spent = journal.sum_costs()
    if spent is None and limit is not None:
        raise InputError(
            f"a limit of ${limit:g} cannot be kept: calls of {journal.path} were made without a price. Leave "
            "--max-cost out, or name another file."
        )
    return spent


def explain_limit(most: float, spent: float, limit: float) -> str:
    """Return why a call is not made, with the most dollars that it may cost, those spent and the limit."""
    return (
        f"the next call may cost up to ${most:.4f}, and ${limit - spent:.4f} of the limit of ${limit:g} is left: "
        "raise --max-cost to go on"
    )


@dataclass(frozen=True)
class PaidModel(PricedModel):
    """A chat model whose calls are counted, and end at a limit. It is a `CallableModel` of `adaptive.reason.chat`.

    An effort that the model turns out to lack ends all: a call at the nearest effort would be recorded as one at
    the effort that was asked for.
    """

    spending: Spending

    async def ask(
        self, messages: Sequence[AnyMessage], request: ChatRequest, on_event: OnEvent | None = None
    ) -> ChatResponse:
        """Call the model, as `ChatModel.ask`.

        Raises:
            SpendingLimitError: The call might pass the limit; it was not made.
            UnusableModelError: The model does not take the effort.
            InputError: The caller can mend it.
            ChatError: Anything else that the provider raises.
        """
        request = replace(request, exact=True)
        most = self.bound_cost(messages, request)
        number = await self.spending.reserve(most)
        usage = Usage()
        try:
            response = await self.model.ask(messages, request, on_event)
            usage = response.usage
            return response
        except AdaptiveError as error:
            usage = error.usage if isinstance(error, ChatError) else usage
            raise
        finally:
            # A call that is cancelled is settled too: the run is over, and its row then says what is not known.
            await self.spending.settle(number, most, self.prices.compute_cost(self.model.name, usage))
