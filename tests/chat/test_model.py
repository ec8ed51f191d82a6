"""The levers of models that are not asked over a wire: plain ones, OpenAI's format, Ollama's options."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from adaptive.agents.step.call_settings import CallSettings
from adaptive.chat.errors import ChatError
from adaptive.chat.model import ChatModel
from adaptive.chat.openai_compat import keep_reasoning
from adaptive.chat.providers import find_adapter
from adaptive.chat.request import ChatRequest
from adaptive.errors import InputError
from adaptive.types.ladder import EFFORTS

ASK = ChatRequest("medium", 100, 148, 0.5, 3)
QUESTION = [HumanMessage("What is 47 + 26?")]


class Plain(BaseChatModel):
    """Names the standard parameters, and says what it was given."""

    max_tokens: int | None = None
    temperature: float | None = None
    seen: list[dict[str, Any]] = []

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **given: Any) -> ChatResult:
        self.seen.append(given)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("73"))])


class Reasoning(Plain):
    """Takes an effort too."""

    reasoning_effort: str | None = None


class ChatOllama(Plain):
    """Named as the integration, with some of its options."""

    model: str = "qwen3"
    num_ctx: int | None = 8192
    reasoning: bool | None = None


async def test_a_plain_model_gets_what_its_class_names() -> None:
    model = ChatModel(Plain())
    turn = await model.ask(QUESTION, ASK)
    assert turn.text == "73"
    assert model.chat.seen == [{"max_tokens": 148, "temperature": 0.5}]  # type: ignore[attr-defined]
    assert (model.name, model.efforts, model.takes_images) == ("Plain:plain", (), True)
    assert model.notes() == ["Plain:plain: it takes no seed: 3 is not used"]
    assert (turn.usage.thinking, turn.usage.estimated) == (None, ("answer", "prompt"))
    assert (turn.usage.prompt, turn.usage.answer) == (4, 1)


def test_a_plain_model_that_names_an_effort() -> None:
    model = ChatModel(Reasoning())
    assert model.efforts == ("low", "medium", "high")
    assert model.build_arguments(ASK)["reasoning_effort"] == "medium"
    assert model.build_arguments(ChatRequest("xhigh", 1, 2))["reasoning_effort"] == "high"
    assert "Reasoning:plain: effort xhigh is not one that it takes: high is used" in model.notes()


async def test_a_class_that_no_table_knows_gets_the_levels_of_its_profile() -> None:
    chat = Plain(profile={"reasoning_output": True, "reasoning_effort_levels": ["low", "max"]})
    await ChatModel(chat).ask(QUESTION, ChatRequest("xhigh", 100, 148))
    assert chat.seen[-1] == {"max_tokens": 148, "reasoning_effort": "max"}
    assert ChatModel(Reasoning(profile={"reasoning_output": False})).efforts == ()


@pytest.mark.parametrize("kind", [ChatOpenAI, ChatAnthropic, ChatGoogleGenerativeAI, Plain])
def test_a_new_level_of_a_profile_is_sent_under_its_own_name(kind: Any) -> None:
    profile = {"reasoning_output": True, "reasoning_effort_levels": ["low", "high", "ultra"]}
    settings = {} if kind is Plain else {"model": "new", "api_key": "x"}
    model = ChatModel(kind(profile=profile, **settings))
    assert [effort for effort in model.efforts if effort != "none"] == ["low", "high", "xhigh"]
    assert model.build_arguments(ChatRequest("max", 2000, 3000))["reasoning_effort"] == "ultra"


@pytest.mark.parametrize(
    ("package", "cls"),
    [("langchain_groq", "ChatGroq"), ("langchain_deepseek", "ChatDeepSeek"), ("", "ChatOllama")],
)
def test_every_adapter_sends_the_name_of_the_level(package: str, cls: str) -> None:
    profile = {"reasoning_output": True, "reasoning_effort_levels": ["low", "high", "ultra"]}
    kind = getattr(pytest.importorskip(package), cls) if package else ChatOllama
    settings = {"api_key": "x"} if package else {}
    arguments = ChatModel(kind(model="new", profile=profile, **settings)).build_arguments(
        ChatRequest("max", 20, 30)
    )
    assert "ultra" in (arguments.get("reasoning_effort"), arguments.get("reasoning"))


def test_a_level_beyond_our_names_is_told() -> None:
    profile = {"reasoning_output": True, "reasoning_effort_levels": ["high", "max", "ultra"]}
    notes = ChatModel(Plain(profile=profile)).notes()
    assert notes == ["Plain:plain: its level ultra is not used: it is beyond our names for efforts"]


def test_a_level_of_a_profile_becomes_a_part_of_the_users_reasoning() -> None:
    profile = {"reasoning_output": True, "reasoning_effort_levels": ["low", "high", "ultra"]}
    for own in (None, {"summary": "auto"}):
        chat = ChatOpenAI(model="new", api_key="x", profile=profile, reasoning=own)  # type: ignore[call-arg,arg-type]
        settings = CallSettings(ChatModel(chat), {"reasoning": {"summary": "detailed"}})
        sent = settings.build_call(ChatRequest("max", 20, 30)).settings or {}
        assert sent["reasoning"] == {"summary": "detailed", "effort": "ultra"}
        assert "reasoning_effort" not in sent


async def test_a_plain_model_is_told_as_a_whole() -> None:
    told: list[dict[str, Any]] = []
    await ChatModel(Plain()).ask(QUESTION, ASK, told.append)
    assert told == [{"event": "answer", "text": "73", "tokens": 0}]


@pytest.mark.parametrize(
    ("model", "ask", "reasoning"),
    [
        ("qwen3", ChatRequest("high", 100, 148), True),
        ("qwen3", ChatRequest("none", 0, 48), False),
        ("gpt-oss:20b", ChatRequest("high", 100, 148), "high"),
        ("gpt-oss:20b", ChatRequest("none", 0, 48), "low"),
    ],
)
def test_ollama(model: str, ask: ChatRequest, reasoning: Any) -> None:
    made = ChatModel(ChatOllama(model=model)).build_arguments(ask)
    assert made == {"options": {"num_ctx": 8192, "num_predict": ask.cap}, "reasoning": reasoning}


def test_a_profile_bounds_the_cap() -> None:
    model = ChatModel(ChatOpenAI(model="o4-mini", api_key="x"))  # type: ignore[call-arg,arg-type]
    assert model.build_arguments(ChatRequest("low", 200_000, 200_048))["max_completion_tokens"] == 100_000
    assert any("more than it gives" in note for note in model.notes())


ASKS = st.builds(ChatRequest, st.sampled_from(EFFORTS), st.integers(0, 10**6), st.integers(1, 10**6))


CLAUDES = {
    name: ChatModel(ChatAnthropic(model=name, api_key="x"))  # type: ignore[call-arg,arg-type]
    for name in ("claude-haiku-4-5", "claude-opus-4-5", "claude-opus-5", "claude-new")
}
GEMINIS = {
    name: ChatModel(ChatGoogleGenerativeAI(model=name, api_key="x"))  # type: ignore[call-arg,arg-type]
    for name in ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-flash-preview", "gemini-9")
}


@given(name=st.sampled_from(sorted(CLAUDES)), ask=ASKS)
def test_budgets_of_claude(name: str, ask: ChatRequest) -> None:
    model = CLAUDES[name]
    made = model.build_arguments(ask)
    most = model.chat.profile and model.chat.profile.get("max_output_tokens")
    budget = made.get("thinking", {}).get("budget_tokens")
    assert not most or made["max_tokens"] <= most
    if budget is not None:
        assert 1024 <= budget < made["max_tokens"]
        assert ask.thinks
        assert budget <= max(1024, ask.budget)
    if name == "claude-opus-5":
        assert budget is None


@given(name=st.sampled_from(sorted(GEMINIS)), ask=ASKS)
def test_levers_of_gemini(name: str, ask: ChatRequest) -> None:
    made = GEMINIS[name].build_arguments(ask)
    assert ("thinking_budget" in made) != ("reasoning_effort" in made)
    assert ("thinking_budget" in made) == ("2.5" in name)
    assert made["max_output_tokens"] <= max(65536, ask.cap)


def test_a_model_that_does_not_reason_gets_no_effort() -> None:
    model = ChatModel(ChatOpenAI(model="gpt-4o", api_key="x"))  # type: ignore[call-arg,arg-type]
    assert model.efforts == ()
    assert model.build_arguments(ASK) == {"max_completion_tokens": 148, "temperature": 0.5, "seed": 3}


def test_a_name_holds_no_password() -> None:
    assert ChatModel(Plain(), "openai:x@http://me:secret@host/v1").name == "openai:x@http://***@host/v1"


async def test_an_image_to_a_model_whose_profile_says_none() -> None:
    model = ChatModel(Plain(profile={"image_inputs": False}))
    with pytest.raises(InputError, match=r"^Plain:plain takes no images"):
        await model.ask([HumanMessage([{"type": "image", "url": "https://example.org/a.png"}])], ASK)


async def test_what_is_not_known_is_told_and_not_tried_again() -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    model = ChatModel(GenericFakeChatModel(messages=iter([])), sleep=wait)
    with pytest.raises(ChatError, match="failed"):
        await model.ask(QUESTION, ASK)
    assert waits == []


def vllm(field: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "73", field: "47+26", **more}
    return {"id": "1", "model": "q", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_the_reasoning_of_compatible_servers_is_kept(field: str) -> None:
    chat: Any = keep_reasoning(ChatOpenAI(model="q", api_key="x", base_url="http://localhost:1"))  # type: ignore[call-arg,arg-type]
    (made,) = chat._create_chat_result(vllm(field)).generations
    assert made.message.additional_kwargs["reasoning_content"] == "47+26"
    delta = {"choices": [{"index": 0, "delta": {"role": "assistant", field: "47"}, "finish_reason": None}]}
    chunk = chat._convert_chunk_to_generation_chunk(delta, AIMessageChunk, None)
    assert chunk.message.additional_kwargs["reasoning_content"] == "47"


@pytest.mark.parametrize("kind", [ChatOpenAI, AzureChatOpenAI])
def test_a_model_that_keeps_is_of_its_class_and_shares_its_clients(kind: Any) -> None:
    more = {"azure_endpoint": "https://x.example", "api_version": "2025-01-01"} if kind is AzureChatOpenAI else {}
    chat = kind(model="o4-mini", api_key="x", **more)
    kept: Any = keep_reasoning(chat)
    assert isinstance(kept, kind)
    assert type(kept).__name__ == kind.__name__
    assert kept.async_client is chat.async_client
    assert type(chat) is kind  # the caller's own is as it was
    assert keep_reasoning(kept) is kept
    assert find_adapter(kept) == find_adapter(chat)
    assert type(keep_reasoning(chat)) is type(kept)


def test_others_are_as_they_were() -> None:
    chat = Plain()
    assert keep_reasoning(chat) is chat
    assert ChatModel(chat).chat is chat
