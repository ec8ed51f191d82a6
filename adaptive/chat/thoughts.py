"""Where the thinking is in a message: blocks, a field beside the content, or tags in the text."""

from __future__ import annotations

from langchain_core.messages import AIMessage

OPEN, CLOSE = "<think>", "</think>"


def reasoned(message: AIMessage) -> str:
    """The reasoning, or its summary, that stands apart from the text: "" where the provider hides it."""
    blocks = [str(b.get("reasoning") or "") for b in message.content_blocks if b["type"] == "reasoning"]
    if any(blocks):
        return "\n".join(filter(None, blocks))
    for field in ("reasoning_content", "reasoning"):
        beside = message.additional_kwargs.get(field)
        if isinstance(beside, str) and beside:
            return beside
    return ""


def split(text: str) -> tuple[str, str]:
    """Thinking and answer of a text that opens with thinking in tags: of a server without a reasoning parser.

    Only tags at the very beginning count: an answer may speak of them.
    """
    start = text.lstrip()
    if not start.startswith(OPEN):
        return "", text
    thinking, _, answer = start[len(OPEN) :].partition(CLOSE)
    return thinking.strip(), answer.lstrip()
