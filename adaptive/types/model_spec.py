"""Model specs: which engine or provider a name such as `hf:Qwen/Qwen3-0.6B` means."""

from __future__ import annotations

from collections.abc import Mapping

KEY_VARIABLES: Mapping[str, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""The environment variable of each provider's key."""


HOSTED_PROVIDERS = tuple(sorted({*KEY_VARIABLES, "bedrock", "bedrock_converse", "google_vertexai", "ollama"}))
"""Providers whose name begins a model spec; LangChain knows more."""


def describe_key(name: str) -> str:
    """Where the key of a model is, in words; `name` is a model spec."""
    return KEY_VARIABLES.get(name.partition(":")[0], "the environment variable of its key")


def is_chat(spec: str) -> bool:
    """Whether a model spec names a chat model."""
    provider, _, model = spec.partition(":")
    return provider in HOSTED_PROVIDERS and bool(model)


LOCAL_KINDS = ("embedded", "onnx", "hf", "vllm", "http", "https")
"""Kinds of models that nobody lists a price of: what they cost is not known, and no wonder."""


def is_local(model: str) -> bool:
    """Whether a model spec names an engine of one's own or a server, and no provider's model."""
    kind, colon, _ = model.partition(":")
    return not colon or kind in LOCAL_KINDS
