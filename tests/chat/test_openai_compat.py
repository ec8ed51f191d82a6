"""What servers that speak OpenAI's format report, read without losing the answer beside it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from openai.types.chat import ChatCompletion

from adaptive.chat.openai_compat import keep_reasoning
from adaptive.chat.response import read_response

USAGES = (
    {"prompt_tokens": "5", "completion_tokens": "many", "total_tokens": 8},
    {"prompt_tokens": 1e300, "completion_tokens": 2.5, "total_tokens": 3},
    {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": {}},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "completion_tokens_details": "none"},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8,
     "completion_tokens_details": {"reasoning_tokens": "one"}},
    [],
    "8",
)  # fmt: skip
CHAT: Any = keep_reasoning(ChatOpenAI(model="gpt-5", api_key="k"))  # type: ignore[arg-type]
ABOUT = {"id": "x", "created": 1, "model": "gpt-5"}


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("built", [True, False])
def test_usage_that_cannot_be_read_loses_no_answer(usage: Any, built: bool) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It is 9."}}
    reply: Any = {**ABOUT, "object": "chat.completion", "choices": [choice], "usage": usage}
    if built:
        reply = ChatCompletion.model_construct(None, **reply)
    made = read_response(CHAT._create_chat_result(reply).generations[0].message)
    assert made.text == "It is 9."
    assert set(made.usage.estimated) == {"answer", "prompt"}
    assert made.usage.thinking is None


class ChatDeepSeek(BaseChatOpenAI):
    """By its name, as the class of langchain-deepseek."""


def test_deepseek_gets_the_reasoning_of_tool_calls_back_and_of_no_other_turn() -> None:
    call = {"name": "look_up", "args": {"word": "x"}, "id": "1"}
    thought = {"reasoning_content": "so"}
    messages = [
        HumanMessage("?"),
        AIMessage("!", additional_kwargs=thought),
        HumanMessage("?"),
        AIMessage("", tool_calls=[call], additional_kwargs=thought),
        ToolMessage("y", tool_call_id="1"),
    ]
    theirs = {"base_url": "https://api.deepseek.com/v1"}
    for kind, more, back in ((ChatDeepSeek, {}, "so"), (ChatOpenAI, theirs, "so"), (ChatOpenAI, {}, None)):
        chat: Any = keep_reasoning(kind(model="m", api_key="k", **more))  # type: ignore[arg-type]
        sent = chat._get_request_payload(messages)["messages"]
        assert [message.get("reasoning_content") for message in sent] == [None, None, None, back, None]


@pytest.mark.parametrize("usage", USAGES)
def test_nor_does_it_in_a_stream(usage: Any) -> None:
    reply = {**ABOUT, "object": "chat.completion.chunk", "choices": [], "usage": usage}
    chunk = CHAT._convert_chunk_to_generation_chunk(reply, AIMessageChunk, None)
    assert chunk is None or read_response(chunk.message).usage.estimated
