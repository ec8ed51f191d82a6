"""Gemini: a thinking budget in generation 2.5, a level from 3 on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import CallArguments, EffortFamilies, ModelInfo, ProviderAdapter
from adaptive.chat.request import ChatRequest

# Least and most thinking tokens, and whether thinking can be off (ai.google.dev/gemini-api/docs/thinking).
_GEMINI_BUDGETS: Mapping[str, tuple[int, int, bool]] = {
    "2.5-pro": (128, 32768, False),
    "2.5-flash-lite": (512, 24576, True),
    "2.5-flash": (1, 24576, True),
}


@dataclass(frozen=True)
class GeminiAdapter(ProviderAdapter):
    """Gemini: a thinking budget in generation 2.5, a level from 3 on; never both."""

    families: EffortFamilies = (("gemini-[12]", ()), ("", ("low", "high")))

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Return True: thoughts have parts of their own."""
        return True

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts thinking too, and thoughts come as summaries."""
        call, cap = CallArguments(), request.cap
        if request.is_plain:
            pass
        elif model.efforts:
            call.add(
                "effort", request.effort, reasoning_effort=model.get_level(request.effort), include_thoughts=True
            )
        elif model.profile.get("reasoning_output", "gemini-2.5" in model.name) and "budget" not in model.refused:
            more = self._add_budget(call, model, request)
            cap = None if cap is None else model.limit_cap(cap + more)
        if cap is not None:
            call.add("cap", cap, max_output_tokens=cap)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed")
        return call

    def _add_budget(self, call: CallArguments, model: ModelInfo, request: ChatRequest) -> int:
        """Send a budget. Return how much larger the cap must be to leave the answer its room."""
        limits = (limits for name, limits in _GEMINI_BUDGETS.items() if name in model.name)
        least, most, can_be_off = next(limits, (0, 32768, True))
        wanted = request.budget if request.thinks else 0
        budget = wanted if wanted == 0 and can_be_off else min(max(wanted, least), most)
        if budget != wanted:
            call.notes.append(f"it takes no thinking budget of {wanted}: {budget} is used")
        call.add("budget", budget, thinking_budget=budget, include_thoughts=budget > 0)
        return max(0, budget - wanted)
