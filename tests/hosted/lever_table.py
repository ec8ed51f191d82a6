"""What each provider is sent for each effort: the table that the tests run and the page of the docs is made from.

Each row asks for 2,000 tokens of thinking and 1,000 of answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BUDGET, CAP = 2000, 3000
ASKED = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The efforts that are asked for."""

Body = dict[str, Any]
Shape = Callable[[str], Body]


@dataclass(frozen=True)
class Client:
    """An integration of LangChain's.

    package: in which it is. cls: its class. locate: the settings that point it at an address. source: the page of
    the provider's documentation.
    """

    package: str
    cls: str
    locate: Callable[[str], Body]
    source: str


@dataclass(frozen=True)
class LeverRow:
    """A model of a provider.

    used: the effort that is used for each of `ASKED`; "-" where nothing is sent. shape: what is sent for it, of
    those parts of a request that are levers. cap: the part that holds the completion cap, `.` between levels.
    """

    client: str
    model: str
    used: str
    shape: Shape
    cap: str

    @property
    def sent(self) -> Mapping[str, Body]:
        """What is sent for each effort that is asked for."""
        return {a: {} if u == "-" else self.shape(u) for a, u in zip(ASKED, self.used.split(), strict=True)}


CLIENTS: Mapping[str, Client] = {
    "OpenAI": Client(
        "langchain_openai", "ChatOpenAI", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://developers.openai.com/api/docs/guides/reasoning",
    ),
    "Azure": Client(
        "langchain_openai", "AzureChatOpenAI",
        lambda url: {"azure_endpoint": url, "api_version": "2025-04-01-preview", "api_key": "k"},
        "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/reasoning",
    ),
    "Anthropic": Client(
        "langchain_anthropic", "ChatAnthropic", lambda url: {"base_url": url, "api_key": "k", "max_tokens": 4096},
        "https://platform.claude.com/docs/en/build-with-claude/effort",
    ),
    "Gemini": Client(
        "langchain_google_genai", "ChatGoogleGenerativeAI", lambda url: {"base_url": url, "api_key": "k"},
        "https://ai.google.dev/gemini-api/docs/thinking",
    ),
    "DeepSeek": Client(
        "langchain_deepseek", "ChatDeepSeek", lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        "https://api-docs.deepseek.com/guides/thinking_mode",
    ),
    "OpenRouter": Client(
        "langchain_openrouter", "ChatOpenRouter", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://openrouter.ai/docs/guides/best-practices/reasoning-tokens",
    ),
    "Groq": Client(
        "langchain_groq", "ChatGroq", lambda url: {"base_url": url, "api_key": "k"},
        "https://console.groq.com/docs/reasoning",
    ),
    "xAI": Client(
        "langchain_xai", "ChatXAI", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://docs.x.ai/developers/model-capabilities/text/reasoning",
    ),
    "Mistral": Client(
        "langchain_mistralai", "ChatMistralAI", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://docs.mistral.ai/capabilities/reasoning/adjustable",
    ),
    "Together": Client(
        "langchain_together", "ChatTogether", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://docs.together.ai/docs/inference/chat/reasoning",
    ),
    "Fireworks": Client(
        "langchain_fireworks", "ChatFireworks", lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        "https://docs.fireworks.ai/guides/reasoning",
    ),
    "Bedrock": Client(
        "langchain_aws", "ChatBedrockConverse",
        lambda url: {
            "endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "k",
            "aws_secret_access_key": "k",
        },
        "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html",
    ),
    "LiteLLM": Client(
        "langchain_litellm", "ChatLiteLLM", lambda url: {"api_base": f"{url}/v1", "api_key": "k"},
        "https://docs.litellm.ai/docs/reasoning_content",
    ),
    "Ollama": Client(
        "langchain_ollama", "ChatOllama", lambda url: {"base_url": url}, "https://docs.ollama.com/capabilities/thinking"
    ),
}  # fmt: skip


def effort(used: str) -> Body:
    return {"reasoning_effort": used}


def inside_reasoning(used: str) -> Body:
    return {"reasoning": {"effort": used}}


def nothing(used: str) -> Body:
    return {}


def claude_budget(used: str) -> Body:
    return {"thinking": {"type": "enabled", "budget_tokens": BUDGET}}


def claude_both(used: str) -> Body:
    return {**claude_budget(used), "output_config": {"effort": used}}


def claude_adaptive(used: str) -> Body:
    if used == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": used}}


def gemini_budget(used: str) -> Body:
    budget = 0 if used == "none" else BUDGET
    return {"generationConfig.thinkingConfig": {"include_thoughts": budget > 0, "thinking_budget": budget}}


def gemini_level(used: str) -> Body:
    return {"generationConfig.thinkingConfig": {"include_thoughts": True, "thinking_level": used.upper()}}


def deepseek(used: str) -> Body:
    return {"thinking": {"type": "disabled"}} if used == "none" else effort(used)


def groq_switch(used: str) -> Body:
    return effort("none" if used == "none" else "default")


def together_switch(used: str) -> Body:
    return {"reasoning": {"enabled": used != "none"}}


def bedrock(shape: Shape) -> Shape:
    return lambda used: {"additionalModelRequestFields": shape(used)}


def bedrock_adaptive(used: str) -> Body:
    if used == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": used}}


def ollama_switch(used: str) -> Body:
    return {"think": used != "none"}


def ollama_level(used: str) -> Body:
    return {"think": used}


