"""Model specs to chat models: any provider that LangChain's `init_chat_model` knows, imported on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive._util.optional import import_optional
from adaptive._util.redact import redact_error
from adaptive.chat.model import DEFAULT_RETRIES, ChatModel
from adaptive.errors import InputError
from adaptive.types.model_spec import HOSTED_PROVIDERS, KEY_VARIABLES, ModelSpec

# Trying again is ours (`ChatModel.ask`); 1 is Google's word for no second try, 0 the others'.
_NO_RETRIES = {"openai": 0, "azure_openai": 0, "anthropic": 0, "deepseek": 0, "google_genai": 1}


def open_chat_model(model: str | BaseChatModel, *, retries: int = DEFAULT_RETRIES, **options: Any) -> ChatModel:
    """The handle of a chat model: an object, or a spec `provider:model` as `init_chat_model` knows it.

    retries: how often a call is made again where its failure may pass by itself. options: further arguments of
    the provider's class, as `base_url`. Raises `InputError` where the spec names no model, or the provider, its
    package or its key is missing.
    """
    if isinstance(model, BaseChatModel):
        return ChatModel(model, retries=retries)
    provider = ModelSpec.parse(model).kind
    once = {"max_retries": _NO_RETRIES[provider]} if provider in _NO_RETRIES else {}
    return ChatModel(init_from_spec(model, f"model {model!r}", **{**once, **options}), model, retries=retries)


def init_from_spec(spec: str, who: str, *, extra: str | None = None, **options: Any) -> BaseChatModel:
    """The chat model of a spec; `who` names it in errors, `extra` what installs it."""
    parts = ModelSpec.parse(spec)
    provider, model = parts.kind, parts.name
    if not provider or not model:
        raise InputError(f"{who} names no model: write provider:model, as in openai:o4-mini.")
    init_chat_model = import_optional(
        "langchain.chat_models", extra or PROVIDER_EXTRAS.get(provider, "hosted")
    ).init_chat_model
    with explain_open_errors(who, provider, options):
        chat: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    if _lacks_key(chat):
        raise InputError(f"{who} needs a key: set {KEY_VARIABLES['anthropic']}.")
    return chat


@contextmanager
def explain_open_errors(
    who: str, provider: str, options: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[None]:
    """Why a provider's model cannot be opened, as an `InputError` in one sentence; `who` names the model."""
    try:
        yield
    except ImportError as error:
        raise InputError(_explain_missing_package(who, provider, error)) from None
    except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
        # Not `from error`: what it says may hold a key, and a traceback would show it.
        raise InputError(_explain_open_error(who, provider, error, options)) from None


def _explain_missing_package(who: str, provider: str, error: ImportError) -> str:
    if extra := PROVIDER_EXTRAS.get(provider):
        return f"{who} needs a package that is not installed: pip install 'adaptive-thinking[{extra}]'."
    return f"{who} needs a package that is not installed ({redact_error(error)})."


def _explain_open_error(who: str, provider: str, error: Exception, options: Mapping[str, Any]) -> str:
    """Why it cannot be opened: an unknown provider, a missing key, or what the provider says."""
    text = str(error)
    if "Unsupported" in text and "provider" in text:
        return f"{who} names a provider that is not known ({provider}): use one of {', '.join(HOSTED_PROVIDERS)}."
    key = KEY_VARIABLES.get(provider)
    if key and key not in os.environ and "api_key" not in options and key in text:
        return f"{who} needs a key: set {key}."
    return f"{who} cannot be opened ({redact_error(error)})."


def _lacks_key(chat: BaseChatModel) -> bool:
    """Whether it is a ChatAnthropic without a key, which would only be said by the first call."""
    key = getattr(chat, "anthropic_api_key", None)
    return key is not None and not key.get_secret_value() and not getattr(chat, "default_headers", None)


PROVIDER_EXTRAS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure_openai": "openai",
    "google_genai": "google",
    "openai": "openai",
}
"""The extra of ours that installs a provider's integration."""
