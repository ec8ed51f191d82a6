"""A reasoning model of our own, scripted: what it thinks depends on effort and question, and its cap is kept."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

THINKS = {"low": 100, "medium": 400, "high": 1600}
ANSWER = 10
"""Tokens of an answer or a tool call."""


class ToyReasoner(BaseChatModel):
    """Answers `answers[effort]`, or calls `tool` once before that; starves where its thinking fills the cap.

    thinks: thinking tokens by effort. fails: raised by the call of that number, counted from 1. calls: what each
    call was given.
    """

    answers: Mapping[str, str] = Field(default_factory=dict)
    thinks: Mapping[str, int] = Field(default_factory=lambda: dict(THINKS))
    tool: ToolCall | None = None
    fails: Mapping[int, Exception] = Field(default_factory=dict)
    model_name: str = "toy"
    calls: list[dict[str, Any]] = Field(default_factory=list)

    model_config = {"arbitrary_types_allowed": True}

    @property
    def _llm_type(self) -> str:
        return "toy"

    def bind_tools(self, tools: Any, *, tool_choice: Any = None, **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools], **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        reasoning_effort: str = "low",
        max_tokens: int = 100_000,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with _LOCK:
            self.calls.append({"effort": reasoning_effort, "cap": max_tokens, **kwargs})
            number = len(self.calls)
        if number in self.fails:
            raise self.fails[number]
        for part in self._parts(messages, reasoning_effort, max_tokens):
            chunk = ChatGenerationChunk(message=part)
            if run_manager:
                run_manager.on_llm_new_token(part.text, chunk=chunk)
            yield chunk

    def _parts(self, messages: list[BaseMessage], effort: str, cap: int) -> Iterator[AIMessageChunk]:
        thought = min(self.thinks[effort], cap)
        room = min(ANSWER, cap - thought)
        yield AIMessageChunk(content=[{"type": "reasoning", "reasoning": "hm", "index": 0}])
        if room == ANSWER:
            yield self._said(messages, effort)
        yield AIMessageChunk(
            content=[],
            chunk_position="last",
            response_metadata={"finish_reason": "stop" if room == ANSWER else "length", "model_name": "toy"},
            usage_metadata={
                "input_tokens": 7,
                "output_tokens": thought + room,
                "total_tokens": 7 + thought + room,
                "output_token_details": {"reasoning": thought},
            },
        )

    def _said(self, messages: list[BaseMessage], effort: str) -> AIMessageChunk:
        asks = self.tool is not None and messages[-1].type == "human"
        if asks and self.tool is not None:
            call = {
                "name": self.tool["name"],
                "args": json.dumps(self.tool["args"]),
                "id": self.tool["id"],
                "index": 1,
            }
            return AIMessageChunk(content=[], tool_call_chunks=[{**call, "type": "tool_call_chunk"}])
        text = self.answers.get(effort, effort)
        return AIMessageChunk(content=[{"type": "text", "text": text, "index": 1}])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        parts = [chunk.message for chunk in self._stream(messages, stop, **kwargs)]
        full = sum(parts[1:], start=parts[0])
        plain = full.model_dump(exclude={"type", "tool_call_chunks", "chunk_position"})
        return ChatResult(generations=[ChatGeneration(message=AIMessage(**plain))])


_LOCK = threading.Lock()


def toy(**fields: Any) -> ToyReasoner:
    """A toy that LangChain knows to think at three efforts; of its own name, by which refusals are remembered."""
    known = {"reasoning_output": True, "reasoning_effort_levels": list(THINKS), **fields.pop("profile", {})}
    return ToyReasoner(**{"profile": known, "model_name": f"toy-{uuid.uuid4().hex}", **fields})
