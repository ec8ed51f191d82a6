"""Chat models that leave their thinking in the text: how their replies begin is learned, and streams follow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from adaptive import build_solver
from adaptive.chat.model import ChatModel
from adaptive.chat.providers import find_adapter
from adaptive.chat.request import ChatRequest

ASK = ChatRequest("medium", 100, 148)
QUESTION = [HumanMessage("What is 47 + 26?")]
OPENED = "It is \\boxed{5}?\n</think>\n\n\\boxed{73}"


class Talking(BaseChatModel):
    """Writes its replies in turn, character by character."""

    replies: list[str]
    finish: str = "stop"

    @property
    def _llm_type(self) -> str:
        return "talking"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **given: Any) -> ChatResult:
        message = AIMessage(self.replies.pop(0), response_metadata={"finish_reason": self.finish})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **given: Any) -> Iterator[Any]:
        for character in self.replies.pop(0):
            yield ChatGenerationChunk(message=AIMessageChunk(character))
        end = AIMessageChunk("", response_metadata={"finish_reason": self.finish})
        yield ChatGenerationChunk(message=end)


async def told(model: ChatModel) -> tuple[list[str], list[str], str, str]:
    """The texts that a call told of as thinking and as answer, and those of its response."""
    events: list[dict[str, Any]] = []
    turn = await model.ask(QUESTION, ASK, events.append)
    thinking, answer = ([e["text"] for e in events if e["event"] == kind] for kind in ("thinking", "answer"))
    return thinking, answer, turn.thinking, turn.text


async def test_a_model_whose_template_opens_the_thinking_streams_it_from_the_second_reply_on() -> None:
    model = ChatModel(Talking(replies=[OPENED, OPENED]), "talking")
    pieces = []
    for _ in range(2):
        thinking, answer, *whole = await told(model)
        assert whole == ["It is \\boxed{5}?", "\\boxed{73}"] == ["".join(thinking), "".join(answer)]
        pieces.append(len(thinking))
    assert pieces[0] == 1
    assert pieces[1] > 10


async def test_a_model_that_only_answers_streams_it_from_the_second_reply_on() -> None:
    model = ChatModel(Talking(replies=["It is 73."] * 2), "talking")
    _, first, *_ = await told(model)
    _, second, thinking, text = await told(model)
    assert (len(first), len(second), thinking, text) == (1, 9, "", "It is 73.")


async def test_the_replies_of_a_model_that_does_both_are_held_back_and_right() -> None:
    model = ChatModel(Talking(replies=["It is 73.", OPENED, "It is 73.", OPENED]), "talking")
    await told(model)
    thinking, _, *whole = await told(model)  # it had only answered so far
    assert whole == ["It is \\boxed{5}?", "\\boxed{73}"]
    for expected in (["", "It is 73."], ["It is \\boxed{5}?", "\\boxed{73}"]):
        thinking, answer, *whole = await told(model)
        assert whole == expected == ["".join(thinking), "".join(answer)]


async def test_thinking_that_was_cut_off_before_its_end_is_no_answer() -> None:
    model = ChatModel(Talking(replies=[OPENED, "It is \\boxed{5}, or"]), "talking")
    await told(model)
    model.chat.finish = "length"  # type: ignore[attr-defined]
    assert (await told(model))[2:] == ("It is \\boxed{5}, or", "")


@pytest.mark.parametrize(
    "reply",
    [
        OPENED,
        "<think>\\boxed{5}</think>\\boxed{73}",
        "[THINK]\\boxed{5}[/THINK]\\boxed{73}",
        "<reasoning>\\boxed{5}</reasoning><answer>\\boxed{73}</answer>",
        "<think>\\boxed{5}</think><think>\\boxed{6}</think>\\boxed{73}",
        "<|channel|>analysis<|message|>\\boxed{5}<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{73}",
        "analysisIt is \\boxed{5}?assistantfinal\\boxed{73}",
    ],
)
def test_a_boxed_number_in_the_thoughts_is_not_the_answer(reply: str) -> None:
    state = build_solver(Talking(replies=[reply])).invoke({"messages": QUESTION})
    (attempt,) = state["adaptive_result"]["attempts"]
    assert (attempt["answer"], attempt["text"]) == ("73", "\\boxed{73}")
    assert "\\boxed{5}" in attempt["thinking"]
    assert attempt["usage"]["thinking"] is None  # it is not counted apart


@pytest.mark.parametrize(
    ("chat", "separates"),
    [
        (ChatOpenAI(model="o4-mini", api_key="x"), True),
        (ChatOpenAI(model="o4-mini", api_key="x", base_url="https://api.openai.com/v1"), True),
        (ChatOpenAI(model="qwen3", api_key="x", base_url="http://localhost:8000/v1"), False),
        (AzureChatOpenAI(model="o4-mini", api_key="x", azure_endpoint="https://x.org", api_version="1"), True),
        (ChatAnthropic(model="claude-sonnet-4-6", api_key="x"), True),
        (ChatGoogleGenerativeAI(model="gemini-2.5-pro", api_key="x"), True),
        (Talking(replies=[]), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_which_providers_leave_no_thinking_in_the_text(chat: Any, separates: bool) -> None:
    assert find_adapter(chat).separates_thinking(chat) is separates
