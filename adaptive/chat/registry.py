"""Model specs to chat models: any provider that LangChain's `init_chat_model` knows, imported on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from langchain_core.language_models import BaseChatModel

from adaptive._util.optional import import_optional
from adaptive._util.redact import redact_error
from adaptive._util.reply_limit import MAX_REPLY, check_max_reply
from adaptive.chat.anthropic_batches import AnthropicBatches
from adaptive.chat.batch_api import BatchApi
from adaptive.chat.limited_clients import limit_chat, limit_options
from adaptive.chat.model import DEFAULT_RETRIES, ChatModel
from adaptive.chat.openai_batches import OpenAIBatches
from adaptive.errors import InputError
from adaptive.types.model_spec import HOSTED_PROVIDERS, KEY_VARIABLES, PROVIDER_PACKAGES, ModelSpec

PROVIDER_EXTRAS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure_openai": "openai",
    "google_genai": "google",
    "openai": "openai",
}
"""The extra of ours that installs a provider's integration."""

# `ChatModel.ask` tries again by itself. 0 is no second try, and 1 for Google, which counts the first.
_NO_RETRIES = {
    "openai": 0, "azure_openai": 0, "anthropic": 0, "deepseek": 0, "groq": 0, "together": 0, "xai": 0,
    "google_genai": 1,
}  # fmt: skip

_BATCH_APIS: Mapping[str, Callable[[BaseChatModel, str], BatchApi]] = {
    "anthropic": AnthropicBatches,
    "openai": OpenAIBatches,
}


def open_chat_model(
    model: str | BaseChatModel,
    *,
    retries: int = DEFAULT_RETRIES,
    shows_thinking: bool = False,
    **options: Any,
) -> ChatModel:
    """Open a chat model.

    Args:
        model: A chat model, or a spec `provider:model` as `init_chat_model` knows it.
        retries: How often a call is made again if its failure may pass by itself.
        shows_thinking: Whether the provider is asked to show the thinking, if it does so for the asking.
        options: Further arguments of the provider's class, such as `base_url`; used with a spec only.

    Returns:
        The handle of the model.

    Raises:
        InputError: The spec names no model, or the provider, its package or its key is missing.
    """
    if isinstance(model, BaseChatModel):
        return ChatModel(model, retries=retries, shows_thinking=shows_thinking)
    provider = ModelSpec.parse(model).kind
    once = {"max_retries": _NO_RETRIES[provider]} if provider in _NO_RETRIES else {}
    chat = init_from_spec(model, f"model {model!r}", **{**once, **options})
    return ChatModel(chat, model, retries=retries, shows_thinking=shows_thinking)


def pick_common_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings of `open_chat_model` that every provider has: not an address, nor a key."""
    return {name: settings[name] for name in ("retries", "shows_thinking") if name in settings}


def open_batch_api(model: ChatModel) -> BatchApi:
    """Return the batch API of a model's provider; raise `InputError` if there is none that we know."""
    api = _BATCH_APIS.get(model.provider)
    if api is None:
        raise InputError(f"{model.name}: --batch is for models of OpenAI and Anthropic: leave it out.")
    return api(model.chat, model.name)


def init_from_spec(
    spec: str, subject: str, *, extra: str | None = None, max_reply: float = MAX_REPLY, **options: Any
) -> BaseChatModel:
    """Build the chat model of a spec.

    Args:
        spec: `provider:model`.
        subject: What error sentences call the model.
        extra: The extra of ours that installs it; by default the one of its provider.
        max_reply: Megabytes that are read of a reply (`adaptive.chat.limited_clients` has the providers).
        options: Further arguments of the provider's class.

    Returns:
        LangChain's chat model.

    Raises:
        InputError: The spec names no model, or the provider, its package or its key is missing.
    """
    parts = ModelSpec.parse(spec)
    provider, model = parts.kind, parts.name
    if not provider or not model:
        raise InputError(f"{subject} names no model: write provider:model, as in openai:o4-mini.")
    check_max_reply(max_reply)
    module = import_optional("langchain.chat_models", extra or PROVIDER_EXTRAS.get(provider, "hosted"))
    with explain_open_errors(subject, provider, options):
        limited = limit_options(provider, options, max_reply)
        chat: BaseChatModel = module.init_chat_model(model, model_provider=provider, **limited)
    if _lacks_key(chat):
        raise InputError(f"{subject} needs a key: set {KEY_VARIABLES['anthropic']}.")
    return limit_chat(provider, chat, max_reply)


def _lacks_key(chat: BaseChatModel) -> bool:
    """Whether it is a ChatAnthropic without a key, which otherwise only its first call would notice."""
    key = getattr(chat, "anthropic_api_key", None)
    return key is not None and not key.get_secret_value() and not getattr(chat, "default_headers", None)


@contextmanager
def explain_open_errors(
    subject: str, provider: str, options: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[None]:
    """Turn any error of opening a provider's model into one sentence.

    Args:
        subject: What the sentence calls the model.
        provider: The provider's name in model specs.
        options: Arguments of the provider's class; a key among them is no missing key.

    Raises:
        InputError: In place of any error within the `with` block.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(_explain_missing_package(subject, provider, error)) from None
    except Exception as error:  # noqa: BLE001 -- each provider has errors of its own
        # Not `from error`: its text may hold a key, and a traceback would show it.
        raise InputError(_explain_open_error(subject, provider, error, options)) from None


def _explain_missing_package(subject: str, provider: str, error: ImportError) -> str:
    extra, package = PROVIDER_EXTRAS.get(provider), PROVIDER_PACKAGES.get(provider)
    if extra or package:
        wanted = f"'adaptive-thinking[{extra}]'" if extra else f"'{package}'" if "[" in str(package) else package
        return f"{subject} needs a package that is not installed: pip install {wanted}."
    return f"{subject} needs a package that is not installed ({redact_error(error)})."


def _explain_open_error(subject: str, provider: str, error: Exception, options: Mapping[str, Any]) -> str:
    """Return why it cannot be opened: an unknown provider, a missing key, or what the provider says."""
    text = str(error)
    if "Unsupported" in text and "provider" in text:
        if provider in PROVIDER_PACKAGES:
            return f"{subject}: this version of LangChain does not know {provider}: pip install -U langchain."
        names = ", ".join(HOSTED_PROVIDERS)
        return f"{subject} names a provider that is not known ({provider}): use one of {names}."
    key = KEY_VARIABLES.get(provider)
    if key and key not in os.environ and "api_key" not in options and key in text:
        return f"{subject} needs a key: set {key}."
    return f"{subject} cannot be opened ({redact_error(error)})."
