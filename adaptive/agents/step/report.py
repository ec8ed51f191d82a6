"""What is said of a step that is over, beside the provider's own metadata of its message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import METADATA_KEY
from adaptive.agents.step.effects import StepResult


def build_step_report(result: StepResult, reason: str, notes: Sequence[str]) -> dict[str, Any]:
    """The kept attempt, why the step began as it did, what was mapped and what it all took; plain JSON types."""
    attempt, ask = result.attempt, result.request
    verdict = attempt.verdict if attempt else None
    return {
        "status": attempt.status if attempt else None,
        "effort": ask.effort if ask else None,
        "cap": ask.cap if ask else None,
        "accepted": verdict.accepted if verdict else None,
        "verdict": verdict.to_json() if verdict else None,
        "attempts": result.attempts,
        "reason": reason,
        "advice": result.advice,
        "notes": list(notes),
        "step": result.counts.to_json(),
    }


def attach_report(message: AIMessage, data: dict[str, Any]) -> AIMessage:
    """A copy of the message with our data beside the provider's."""
    return message.model_copy(update={"response_metadata": {**message.response_metadata, METADATA_KEY: data}})
