"""Anthropic's Messages: a thinking budget, an effort with adaptive thinking, or both, by generation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import CallArguments, EffortFamilies, ModelInfo, ProviderAdapter
from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import Effort

ADAPTIVE_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
"""Efforts of the fifth generation, all of which think adaptively (platform.claude.com, "Effort")."""
ALWAYS_THINKS = re.compile(r"claude-(fable|mythos|(opus|sonnet)-5-[5-9])")
"""Models that refuse to switch their thinking off (platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5,
"Thinking can't be disabled"; langchain-anthropic 1.7 raises for Fable)."""
BARE_NOTE = "the tool call came without thinking, and a tool loop has one setting: no thinking budget is set"
FORCED_NOTE = "a tool call is forced, which goes without thinking: none is set"


@dataclass(frozen=True)
class AnthropicAdapter(ProviderAdapter):
    """Claude: a thinking budget, an effort, or both, by generation. No seed.

    A budget has at least 1024 tokens and is smaller than the cap
    (docs.anthropic.com/en/docs/build-with-claude/extended-thinking). Models that name `xhigh`, and all from the
    fifth generation on, think adaptively and take an effort only. A forced tool call goes without thinking, and so
    does a tool loop that began without: it has one thinking configuration, which is refused a budget halfway
    (platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows).
    """

    families: EffortFamilies = ((r"claude-[a-z]+-[5-9]", ADAPTIVE_EFFORTS),)
    least_budget: int = 1024

    def can_disable(self, model: str) -> bool:
        """Return whether the model has a switch for its thinking."""
        return super().can_disable(model) and not ALWAYS_THINKS.search(model)

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Return True: thinking has blocks of its own."""
        return True

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; thinking is off if the request has none and the model can do that."""
        call, cap = CallArguments(), request.cap
        adaptive = "xhigh" in self.list_efforts(model.chat, model.name, model.profile)
        takes_budget = model.profile.get("reasoning_output") is not False and "budget" not in model.refused
        if request.is_plain:
            pass
        elif adaptive and request.effort == "none" and "none" in model.efforts:
            call.add("effort", "none", thinking={"type": "disabled"})
        elif set(model.efforts) - {"none"} and request.effort != "none" and (adaptive or request.thinks):
            call.add("effort", request.effort, **_build_effort(model, request, adaptive=adaptive))
        if request.thinks and not request.is_plain and not adaptive and takes_budget:
            cap = self._add_budget(call, model, request)
        if request.forces_tool and not request.is_plain and request.thinks:
            call.notes.append(FORCED_NOTE)
        if cap is not None:
            call.add("cap", cap, max_tokens=cap)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed", supported=False)
        return call

    def _add_budget(self, call: CallArguments, model: ModelInfo, request: ChatRequest) -> int | None:
        """Send a budget. Return the cap that leaves the answer its room and is larger than the budget."""
        if request.resumes_bare:
            call.notes.append(BARE_NOTE)
        if request.forces_tool or request.resumes_bare:
            return request.cap
        budget = max(self.least_budget, model.limit_cap(request.budget + 1) - 1)
        if budget > request.budget:
            call.notes.append(f"a thinking budget of {request.budget} is too small: {budget} is used")
        call.add("budget", budget, thinking={"type": "enabled", "budget_tokens": budget})
        if request.cap is None:
            return None
        return max(model.limit_cap(request.cap + max(0, budget - request.budget)), budget + 1)


def _build_effort(model: ModelInfo, request: ChatRequest, *, adaptive: bool) -> dict[str, Any]:
    """Return the arguments of an effort.

    LangChain adds adaptive thinking to an effort of a model whose profile names `xhigh`, unless the call names
    `thinking`; None is not sent.
    """
    level = model.get_level(request.effort)
    if not adaptive:
        return {"reasoning_effort": level}
    shown = {"type": "adaptive", "display": "summarized"}
    return {"reasoning_effort": level, "thinking": None if request.forces_tool else shown}
