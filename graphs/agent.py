"""A tool-calling agent whose model calls are adaptive, for LangGraph's server: `langgraph.json` names this file.

Its tool `think_hard` is the solver, set by the environment as in `solve.py` and by the context of a run.
ADAPTIVE_AGENT_MODEL names the chat model that plans and calls the tool, such as `openai:o4-mini`, with an effort
for each step (`AdaptiveThinkingMiddleware`). Without it nothing plans, so that the graph runs offline: each
question goes to the tool as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from adaptive.agents import AdaptiveThinkingMiddleware, adaptive_tool
from adaptive.chat.registry import open_chat_model
from adaptive.solver.environment import read_env_settings, read_env_text
from adaptive.types.options import SolverContext

TOOL = "think_hard"


class PassToTool(BaseChatModel):
    """A chat model that passes the last question to the tool, and returns what the tool returned."""

    @property
    def _llm_type(self) -> str:
        return "pass-to-tool"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Return itself: it always calls the one tool."""
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        call = {"name": TOOL, "args": {"question": str(last.text)}, "id": f"call-{len(messages)}"}
        message = AIMessage(str(last.text)) if last.type == "tool" else AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


tool = adaptive_tool(read_env_text("MODEL") or "embedded", name=TOOL, **read_env_settings())
planner = open_chat_model(spec).chat if (spec := read_env_text("AGENT_MODEL")) else PassToTool()
graph = create_agent(planner, [tool], middleware=[AdaptiveThinkingMiddleware()], context_schema=SolverContext)
