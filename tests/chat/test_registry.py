"""Model specs to chat models, and what is said where that cannot be."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from adaptive.chat.registry import open_chat_model
from adaptive.errors import InputError
from adaptive.types.model_spec import PROVIDER_PACKAGES

VARIABLES = (
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "GEMINI_API_KEY", "LANGSMITH_GATEWAY",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("spec", "kind", "more"),
    [
        ("openai:o4-mini", ChatOpenAI, {}),
        ("azure_openai:o4", AzureChatOpenAI, {"azure_endpoint": "https://x.example", "api_version": "2025-01-01"}),
        ("anthropic:claude-opus-5", ChatAnthropic, {}),
        ("google_genai:gemini-3-flash-preview", ChatGoogleGenerativeAI, {}),
    ],
)
def test_a_spec(spec: str, kind: type, more: dict[str, Any]) -> None:
    model = open_chat_model(spec, api_key="sk-secret", **more)
    assert model.name == spec
    assert isinstance(model.chat, kind)
    assert model.chat.max_retries == (1 if kind is ChatGoogleGenerativeAI else 0)  # type: ignore[attr-defined]
    assert "secret" not in repr(model.name)


def test_an_object() -> None:
    model = open_chat_model(ChatAnthropic(model="claude-opus-5", api_key="sk-secret"))  # type: ignore[call-arg,arg-type]
    assert model.name == "anthropic:claude-opus-5"
    assert model.efforts == ("none", "low", "medium", "high", "xhigh", "max")


def test_options_go_to_the_class() -> None:
    assert open_chat_model("openai:qwen", api_key="x", base_url="http://localhost:1/v1").chat.openai_api_base  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ("openai:o4-mini", "OPENAI_API_KEY"),
        ("azure_openai:o4", "AZURE_OPENAI_API_KEY"),
        ("anthropic:claude-opus-5", "ANTHROPIC_API_KEY"),
        ("google_genai:gemini-3-flash-preview", "GOOGLE_API_KEY"),
    ],
)
def test_without_a_key(spec: str, key: str) -> None:
    with pytest.raises(InputError, match=f"^model '{spec}' needs a key: set {key}\\.$"):
        open_chat_model(spec)


@pytest.mark.parametrize("spec", ["", "o4-mini", ":o4-mini", "openai:"])
def test_specs_that_name_no_model(spec: str) -> None:
    with pytest.raises(InputError, match=f"^model '{spec}' names no model: write provider:model"):
        open_chat_model(spec)


def test_a_provider_that_is_not_known() -> None:
    with pytest.raises(InputError, match=r"provider that is not known \(foo\): use one of anthropic, .* xai\.$"):
        open_chat_model("foo:bar")


@pytest.mark.parametrize(
    ("spec", "package", "said"),
    [
        ("openai:o4-mini", "langchain_openai", r"pip install 'adaptive-thinking\[openai\]'\."),
        ("azure_openai:o4", "langchain_openai", r"pip install 'adaptive-thinking\[openai\]'\."),
        ("anthropic:claude-opus-5", "langchain_anthropic", r"pip install 'adaptive-thinking\[anthropic\]'\."),
        ("google_genai:gemini-3", "langchain_google_genai", r"pip install 'adaptive-thinking\[google\]'\."),
        ("ollama:qwen3", "langchain_ollama", r"pip install langchain-ollama"),
        ("groq:qwen3", "langchain.chat_models", r"pip install 'adaptive-thinking\[hosted\]'\."),
        ("openai:o4-mini", "langchain.chat_models", r"pip install 'adaptive-thinking\[openai\]'\."),
    ],
)
def test_without_its_package(monkeypatch: pytest.MonkeyPatch, spec: str, package: str, said: str) -> None:
    from langchain.chat_models import base

    base._get_chat_model_creator.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=said):
        open_chat_model(spec)


def test_every_provider_of_langchain_is_known_with_its_package() -> None:
    from langchain.chat_models import base

    modules = {name: module.partition(".")[0] for name, (module, _, _) in base._BUILTIN_PROVIDERS.items()}
    ours = {name: package.partition("[")[0].replace("-", "_") for name, package in PROVIDER_PACKAGES.items()}
    assert modules.items() <= ours.items()


@pytest.mark.parametrize("provider", PROVIDER_PACKAGES)
def test_a_missing_package_is_named_with_its_install_line(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    from langchain.chat_models import base

    base._get_chat_model_creator.cache_clear()
    monkeypatch.setitem(sys.modules, base._BUILTIN_PROVIDERS[provider][0], None)
    with pytest.raises(
        InputError, match=r"^model '\w+:m' needs a package that is not installed: pip install \S+\.$"
    ):
        open_chat_model(f"{provider}:m")


def test_what_a_provider_says_is_told_without_keys() -> None:
    with pytest.raises(InputError, match="cannot be opened") as caught:
        open_chat_model("openai:o4-mini", api_key="sk-secret", temperature="api_key=sk-secret")
    assert "secret" not in str(caught.value)
