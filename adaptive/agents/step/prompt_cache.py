"""What a change of effort costs in cached input, and whether a step makes it.

A provider reads the beginning of a prompt that it has seen before from a cache, for a fraction of the price. With
some (`ProviderAdapter.drops_cache`) the effort stands in that beginning: a call at another effort reads the
conversation anew, at the full price. So a lower effort is not taken up before holding the higher one has cost as
much as the change does: the rule of renting and buying, which pays at most twice what it would if it knew how the
conversation goes on (Karlin, Manasse, Rudolph and Sleator, 1988). A harder question gets its effort at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from adaptive.agents.step.counts import METADATA_KEY
from adaptive.agents.step.start import StepStart
from adaptive.chat.model import ChatModel
from adaptive.chat.request import ChatRequest
from adaptive.chat.response import ChatResponse
from adaptive.prices import Prices
from adaptive.types.ladder import Ladder, Rung
from adaptive.types.usage import Usage

CACHE_KEY = "cache"
"""Our key in a step's report."""
LEAST_CACHED = 1024
"""Tokens of the shortest prompt that OpenAI caches (developers.openai.com/api/docs/guides/prompt-caching)."""
SECONDS_WARM = 300.0
"""How long a cache surely lasts after a call: Anthropic's shortest time, and OpenAI's."""


@dataclass(frozen=True)
class CachePrices:
    """What tokens of a model cost in dollars; None if that is not known.

    Attributes:
        model: The model's name.
        prices: The prices of models.
    """

    model: str
    prices: Prices

    def price_loss(self, tokens: int, *, written: bool) -> float | None:
        """Return the difference between a prompt of so many tokens that is new, and one that is cached.

        Args:
            tokens: Tokens of the prompt.
            written: Whether the provider takes a price for writing to its cache.
        """
        new = self.prices.compute_cost(self.model, Usage(prompt=tokens, written=tokens if written else 0))
        cached = self.prices.compute_cost(self.model, Usage(prompt=tokens, cached=tokens))
        return None if new is None or cached is None else max(0.0, new - cached)

    def price_thinking(self, tokens: int) -> float:
        """Return the cost of so many generated tokens; 0 if it is not known."""
        return self.prices.compute_cost(self.model, Usage(answer=tokens)) or 0.0


