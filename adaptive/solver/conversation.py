"""Reads a conversation: its question, its shape, and the turns of a token engine's prompt.

The question is the last user message, and the prompt ends with it. What came after it, such as the results of
tools, stands before it in the same turn.

Few chat templates know tools, so calls and results become text. Calls that only hand the conversation to another
agent, and their results, are left out: a small model would take "Result of transfer_to_maths" for its question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall, ToolMessage

from adaptive._util.thinking_tags import split_thinking
from adaptive.errors import InputError
from adaptive.types.conversation import ALONE, ConversationShape

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user"}
HANDOFF_DESTINATION = "__handoff_destination"
"""The agent's name in the `response_metadata` of langgraph-supervisor's hand-offs; their tool may have any name.

langgraph-swarm marks no message, and a hand-off back has no destination there: their tools have a fixed prefix.
"""

_HANDOFF_TOOL = re.compile(r"transfer_(?:back_)?to_(?P<agent>.+)")
_HANDOFF_SENTENCE = re.compile(
    r"(?:successfully )?transferr(?:ed|ing) (?:back )?to (?P<agent>\S.*?)\.?", re.IGNORECASE
)

Turn = tuple[str, str]


def get_last_question(messages: Sequence[AnyMessage]) -> str:
    """Return the text of the last user message; raises `InputError` if there is none or it is blank."""
    if not messages:
        raise InputError(
            "there are no messages: the question is the last user message in `messages`, a key that a parent "
            "graph needs in its state."
        )
    text = find_question(messages)
    if not text.strip():
        raise InputError("the question is empty: give some text to solve.")
    return text


def find_question(messages: Sequence[AnyMessage]) -> str:
    """Return the text of the last user message; "" if there is none."""
    return next((str(m.text) for m in reversed(messages) if m.type == "human"), "")


def to_chat_turns(messages: Sequence[AnyMessage], *, history: bool = True) -> list[Turn]:
    """Return (role, content) pairs for a chat template; the last one ends with the question.

    A call is a line of the assistant's turn, and a result is text of the user's that names the tool. Turns of the
    same role in a row are one, since many templates demand that roles alternate.

    Args:
        messages: The conversation.
        history: Whether the turns before the question are kept; system messages always are.

    Raises:
        InputError: A token engine cannot read a message.
    """
    for message in messages:
        _check_readable(message)
    parts = _read_parts(messages)
    at = max((i for i, part in enumerate(parts) if part.is_question), default=len(parts))
    before, question, after = parts[:at], parts[at : at + 1], parts[at + 1 :]
    before = before if history else [part for part in before if part.role == "system"]
    systems = [part for part in after if part.role == "system"]
    evidence = [part.as_evidence() for part in after if part.role != "system"]
    return _join_turns([*(p.to_turn() for p in (*before, *systems)), *evidence, *(p.to_turn() for p in question)])


def read_shape(messages: Sequence[AnyMessage], *, keeps_handoffs: bool = False) -> ConversationShape:
    """Return the shape of a conversation.

    Args:
        messages: The conversation.
        keeps_handoffs: Whether the model sees hand-offs too. A token engine does not (`to_chat_turns`).
    """
    if len(messages) == 1 and isinstance(messages[0], HumanMessage):
        return ALONE  # what most solves are, asked at every node
    parts = [_Part.of(m) for m in messages] if keeps_handoffs else _read_parts(messages)
    users = sum(part.is_question for part in parts)
    return ConversationShape(
        system=any(part.role == "system" for part in parts),
        history=users > 1 or any(part.role == "assistant" and (part.text or not part.calls) for part in parts),
        tools=any(part.calls or isinstance(part.message, ToolMessage) for part in parts),
    )


@dataclass(frozen=True)
class _Part:
    """What a prompt says of one message. calls: the tool calls that are kept."""

    message: AnyMessage
    text: str
    calls: tuple[ToolCall, ...] = ()

    @classmethod
    def of(cls, message: AnyMessage) -> _Part:
        if isinstance(message, AIMessage):  # a thought of an earlier turn is not sent again
            return cls(message, split_thinking(str(message.text))[1], tuple(message.tool_calls))
        return cls(message, str(message.text))

    @property
    def role(self) -> str:
        return ROLES.get(self.message.type, "assistant")  # others, which chat models may take, are no question

    @property
    def is_question(self) -> bool:
        return self.message.type == "human"

    def to_turn(self) -> Turn:
        if isinstance(self.message, ToolMessage):
            return self.role, f"Result of {self.message.name or 'the tool'}:\n{self.text}"
        called = [f"Called {call['name']}({json.dumps(call['args'], default=str)})" for call in self.calls]
        return self.role, "\n".join([self.text, *called] if self.text else called) if called else self.text

    def as_evidence(self) -> Turn:
        """Return the turn of a message after the question: text of the user's, before the question."""
        content = self.to_turn()[1]
        return "user", f"Reply so far:\n{content}" if self.role == "assistant" and self.text else content


