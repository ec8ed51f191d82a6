"""docs/several-agents.md: a solver below a supervisor, in a swarm, and beside `Send`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import langchain.chat_models
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from tests.docs.blocks import ROOT, run

pytest.importorskip("langgraph_supervisor")
pytest.importorskip("langgraph_swarm")


class Delegating(BaseChatModel):
    """Hands each question to maths, and repeats what comes back."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        assert [tool.name for tool in tools] == ["transfer_to_maths"]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if isinstance(messages[-1], HumanMessage):
            call = {"name": "transfer_to_maths", "args": {}, "id": f"call-{len(messages)}", "type": "tool_call"}
            return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])
        answer = next(message.text for message in reversed(messages) if message.name == "maths")
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"Maths says {answer}"))])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::langgraph.warnings.LangGraphDeprecationWarning")
def test_what_it_shows_works(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(langchain.chat_models, "init_chat_model", lambda spec: Delegating())
    shown = run(ROOT / "docs" / "several-agents.md")
    names, swarm, sums = capsys.readouterr().out.splitlines()
    assert "maths" in names
    assert swarm == "\\boxed{73} assistant"
    assert sums == "['63', '73'] ['63', '73']"
    later = shown["swarm"].invoke({"messages": [("user", "What is 9 * 7?")]}, shown["thread"])
    handed = [call["name"] for message in later["messages"] for call in getattr(message, "tool_calls", ())]
    assert handed == ["transfer_to_maths"] * 2, "the next turn began with the assistant"
    assert later["messages"][-1].name == "maths"