CHAT_CAP, MAX_TOKENS, GEMINI_CAP = "max_completion_tokens", "max_tokens", "generationConfig.maxOutputTokens"
BEDROCK_CAP, OLLAMA_CAP = "inferenceConfig.maxTokens", "options.num_predict"
_GROUPS: tuple[tuple[str, Shape, str, Mapping[str, str]], ...] = (
    ("OpenAI", effort, CHAT_CAP, {
        "o4-mini": "low low low medium high high high",
        "gpt-5": "minimal minimal low medium high high high",
        "gpt-5.2": "none low low medium high xhigh xhigh",
        "gpt-5.4": "none low low medium high xhigh xhigh",
        "gpt-5.6": "none low low medium high xhigh max",
    }),
    ("OpenAI", inside_reasoning, "max_output_tokens", {
        "gpt-5.6-sol": "none low low medium high xhigh max",
    }),
    ("OpenAI", effort, CHAT_CAP, {
        "gpt-6-luna": "none low low medium high xhigh max",
    }),
    ("OpenAI", nothing, CHAT_CAP, {
        "gpt-4o": "- - - - - - -",
    }),
    ("Azure", effort, CHAT_CAP, {
        "gpt-5": "minimal minimal low medium high high high",
    }),
    ("Anthropic", claude_budget, MAX_TOKENS, {
        "claude-haiku-4-5": "- x x x x x x",
    }),
    ("Anthropic", claude_both, MAX_TOKENS, {
        "claude-sonnet-4-6": "- low low medium high high max",
    }),
    ("Anthropic", claude_adaptive, MAX_TOKENS, {
        "claude-opus-4-8": "none low low medium high xhigh max",
        "claude-opus-5": "none low low medium high xhigh max",
        "claude-haiku-5-5": "none low low medium high xhigh max",
        "claude-opus-5-5": "low low low medium high xhigh max",
        "claude-sonnet-5-5": "low low low medium high xhigh max",
        "claude-fable-5-1": "low low low medium high xhigh max",
    }),
    ("Gemini", gemini_budget, GEMINI_CAP, {
        "gemini-2.5-flash": "none x x x x x x",
    }),
    ("Gemini", gemini_level, GEMINI_CAP, {
        "gemini-3-pro-preview": "low low low low high high high",
        "gemini-3.6-flash": "minimal minimal low medium high high high",
    }),
    ("DeepSeek", deepseek, MAX_TOKENS, {
        "deepseek-v4-pro": "none low low low high high max",
    }),
    ("DeepSeek", nothing, MAX_TOKENS, {
        "deepseek-chat": "- - - - - - -",
    }),
    ("OpenRouter", inside_reasoning, MAX_TOKENS, {
        "openai/gpt-5.4": "none minimal low medium high xhigh max",
    }),
    ("OpenRouter", nothing, MAX_TOKENS, {
        "openai/gpt-4o": "- - - - - - -",
    }),
    ("Groq", effort, MAX_TOKENS, {
        "openai/gpt-oss-120b": "low low low medium high high high",
    }),
    ("Groq", groq_switch, MAX_TOKENS, {
        "qwen/qwen3-32b": "none x x x x x x",
    }),
    ("Groq", nothing, MAX_TOKENS, {
        "llama-3.3-70b-versatile": "- - - - - - -",
    }),
    ("xAI", effort, MAX_TOKENS, {
        "grok-4.3": "none low low medium high high high",
        "grok-4.5": "low low low medium high high high",
    }),
    ("xAI", nothing, MAX_TOKENS, {
        "grok-4.20-0309-non-reasoning": "- - - - - - -",
    }),
    ("Mistral", effort, MAX_TOKENS, {
        "mistral-small-latest": "none high high high high high high",
        "mistral-large-4": "low low low medium high high high",
    }),
    ("Mistral", nothing, MAX_TOKENS, {
        "magistral-medium-latest": "- - - - - - -",
    }),
    ("Together", effort, MAX_TOKENS, {
        "openai/gpt-oss-120b": "low low low medium high high high",
    }),
    ("Together", together_switch, MAX_TOKENS, {
        "zai-org/GLM-5.1": "none x x x x x x",
    }),
    ("Together", nothing, MAX_TOKENS, {
        "MiniMaxAI/MiniMax-M2.7": "- - - - - - -",
    }),
    ("Fireworks", effort, MAX_TOKENS, {
        "accounts/fireworks/models/deepseek-v4-pro": "none low low medium high xhigh max",
        "accounts/fireworks/models/glm-5p2": "none high high high high high max",
    }),
    ("Bedrock", bedrock(claude_budget), BEDROCK_CAP, {
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "- x x x x x x",
    }),
    ("Bedrock", bedrock(bedrock_adaptive), BEDROCK_CAP, {
        "us.anthropic.claude-opus-5": "none low low medium high xhigh max",
    }),
    ("Bedrock", bedrock(effort), BEDROCK_CAP, {
        "openai.gpt-oss-120b-1:0": "low low low medium high high high",
    }),
    ("LiteLLM", effort, CHAT_CAP, {
        "openai/gpt-5": "low low low medium high high high",
    }),
    ("LiteLLM", nothing, MAX_TOKENS, {
        "openai/gpt-4o": "- - - - - - -",
    }),
    ("Ollama", ollama_level, OLLAMA_CAP, {
        "gpt-oss:20b": "low low low medium high high high",
    }),
    ("Ollama", ollama_switch, OLLAMA_CAP, {
        "qwen3": "none x x x x x x",
    }),
)  # fmt: skip
"""Client, shape, cap, and the effort that is used by model: models, old and new."""
ROWS = tuple(
    LeverRow(client, model, used, shape, cap)
    for client, shape, cap, models in _GROUPS
    for model, used in models.items()
)
