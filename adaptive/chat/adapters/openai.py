"""OpenAI, Azure, and servers that speak their format, on either of OpenAI's two interfaces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import SWITCH_EFFORTS, CallArguments, ModelInfo, ProviderAdapter
from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import Effort

_OWN_HOSTS = ("api.openai.com", "api.deepseek.com")
# Chat Completions refuses their reasoning with function tools, and 5.5 and 5.6 reason unasked: "To use function
# tools, use /v1/responses" (github.com/openai/openai-openapi/issues/541; github.com/BerriAI/litellm/pull/34569).
# langchain-openai 1.7 takes Responses for gpt-6 with tools by itself.
_TOOLS_NEED_RESPONSES = re.compile(r"^gpt-5\.[456](?!\d)")


@dataclass(frozen=True)
class OpenAIAdapter(ProviderAdapter):
    """OpenAI, Azure, and servers that speak their format.

    The effort is sent as `reasoning_effort`, which LangChain translates for the Responses interface. If
    `reasoning` is set on the model, say for summaries, the effort becomes a part of it: LangChain sends both.

    sums_up: whether thinking is hidden, and its Responses interface returns summaries.
    """

    cap_argument: str = "max_completion_tokens"
    sums_up: bool = False

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Whether it is one of the makers' own services; other servers may run without a reasoning parser."""
        address = getattr(chat, "openai_api_base", None) or getattr(chat, "api_base", None) or ""
        return self.provider == "azure_openai" or not address or any(host in address for host in _OWN_HOSTS)

    def select_interface(
        self, chat: BaseChatModel, *, has_tools: bool, needs_responses: bool | None
    ) -> BaseChatModel:
        """Return the model on the Responses interface if its calls need that and the user chose neither.

        Reasoning items stay blocks of the message, so that the next call can send them back.
        """
        own: Any = chat
        if getattr(chat, "use_responses_api", False) is not None:
            return chat
        if needs_responses is None and has_tools:
            needs_responses = bool(_TOOLS_NEED_RESPONSES.match(own.model_name or ""))
        if not needs_responses:
            return chat
        version = own.output_version or "responses/v1"
        return chat.model_copy(update={"use_responses_api": True, "output_version": version})

    def name_interface(self, chat: BaseChatModel, *, has_tools: bool) -> str:
        """Return "Responses" or "Chat Completions"."""
        chooses = getattr(chat, "_use_responses_api", None)
        tools = {"tools": [{"type": "function"}]} if has_tools else {}
        return "Responses" if chooses is not None and chooses(tools) else "Chat Completions"

    def show_thinking(self, chat: BaseChatModel, *, thinks: bool) -> tuple[BaseChatModel, str]:
        """Return a model that asks for summaries (developers.openai.com/api/docs/guides/reasoning)."""
        own: Any = chat
        if not self.sums_up or not thinks or not self.separates_thinking(chat):
            return chat, ""
        if self.provider != "openai" or own.use_responses_api is False:
            return chat, "there is nothing to show of its thinking: only OpenAI's Responses interface sums it up"
        changed = {"reasoning": {"summary": "auto", **(own.reasoning or {})}, "use_responses_api": True}
        return chat.model_copy(update=changed), "its thinking is shown as summaries, which cost output tokens"

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts reasoning too."""
        call = CallArguments()
        if request.cap is not None:
            call.add("cap", request.cap, **self._build_cap(model, request.cap))
        if model.efforts and not request.is_plain:
            call.add("effort", request.effort, **self._build_effort(model, request.effort))
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed")
        return call

    def _build_cap(self, model: ModelInfo, cap: int) -> dict[str, Any]:
        """Return the cap by the name that the server takes; only in a body it stays `max_tokens` for LangChain."""
        if self.cap_argument not in model.refused:
            return {self.cap_argument: cap}
        return {"extra_body": {**(getattr(model.chat, "extra_body", None) or {}), "max_tokens": cap}}

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        own = getattr(model.chat, "reasoning", None)
        level = model.get_level(effort)
        return {"reasoning_effort": level} if own is None else {"reasoning": {**own, "effort": level}}


@dataclass(frozen=True)
class DeepSeekAdapter(OpenAIAdapter):
    """DeepSeek V4: thinking on or off, and an effort (api-docs.deepseek.com/guides/thinking_mode)."""

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        own = getattr(model.chat, "extra_body", None) or {}
        if effort == "none":
            return {"extra_body": {**own, "thinking": {"type": "disabled"}}}
        on = {"extra_body": {**own, "thinking": {"type": "enabled"}}} if "thinking" in own else {}
        return {"reasoning_effort": model.get_level(effort), **on}


@dataclass(frozen=True)
class TogetherAdapter(OpenAIAdapter):
    """Together: an effort for gpt-oss, and a switch for hybrid models (docs.together.ai, "Reasoning")."""

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        if tuple(model.efforts) != SWITCH_EFFORTS:
            return {"reasoning_effort": model.get_level(effort)}
        own = getattr(model.chat, "extra_body", None) or {}
        return {"extra_body": {**own, "reasoning": {"enabled": effort != "none"}}}
