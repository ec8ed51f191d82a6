"""A scripted judge, and its opinions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

SPENT = {"input_tokens": 120, "output_tokens": 17, "total_tokens": 137}


class ScriptedJudge(BaseChatModel):
    """Answers with `reply`, raises it, or never answers if it is None; `received` is what it read."""

    reply: Any = None
    received: list[Any] = []

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("a judge is awaited")

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.received.append(messages)
        if self.reply is None:
            await asyncio.Event().wait()
        if isinstance(self.reply, BaseException):
            raise self.reply
        return ChatResult(generations=[ChatGeneration(message=self.reply)])


def opinion(correct: Any, reason: Any = "It adds up.", usage: Any = SPENT) -> AIMessage:
    """Return the message of a judge: how likely the answer is correct, and why."""
    call = {"name": "Opinion", "args": {"correct": correct, "reason": reason}, "id": "1"}
    return AIMessage("", tool_calls=[call], usage_metadata=usage)
