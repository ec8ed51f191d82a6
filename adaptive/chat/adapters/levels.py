"""Providers that take an effort in a parameter of their own, or in other words than ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import STANDARD_EFFORTS, SWITCH_EFFORTS, ModelInfo, ProviderAdapter
from adaptive.types.ladder import Effort


@dataclass(frozen=True)
class GroqAdapter(ProviderAdapter):
    """Groq: levels for gpt-oss, "none" or "default" for qwen3 (console.groq.com/docs/reasoning)."""

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        switches = tuple(model.efforts) == SWITCH_EFFORTS and effort != "none"
        return {"reasoning_effort": "default" if switches else model.get_level(effort)}


@dataclass(frozen=True)
class OpenRouterAdapter(ProviderAdapter):
    """OpenRouter: one `reasoning` for all models, which excludes a limit of tokens (openrouter.ai/docs, "Reasoning
    Tokens")."""

    def _build_effort(self, model: ModelInfo, effort: Effort) -> dict[str, Any]:
        own = getattr(model.chat, "reasoning", None) or {}
        kept = {name: value for name, value in own.items() if name not in ("max_tokens", "enabled")}
        return {"reasoning": {**kept, "effort": model.get_level(effort)}}


@dataclass(frozen=True)
class LiteLLMAdapter(ProviderAdapter):
    """LiteLLM: `reasoning_effort`, which it translates for models that its own table says think."""

    def list_efforts(self, chat: BaseChatModel, model: str, profile: Mapping[str, Any]) -> tuple[Effort, ...]:
        """Return the efforts of its profile, else the standard ones if LiteLLM knows that the model thinks."""
        knows = getattr(getattr(chat, "client", None), "supports_reasoning", lambda model: False)
        return super().list_efforts(chat, model, profile) or (STANDARD_EFFORTS if knows(model=model) else ())
