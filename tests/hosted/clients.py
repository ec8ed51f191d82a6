"""The providers: their own LangChain chat models, pointed at the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from tests.hosted.server import Hosted


@dataclass(frozen=True)
class Provider:
    """A provider and one of its interfaces.

    build: the class of its chat model. spec: of the model, in the command. cap: what the completion cap is called
    in a call; other names, which the constructors take, are sent as they are (Azure), dropped for the one of the
    constructor (Responses) or a ValidationError (Google). locate: the settings that point it at an address.
    """

    build: Callable[..., BaseChatModel]
    spec: str
    cap: str
    locate: Callable[[str], dict[str, Any]]

    @property
    def model(self) -> str:
        """The model's name at its provider."""
        return self.spec.partition(":")[2]


PROVIDERS = {
    "openai": Provider(
        ChatOpenAI, "openai:gpt-5", "max_completion_tokens",
        lambda url: {"base_url": f"{url}/v1", "stream_usage": True},
    ),
    "openai_responses": Provider(
        ChatOpenAI, "openai:gpt-5", "max_completion_tokens",
        lambda url: {"base_url": f"{url}/v1", "use_responses_api": True, "output_version": "responses/v1"},
    ),
    "azure_openai": Provider(
        AzureChatOpenAI, "azure_openai:gpt-5", "max_completion_tokens",
        lambda url: {"azure_endpoint": url, "api_version": "2025-04-01-preview"},
    ),
    "anthropic": Provider(
        ChatAnthropic, "anthropic:claude-sonnet-4-6", "max_tokens",
        lambda url: {"base_url": url, "max_tokens": 4096},
    ),
    "google_genai": Provider(
        ChatGoogleGenerativeAI, "google_genai:gemini-3-flash-preview", "max_output_tokens",
        lambda url: {"base_url": url},
    ),
}  # fmt: skip
NAMES = tuple(PROVIDERS)


def build_installed(package: str, cls: str) -> Callable[..., BaseChatModel]:
    """A class of a package; the test is skipped if that is not installed."""
    return lambda **settings: getattr(pytest.importorskip(package), cls)(**settings)


OTHERS = {
    "deepseek": Provider(
        build_installed("langchain_deepseek", "ChatDeepSeek"), "deepseek:deepseek-v4-pro", "max_tokens",
        lambda url: {"api_base": f"{url}/v1"},
    ),
    "groq": Provider(
        build_installed("langchain_groq", "ChatGroq"), "groq:openai/gpt-oss-120b", "max_tokens",
        lambda url: {"base_url": url},
    ),
    "mistralai": Provider(
        build_installed("langchain_mistralai", "ChatMistralAI"), "mistralai:mistral-small-latest", "max_tokens",
        lambda url: {"base_url": f"{url}/v1"},
    ),
}  # fmt: skip
"""Providers that speak Chat Completions, by clients of their own."""
MODELS = {name: provider.model for name, provider in PROVIDERS.items()}
CAP = {name: provider.cap for name, provider in PROVIDERS.items()}


def client(name: str, hosted: Hosted, **more: Any) -> BaseChatModel:
    """One client, without retries; `more` is its own settings, before ours."""
    provider = {**PROVIDERS, **OTHERS}[name]
    how = {"model": provider.model, "api_key": hosted.key, "timeout": 30, "max_retries": 0}
    how = {**how, **provider.locate(hosted.url), **more}
    if name == "azure_openai":
        how = {"azure_deployment": how["model"], **how}
    return provider.build(**how)


def build_option_args(settings: Mapping[str, Any]) -> list[str]:
    """Settings of a client as options of the command."""
    values = (str(value).lower() if isinstance(value, bool) else value for value in settings.values())
    return [part for name, value in zip(settings, values, strict=True) for part in ("-o", f"{name}={value}")]


def clients(hosted: Hosted) -> dict[str, BaseChatModel]:
    """All of them by name."""
    return {name: client(name, hosted) for name in NAMES}
