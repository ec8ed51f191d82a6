"""What the graph takes for a question, and what it refuses before anything is paid for."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from adaptive import build_solver
from adaptive.errors import InputError
from tests.scripted import ScriptedEngine
from tests.solving import SURE, PureEngine, boxed, profile

ONLY_BLANK = [HumanMessage(" \n\t ")]
TOOL = [HumanMessage("2+2?"), ToolMessage("4", tool_call_id="1")]
IMAGE = [
    HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image", "url": "https://x.org/a.png"}])
]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "the question is empty"),
        ([HumanMessage("")], "the question is empty"),
        (ONLY_BLANK, "the question is empty"),
        ([SystemMessage("2+2?")], "the question is empty"),
        (TOOL, "a 'tool' message cannot be solved"),
        (IMAGE, "a message holds 'image', which a token engine cannot read"),
    ],
)
async def test_what_cannot_be_a_question(messages: list[Any], said: str) -> None:
    engine = PureEngine()
    solver = build_solver(engine, profile=profile())
    with pytest.raises(InputError, match=said):
        solver.invoke({"messages": messages})
    with pytest.raises(InputError, match=said):
        await solver.ainvoke({"messages": messages})
    assert engine.calls == []


def test_the_conversation_before_the_question_is_read() -> None:
    engine = ScriptedEngine([], [boxed(SURE)])
    thought = AIMessage([{"type": "reasoning", "reasoning": "secret"}, {"type": "text", "text": "It is 4."}])
    messages = [SystemMessage("Be brief."), HumanMessage("2+2?"), thought, HumanMessage("And 3+3?")]
    solver = build_solver(engine, profile=profile())
    assert solver.invoke({"messages": messages})["adaptive_result"]["question"] == "And 3+3?"
    read = engine.codec.decode(engine.calls[0].ids)
    assert all(text in read for text in ("Be brief.", "2+2?", "It is 4.", "And 3+3?"))
    assert "secret" not in read
