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
NEVER_FORCED = re.compile(r"claude-(fable-5-1|(opus|sonnet)-5-5)")
"""Models that refuse every forced tool call (langchain-anthropic 1.7, `_supports_forced_tool_choice`)."""
NEVER_FORCED_NOTE = "it takes no forced tool call: ask for a structured answer with ProviderStrategy"


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

    def prepare_chat(self, chat: BaseChatModel) -> BaseChatModel:
        """Return the model with its `thinking` among its `model_kwargs`, over which the arguments of a call win.

        langchain-anthropic 1.7 puts the field into a request last, whatever the call says.
        """
        own: Any = chat
        if not getattr(chat, "thinking", None):
            return chat
        kwargs = {**own.model_kwargs, "thinking": own.thinking}
        return chat.model_copy(update={"thinking": None, "model_kwargs": kwargs})

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
        own_thinks = _thinks_by_itself(model.chat)
        if own_thinks and (request.forces_tool or not request.is_plain):
            call.arguments.setdefault("thinking", None)
        if request.forces_tool and (own_thinks if request.is_plain else request.thinks):
            call.notes.append(explain_forced_tool(model.name))
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
        if model.limit_cap(budget + 1) <= budget:
            call.notes.append(f"there is no room for a thinking budget of {budget}: none is set")
            return request.cap
        if budget > request.budget:
            call.notes.append(f"a thinking budget of {request.budget} is too small: {budget} is used")
        call.add("budget", budget, thinking={"type": "enabled", "budget_tokens": budget})
        if request.cap is None:
            return None
        return max(model.limit_cap(request.cap + max(0, budget - request.budget)), budget + 1)


def explain_forced_tool(name: str) -> str:
    """Return what becomes of a call that forces a tool, as a note."""
    return NEVER_FORCED_NOTE if NEVER_FORCED.search(name) else FORCED_NOTE


def _thinks_by_itself(chat: BaseChatModel) -> bool:
    """Return whether thinking is set on the model (see `AnthropicAdapter.prepare_chat`)."""
    own = (getattr(chat, "model_kwargs", None) or {}).get("thinking") or {}
    return own.get("type") in ("enabled", "adaptive")


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
