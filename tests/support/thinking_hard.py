"""An agent's model that asks our tool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


def build_call(args: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """Return a call of the tool."""
    return {"name": "think_hard", "args": args, "id": f"call-{number}", "type": "tool_call"}


class ToolCaller(BaseChatModel):
    """Asks the tool all `questions` at once in each turn, and then answers with its results."""

    questions: Sequence[str]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        assert [t.name for t in tools] == ["think_hard"]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        turn = max(place for place, m in enumerate(messages) if m.type == "human")
        results = [m for m in messages[turn:] if isinstance(m, ToolMessage)]
        calls = [build_call({"question": q}, i) for i, q in enumerate(self.questions)]
        reply = AIMessage(", ".join(str(m.content) for m in results), tool_calls=[] if results else calls)
        return ChatResult(generations=[ChatGeneration(message=reply)])