@dataclass(frozen=True)
class PromptCache:
    """What a provider has cached of a conversation after a call, as far as its usage says.

    Attributes:
        model: The model that was called.
        setting: The effort and, if one was sent, the thinking budget of the call.
        warm: Tokens of the prompt that are cached, by setting.
        left: Tokens that a change to a new setting left in the cache: those before the effort.
        written: Whether the provider takes a price for writing to its cache.
        sends_budget: Whether the call had a thinking budget.
        drops: Whether the provider says that a call at another effort finds nothing of the conversation.
        thinking: Tokens that the call thought.
        cost: Dollars of the call; None if unknown.
        forgone: Dollars that holding an effort has cost since a lower one was planned.
        at: When the call was made, in seconds of the epoch.
    """

    model: str = ""
    setting: str = ""
    warm: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    written: bool = False
    sends_budget: bool = False
    drops: bool = False
    thinking: int = 0
    cost: float | None = None
    forgone: float = 0.0
    at: float = 0.0

    @classmethod
    def read(cls, messages: Sequence[BaseMessage], model: str) -> PromptCache:
        """Return the cache by a conversation's last report; an empty one if that is old, or another model's."""
        last = next((m for m in reversed(messages) if isinstance(m, AIMessage)), None)
        report = last.response_metadata.get(METADATA_KEY) if last else None
        data = report.get(CACHE_KEY) if isinstance(report, Mapping) else None
        names = {f.name for f in fields(cls)}
        cache = cls(**{k: v for k, v in data.items() if k in names}) if isinstance(data, Mapping) else cls()
        return cache if cache.model == model and cache.is_warm() else cls()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    def is_warm(self) -> bool:
        """Return whether what was cached surely is so now."""
        return 0 <= time.time() - self.at <= SECONDS_WARM

    def name_setting(self, request: ChatRequest) -> str:
        """Return the name of a request's setting, as this provider is sent it."""
        return f"{request.effort}/{request.budget}" if self.sends_budget else request.effort

    def count_lost(self, setting: str) -> int:
        """Return the tokens that a call with this setting would read anew."""
        if not self.setting or setting == self.setting:
            return 0
        return max(0, self.warm.get(self.setting, 0) - self.warm.get(setting, self.left))

    def after_call(
        self,
        model: ChatModel,
        request: ChatRequest,
        sent: Mapping[str, object],
        response: ChatResponse,
        cost: float | None,
    ) -> tuple[PromptCache, int]:
        """Return the cache after a call, and the tokens that it read anew because its setting differed.

        Args:
            model: The model that was called.
            request: The settings of the call.
            sent: The part of the request that they became.
            response: Its response.
            cost: What it cost in dollars; None if unknown.
        """
        before = self if self.model == model.name and self.is_warm() else PromptCache()
        after = replace(before, sends_budget="budget" in sent)
        setting, usage = after.name_setting(request), response.usage
        known = "cached" not in usage.estimated
        changed = before.setting not in ("", setting)
        cached = usage.cached if known else 0
        lost = min(before.warm.get(before.setting, 0), usage.prompt) - cached if changed and known else 0
        whole = model.caches_unasked and usage.prompt >= LEAST_CACHED
        warm = {**before.warm, setting: usage.prompt if whole else cached + usage.written}
        return (
            replace(
                after,
                model=model.name,
                setting=setting,
                warm=warm,
                left=cached if changed and setting not in before.warm else before.left,
                written=before.written or usage.written > 0,
                drops=model.drops_cache,
                thinking=response.thinking_tokens,
                cost=cost,
                at=time.time(),
            ),
            max(0, lost),
        )

    def weigh(
        self, start: StepStart, ladder: Ladder, requests: Sequence[ChatRequest], prices: CachePrices
    ) -> tuple[StepStart, PromptCache]:
        """Return the rung that a step begins with if the cache counts too, and the cache to go on with.

        Args:
            start: The rung that the question asks for.
            ladder: The rungs to use.
            requests: The request of each.
            prices: What tokens cost.
        """
        settings = [self.name_setting(request) for request in requests]
        planned = replace(self, forgone=0.0)
        if not self.drops or self.setting not in settings or settings[start.index] == self.setting:
            return start, planned
        held = settings.index(self.setting)
        loss = prices.price_loss(self.count_lost(settings[start.index]), written=self.written)
        if not loss:
            return start, planned
        if start.index > held:
            raised = start.unraised is not None and start.unraised <= held
            if not raised or self.cost is None or loss <= self.cost:
                return start, planned
            return self._hold(
                held, start, ladder, f"costs ${loss:.2g} of cached input, the failed step less"
            ), self
        saved = prices.price_thinking(self._count_saved(ladder[held], ladder[start.index]))
        forgone = self.forgone + saved
        if forgone >= loss:
            return start, planned
        why = f"costs ${loss:.2g} of cached input, holding it ${forgone:.2g} so far"
        return self._hold(held, start, ladder, why), replace(self, forgone=forgone)

    def _hold(self, index: int, start: StepStart, ladder: Ladder, why: str) -> StepStart:
        effort, planned = ladder[index].effort, ladder[start.index].effort
        return StepStart(index, f"{start.reason}; effort {effort} is held, for the change to {planned} {why}")

    def _count_saved(self, held: Rung, planned: Rung) -> int:
        """Return the thinking tokens that a step saves: the last step's, by the budgets of the two rungs."""
        return round(self.thinking * (1 - planned.budget / held.budget)) if held.budget else 0
