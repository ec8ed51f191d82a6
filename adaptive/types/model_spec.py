"""Model specs: which engine or provider a text such as `hf:Qwen/Qwen3-0.6B` or `openai:o4-mini` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROVIDER_PACKAGES: Mapping[str, str] = {
    "anthropic": "langchain-anthropic",
    "anthropic_bedrock": "langchain-aws[anthropic]",
    "azure_ai": "langchain-azure-ai",
    "azure_openai": "langchain-openai",
    "baseten": "langchain-baseten",
    "bedrock": "langchain-aws",
    "bedrock_converse": "langchain-aws",
    "bedrock_mantle_anthropic": "langchain-aws[anthropic]",
    "bedrock_mantle_openai": "langchain-aws[openai]",
    "cohere": "langchain-cohere",
    "deepseek": "langchain-deepseek",
    "fireworks": "langchain-fireworks",
    "google_anthropic_vertex": "langchain-google-vertexai",
    "google_genai": "langchain-google-genai",
    "google_vertexai": "langchain-google-vertexai",
    "groq": "langchain-groq",
    "huggingface": "langchain-huggingface",
    "ibm": "langchain-ibm",
    "langsmith": "langchain-openai",
    "litellm": "langchain-litellm",
    "meta": "langchain-meta",
    "mistralai": "langchain-mistralai",
    "nvidia": "langchain-nvidia-ai-endpoints",
    "ollama": "langchain-ollama",
    "openai": "langchain-openai",
    "openrouter": "langchain-openrouter",
    "perplexity": "langchain-perplexity",
    "together": "langchain-together",
    "upstage": "langchain-upstage",
    "xai": "langchain-xai",
}
"""The providers that LangChain's `init_chat_model` knows, whose names begin a model spec, and their packages."""
HOSTED_PROVIDERS = tuple(PROVIDER_PACKAGES)
KEY_VARIABLES: Mapping[str, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "baseten": "BASETEN_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "nvidia": "NVIDIA_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PPLX_API_KEY",
    "together": "TOGETHER_API_KEY",
    "upstage": "UPSTAGE_API_KEY",
    "xai": "XAI_API_KEY",
}
"""The environment variable of a provider's key."""
LOCAL_KINDS = ("onnx", "hf", "vllm", "http", "https")
"""Kinds of models that have no list price."""

FOLDER_KINDS = ("onnx", "hf", "vllm")
"""Engines that load a model from a folder."""


@dataclass(frozen=True)
class ModelSpec:
    """A model spec in two parts.

    kind: the engine or provider, such as "hf", "http" or "openai"; empty for a text without a colon, such as
    "embedded". name: what the engine or provider calls the model.
    """

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Split `KIND:NAME` at its first colon; any text has a spec."""
        kind, colon, name = text.partition(":")
        return cls(kind, name) if colon else cls("", text)

    def find_folder(self) -> Path | None:
        """Return the folder on this machine that a local engine loads the model from; None if it names none."""
        folder = Path(os.path.expanduser(self.name))
        return folder if self.kind in FOLDER_KINDS and folder.is_dir() else None

    @property
    def is_chat(self) -> bool:
        """Whether it names a provider's chat model."""
        return self.kind in HOSTED_PROVIDERS and bool(self.name)

    @property
    def is_local(self) -> bool:
        """Whether it names a local engine or a server, rather than a provider's model."""
        return self.kind in ("", *LOCAL_KINDS)

    @property
    def key_variable(self) -> str | None:
        """The environment variable of the provider's key; None if there is none."""
        return KEY_VARIABLES.get(self.kind)
