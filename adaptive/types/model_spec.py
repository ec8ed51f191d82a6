"""Model specs: which engine or provider a text such as `hf:Qwen/Qwen3-0.6B` or `openai:o4-mini` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        folder = Path(self.name).expanduser()
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
