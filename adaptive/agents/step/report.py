"""What is said of a step that is over, beside the provider's own metadata of its message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import KEY
from adaptive.agents.step.effects import Done


def report(done: Done, reason: str, notes: Sequence[str]) -> dict[str, Any]:
    """The kept attempt, why the step began as it did, what was mapped and what it all took; plain JSON types."""
    attempt, ask = done.attempt, done.ask
    verdict = attempt.verdict if attempt else None
    return {
        "status": attempt.status if attempt else None,
        "effort": ask.effort if ask else None,
        "cap": ask.cap if ask else None,
        "accepted": verdict.accepted if verdict else None,
        "verdict": verdict.to_json() if verdict else None,
        "attempts": done.attempts,
        "reason": reason,
        "advice": done.advice,
        "notes": list(notes),
        "step": done.counts.to_json(),
    }


def marked(message: AIMessage, data: dict[str, Any]) -> AIMessage:
    """A copy of the message with our data beside the provider's."""
    return message.model_copy(update={"response_metadata": {**message.response_metadata, KEY: data}})
