"""A chat model with its prices, so that what a call may cost is known before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage

from adaptive.chat.adapter import find_cap
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.prices import Prices
from adaptive.types.ladder import Effort
from adaptive.types.usage import Usage

LARGEST_COMPLETION = 128_000
"""The completion tokens that a call without a cap is taken to have at most, if the model does not tell."""
MESSAGE_TOKENS = 64
"""Tokens that a chat template may add to a message, with room to spare."""


@dataclass(frozen=True)
class PricedModel:
    """The model, and the prices of its calls."""

    model: ChatModel
    prices: Prices

    @property
    def efforts(self) -> Sequence[Effort]:
        """The efforts that the model takes, as far as is known."""
        return self.model.efforts

    def bound_cost(self, messages: Sequence[AnyMessage], request: ChatRequest) -> float | None:
        """Return the most dollars that a call may cost; None if its price is not known.

        Args:
            messages: The conversation.
            request: The settings of the call.
        """
        model = self.model
        cap = find_cap(model.build_arguments(request)) or model.largest_cap or LARGEST_COMPLETION
        # No tokenizer makes more tokens of a text than it has bytes.
        prompt = sum(len(str(one.text).encode()) + MESSAGE_TOKENS for one in messages)
        return self.prices.compute_cost(model.name, Usage(prompt=prompt, answer=cap))
