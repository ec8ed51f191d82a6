"""The graph's state: plain JSON types and messages, so that it survives a checkpointer and another process.

Keys that are ours start with `adaptive_`; only `messages` is shared with a parent graph.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.channels import EphemeralValue
from langgraph.graph import MessagesState
from langgraph.managed import RemainingSteps
from typing_extensions import TypedDict

from adaptive.errors import InputError
from adaptive.solver.runnables import Write
from adaptive.types.attempt import Attempt

Update = dict[str, Any]
ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user"}


class SolverOutput(MessagesState, total=False):
    """What a parent graph gets back."""

    adaptive_result: dict[str, Any]


class SolverState(SolverOutput, total=False):
    """What the nodes share. Lists are replaced whole, so that a persisted thread starts each turn afresh.

    Only samples of a vote are gathered by a reducer, for they are drawn side by side; the tally takes them out.
    `adaptive_options` is there for the first node alone, or a thread would keep them for its next question: what
    they set for this one is `adaptive_asked`. `adaptive_seconds` is how long the solve has run (`adaptive._util.deadline`),
    `adaptive_cut` what was spent by calls that were cut off, `adaptive_sent` when a vote's samples were sent, and
    `adaptive_steps` what LangGraph has left of its recursion limit.
    """

    adaptive_options: Annotated[dict[str, Any] | None, EphemeralValue]
    adaptive_asked: dict[str, Any]
    adaptive_question: str
    adaptive_session: str
    adaptive_difficulty: dict[str, Any]
    adaptive_plan: dict[str, Any]
    adaptive_stop: str
    adaptive_attempts: list[dict[str, Any]]
    adaptive_samples: Annotated[list[dict[str, Any]], operator.add]
    adaptive_sample: int
    adaptive_sent: float
    adaptive_seconds: float
    adaptive_cut: dict[str, Any] | None
    adaptive_steps: RemainingSteps


class SolverInput(TypedDict):
    """What a caller or a parent graph gives; `adaptive_options` sets options for this question alone."""

    messages: list[AnyMessage]
    adaptive_options: NotRequired[Annotated[dict[str, Any] | None, EphemeralValue]]


Node = Callable[[SolverState, Write], Awaitable[Update]]


def read_attempts(state: SolverState) -> list[Attempt]:
    """The attempts so far."""
    return [Attempt.from_json(a) for a in state["adaptive_attempts"]]


def to_chat_turns(messages: Sequence[AnyMessage]) -> list[tuple[str, str]]:
    """(role, content) pairs for the chat template; raises `InputError` for a message it cannot take.

    Few chat templates know tools, so an agent's history is told in text: what the assistant called is a line of
    its turn, what came back a user turn that names the tool, results that follow each other one turn.
    """
    for message in messages:
        if message.type not in ROLES:
            raise InputError(
                f"a {message.type!r} message cannot be solved: give user, assistant, system and tool messages."
            )
        if unread := _find_unreadable_block(message):
            raise InputError(f"a message holds {unread!r}, which a token engine cannot read: give it text.")
    turns: list[tuple[str, str]] = []
    for before, message in zip((None, *messages), messages, strict=False):
        if message.type == "tool" and before is not None and before.type == "tool":
            turns[-1] = ("user", f"{turns[-1][1]}\n\n{_message_to_text(message)}")
        else:
            turns.append((ROLES[message.type], _message_to_text(message)))
    return turns


def _message_to_text(message: AnyMessage) -> str:
    """What a message says, as text."""
    text = str(message.text)
    if isinstance(message, ToolMessage):
        return f"Result of {message.name or 'the tool'}:\n{text}"
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    called = [f"Called {call['name']}({json.dumps(call['args'], default=str)})" for call in calls]
    return "\n".join([text, *called] if text else called) if called else text


def get_last_question(messages: Sequence[AnyMessage]) -> str:
    """The text of the last user message; raises `InputError` if there is none or it is blank."""
    text = next((str(m.text) for m in reversed(messages) if m.type == "human"), "")
    if not text.strip():
        raise InputError("the question is empty: give some text to solve.")
    return text


def _find_unreadable_block(message: AnyMessage) -> str:
    """The kind of the first content block that is no text; an assistant's own thinking is left out unsaid."""
    blocks = message.content if isinstance(message.content, list) and message.type != "ai" else []
    kinds = ("text" if isinstance(b, str) else str(b.get("type")) for b in blocks)
    return next((kind for kind in kinds if kind != "text"), "")
