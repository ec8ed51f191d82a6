"""Bedrock: the fields of each maker, beside what all its models take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import CallArguments, ModelInfo
from adaptive.chat.adapters.anthropic import ALWAYS_THINKS, AnthropicAdapter, explain_forced_tool
from adaptive.chat.request import ChatRequest
from adaptive.types.ladder import Effort

_FIELDS = "additional_model_request_fields"


@dataclass(frozen=True)
class BedrockConverseAdapter(AnthropicAdapter):
    """Bedrock's Converse: an effort, or a thinking budget of older Claude models.

    langchain-aws takes efforts of models whose profile names them, and sends adaptive thinking with those of
    Claude, which Claude 4.5 and older do not have: they get a budget
    (docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html).
    """

    def list_efforts(self, chat: BaseChatModel, model: str, profile: Mapping[str, Any]) -> tuple[Effort, ...]:
        """Return the efforts of its profile; none for a Claude that cannot think adaptively."""
        levels = tuple(profile.get("reasoning_effort_levels") or ())
        if "claude" in model and "max" not in levels:
            return ()
        known = super().list_efforts(chat, model, profile) if levels else ()
        return ("none", *known) if "claude" in model and known and not ALWAYS_THINKS.search(model) else known

    def separates_thinking(self, chat: BaseChatModel) -> bool:
        """Return True: reasoning has blocks of its own."""
        return True

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call; the cap counts thinking too."""
        call, cap = CallArguments(), request.cap
        own = getattr(model.chat, _FIELDS, None) or {}
        if request.is_plain:
            pass
        elif request.forces_tool and "claude" in model.name:
            call.notes.append(explain_forced_tool(model.name))
        elif model.efforts and request.effort == "none" and "claude" in model.name:
            call.add("effort", "none", **{_FIELDS: {**own, "thinking": {"type": "disabled"}}})
        elif model.efforts:
            level, kept = model.get_level(request.effort), {_FIELDS: own} if own else {}
            call.add("effort", request.effort, reasoning_effort=level, **kept)
        elif "claude" in model.name and request.thinks and "budget" not in model.refused:
            cap = self._add_budget(call, model, request)
            if "thinking" in call.arguments:
                call.arguments = {_FIELDS: {**own, "thinking": call.arguments["thinking"]}}
        if cap is not None:
            call.add("cap", cap, max_tokens=cap)
        self._add_sampling(call, model, request, "temperature")
        self._add_sampling(call, model, request, "seed", supported=False)
        return call


@dataclass(frozen=True)
class BedrockInvokeAdapter(BedrockConverseAdapter):
    """Bedrock's InvokeModel, whose body has the fields of Claude's maker; or Converse, if langchain-aws uses it.

    docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html.
    """

    def list_efforts(self, chat: BaseChatModel, model: str, profile: Mapping[str, Any]) -> tuple[Effort, ...]:
        """Return the efforts; none for a body of another maker."""
        known = "claude" in model or _uses_converse(chat)
        return super().list_efforts(chat, model, profile) if known else ()

    def prepare_chat(self, chat: BaseChatModel) -> BaseChatModel:
        """Return the model with its cap among its `model_kwargs`: langchain-aws writes the field over a call's."""
        own: Any = chat
        if "claude" not in own.model_id or not own.max_tokens:
            return chat
        kwargs = {**(own.model_kwargs or {}), "max_tokens": own.max_tokens}
        return chat.model_copy(update={"max_tokens": None, "model_kwargs": kwargs})

    def build_arguments(self, model: ModelInfo, request: ChatRequest) -> CallArguments:
        """Return the arguments of a call: fields of its body, as the maker names them."""
        call = super().build_arguments(model, request)
        if _uses_converse(model.chat):
            return call
        level, fields = call.arguments.pop("reasoning_effort", None), call.arguments.pop(_FIELDS, {})
        if level is not None:
            fields = {**fields, "thinking": {"type": "adaptive"}, "output_config": {"effort": level}}
        call.arguments |= fields
        return call


def _uses_converse(chat: BaseChatModel) -> bool:
    return bool(getattr(chat, "beta_use_converse_api", False))
