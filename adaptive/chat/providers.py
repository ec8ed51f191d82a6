"""Which adapter each of LangChain's integrations has, with the efforts of models whose profile names none.

A provider that is not here gets the plain adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive.chat.adapter import PLAIN_ADAPTER, STANDARD_EFFORTS, SWITCH_EFFORTS, ProviderAdapter
from adaptive.chat.adapters.anthropic import AnthropicAdapter
from adaptive.chat.adapters.bedrock import BedrockConverseAdapter, BedrockInvokeAdapter
from adaptive.chat.adapters.google import GeminiAdapter
from adaptive.chat.adapters.levels import GroqAdapter, LiteLLMAdapter, OpenRouterAdapter
from adaptive.chat.adapters.ollama import OllamaAdapter
from adaptive.chat.adapters.openai import DeepSeekAdapter, OpenAIAdapter, TogetherAdapter
from adaptive.types.ladder import EFFORTS

_OPENAI_FAMILIES = (("", STANDARD_EFFORTS),)  # the o-series, whose profiles name no efforts

# What the providers say of their prompt caches. Anthropic: a change of `output_config.effort` or of thinking
# invalidates what follows the system prompt (platform.claude.com/docs/en/build-with-claude/prompt-caching, "What
# invalidates the cache"), as on Bedrock (docs.aws.amazon.com/bedrock/latest/userguide/
# claude-messages-extended-thinking.html). OpenAI: "changes to reasoning effort" lower the hits
# (developers.openai.com/cookbook/examples/prompt_caching_201; langchain-openai's docstring of `reasoning_effort`).
# Together: the prefix holds the effort (docs.together.ai/docs/inference/chat/prompt-caching). Others say nothing.
_OPENAI_CACHE: Mapping[str, Any] = {"drops_cache": True, "caches_unasked": True}

_ADAPTER_BY_CLASS: Mapping[str, ProviderAdapter] = {
    "AzureChatOpenAI": OpenAIAdapter(
        "azure_openai", reports_finish=True, families=_OPENAI_FAMILIES, sums_up=True, **_OPENAI_CACHE
    ),
    # The SDK refuses completions without a stream that may take more than ten minutes.
    "ChatAnthropic": AnthropicAdapter(
        "anthropic", reports_finish=True, can_disable_thinking=True, stream_above=16_000, drops_cache=True
    ),
    "ChatBedrock": BedrockInvokeAdapter("bedrock"),
    "ChatBedrockConverse": BedrockConverseAdapter("bedrock_converse", reports_finish=True, drops_cache=True),
    "ChatDeepSeek": DeepSeekAdapter(
        "deepseek",
        reports_finish=True,
        families=((r"^deepseek-(v\d|flash|pro)", ("none", "low", "high", "max")),),
        cap_argument="max_tokens",
    ),
    "ChatFireworks": ProviderAdapter("fireworks", families=(("gpt-oss", STANDARD_EFFORTS),)),
    "ChatGoogleGenerativeAI": GeminiAdapter("google_genai", reports_finish=True),
    "ChatGroq": GroqAdapter(
        "groq", reports_finish=True, families=(("gpt-oss", STANDARD_EFFORTS), ("qwen3", SWITCH_EFFORTS))
    ),
    "ChatLiteLLM": LiteLLMAdapter("litellm"),
    # docs.mistral.ai/capabilities/reasoning/adjustable; Magistral always thinks.
    "ChatMistralAI": ProviderAdapter(
        "mistralai",
        reports_finish=True,
        families=(
            (r"mistral-(small-(latest|2603)|medium-(latest|2604|3-5|3\.5))", ("none", "high")),
            ("mistral-large-4", STANDARD_EFFORTS),
        ),
    ),
    "ChatOllama": OllamaAdapter("ollama", reports_finish=True),
    "ChatOpenAI": OpenAIAdapter(
        "openai", reports_finish=True, families=_OPENAI_FAMILIES, sums_up=True, **_OPENAI_CACHE
    ),
    "ChatOpenRouter": OpenRouterAdapter("openrouter", families=(("", EFFORTS),)),
    "ChatTogether": TogetherAdapter(
        "together",
        families=(
            ("gpt-oss", STANDARD_EFFORTS),
            (r"DeepSeek-V[4-9]|GLM-[5-9]|Kimi-K2\.[5-9]|Qwen3\.[5-9]|cogito|gemma-[4-9]", SWITCH_EFFORTS),
        ),
        cap_argument="max_tokens",
        **_OPENAI_CACHE,
    ),
    # docs.x.ai/developers/model-capabilities/text/reasoning: no level switches thinking off from 4.5 on.
    "ChatXAI": OpenAIAdapter(
        "xai",
        reports_finish=True,
        families=(
            (r"grok-(4\.[6-9]|[5-9])", ("low", "medium", "high", "xhigh")),
            (r"grok-4\.5", STANDARD_EFFORTS),
            ("grok-3-mini", ("low", "high")),
        ),
        cap_argument="max_tokens",
    ),
    "BaseChatOpenAI": OpenAIAdapter("openai", reports_finish=True, cap_argument="max_tokens"),
}


def find_adapter(chat: BaseChatModel) -> ProviderAdapter:
    """Return the adapter of a model, by the nearest of its classes that has one."""
    names = (kind.__name__ for kind in type(chat).__mro__)
    return next((_ADAPTER_BY_CLASS[name] for name in names if name in _ADAPTER_BY_CLASS), PLAIN_ADAPTER)