def _join_turns(turns: Sequence[Turn]) -> list[Turn]:
    """Join turns of the same role in a row, but leave system messages as they are."""
    joined: list[Turn] = []
    for role, group in groupby(turns, key=lambda turn: turn[0]):
        texts = [text for _, text in group]
        joined += [(role, text) for text in (texts if role == "system" else ["\n\n".join(filter(None, texts))])]
    return joined


def _read_parts(messages: Sequence[AnyMessage]) -> list[_Part]:
    """Return what a prompt says of the messages, without pure hand-offs.

    A hand-off is pure if nothing would be lost: the call has no arguments, and its result says no more than that
    the conversation was transferred to that agent. A message is dropped only if nothing is left of it.
    """
    names = {call["id"]: call["name"] for m in messages if isinstance(m, AIMessage) for call in m.tool_calls}
    results = [(m, _is_pure_result(m, names)) for m in messages if isinstance(m, ToolMessage)]
    pure = {id(m) for m, is_pure in results if is_pure}
    confirmed = {m.tool_call_id for m, is_pure in results if is_pure}
    real = {m.tool_call_id for m, is_pure in results if not is_pure}
    parts: list[_Part] = []
    for message in messages:
        part = _Part.of(message)
        if isinstance(message, AIMessage):
            handoffs = [c for c in part.calls if _is_pure_call(c, confirmed, real)]
            if handoffs:
                agents = {agent for call in handoffs if (agent := _find_agent(call["name"], message))}
                text = "" if _names_agent(part.text, agents) else part.text
                part = _Part(message, text, tuple(call for call in part.calls if call not in handoffs))
                if not part.text and not part.calls:
                    continue
        if id(message) not in pure:
            parts.append(part)
    return parts


def _is_pure_result(message: ToolMessage, names: Mapping[str | None, str]) -> bool:
    agent = _find_agent(message.name or names.get(message.tool_call_id, ""), message)
    return message.status != "error" and agent is not None and _names_agent(str(message.text), {agent})


def _is_pure_call(call: ToolCall, confirmed: set[str], real: set[str]) -> bool:
    if call["args"] or call["id"] in real:
        return False
    return call["id"] in confirmed or _HANDOFF_TOOL.fullmatch(call["name"]) is not None


def _find_agent(tool: str, message: AnyMessage) -> str | None:
    """Return the normalised name of the agent that a hand-off goes to; None if the tool makes none."""
    marked = message.response_metadata.get(HANDOFF_DESTINATION)
    if isinstance(marked, str):
        return _normalise(marked)
    matched = _HANDOFF_TOOL.fullmatch(tool)
    return _normalise(matched["agent"]) if matched else None


def _names_agent(text: str, agents: set[str]) -> bool:
    """Whether a text says that the conversation was transferred to one of these agents, and nothing else."""
    matched = _HANDOFF_SENTENCE.fullmatch(text.strip())
    return matched is not None and _normalise(matched["agent"]) in agents


def _normalise(agent: str) -> str:
    """Return an agent's name as both packages write it into the name of a tool."""
    return re.sub(r"\s+", "_", agent.strip()).lower()


def _check_readable(message: AnyMessage) -> None:
    """Raise `InputError` for a message that a token engine cannot read. An assistant's own thinking is ignored."""
    if message.type not in ROLES:
        raise InputError(
            f"a {message.type!r} message cannot be solved: give user, assistant, system and tool messages."
        )
    blocks = message.content if isinstance(message.content, list) and message.type != "ai" else []
    kinds = ("text" if isinstance(b, str) else str(b.get("type")) for b in blocks)
    if unread := next((kind for kind in kinds if kind != "text"), ""):
        raise InputError(f"a message holds {unread!r}, which a token engine cannot read: give it text.")
