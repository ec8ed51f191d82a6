"""The providers' own LangChain chat models, pointed at the server."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from tests.hosted.server import Hosted

NAMES = ("openai", "openai_responses", "azure_openai", "anthropic", "google_genai")
MODELS = {
    "openai": "gpt-5",
    "openai_responses": "gpt-5",
    "azure_openai": "gpt-5",
    "anthropic": "claude-sonnet-4-6",
    "google_genai": "gemini-3-flash-preview",
}
CAP = dict.fromkeys(NAMES, "max_completion_tokens") | {
    "anthropic": "max_tokens",
    "google_genai": "max_output_tokens",
}
"""What the completion cap is called in a call. Other names, which the constructors take, are sent as they are
(Azure), dropped for the constructor's cap (Responses) or a ValidationError (Google)."""


def client(name: str, hosted: Hosted, **more: Any) -> BaseChatModel:
    """One client, without retries; `more` is its own settings, before ours."""
    how = {"model": MODELS[name], "api_key": hosted.key, "timeout": 30, "max_retries": 0}
    return _MAKERS[name](hosted, {**how, **more})


def clients(hosted: Hosted) -> dict[str, BaseChatModel]:
    """All of them by name."""
    return {name: client(name, hosted) for name in NAMES}


def _openai(hosted: Hosted, how: dict[str, Any]) -> BaseChatModel:
    return ChatOpenAI(**{"base_url": f"{hosted.url}/v1", "stream_usage": True, **how})


def _responses(hosted: Hosted, how: dict[str, Any]) -> BaseChatModel:
    return _openai(hosted, {"use_responses_api": True, "output_version": "responses/v1", **how})


def _azure(hosted: Hosted, how: dict[str, Any]) -> BaseChatModel:
    at = {"azure_endpoint": hosted.url, "azure_deployment": how["model"], "api_version": "2025-04-01-preview"}
    return AzureChatOpenAI(**{**at, **how})


def _anthropic(hosted: Hosted, how: dict[str, Any]) -> BaseChatModel:
    return ChatAnthropic(**{"base_url": hosted.url, "max_tokens": 4096, **how})


def _google(hosted: Hosted, how: dict[str, Any]) -> BaseChatModel:
    return ChatGoogleGenerativeAI(**{"base_url": hosted.url, **how})


_MAKERS = {
    "openai": _openai,
    "openai_responses": _responses,
    "azure_openai": _azure,
    "anthropic": _anthropic,
    "google_genai": _google,
}
