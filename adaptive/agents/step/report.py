"""The report of a finished step, beside the provider's own metadata of its message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import METADATA_KEY
from adaptive.agents.step.effects import StepResult


def build_step_report(result: StepResult, reason: str, notes: Sequence[str]) -> dict[str, Any]:
    """Return the kept attempt, the reason of the first rung, notes and counts, in plain JSON types."""
    attempt, request = result.attempt, result.request
    verdict = attempt.verdict if attempt else None
    return {
        "status": attempt.status if attempt else None,
        "effort": request.effort if request else None,
        "cap": request.cap if request else None,
        "accepted": verdict.accepted if verdict else None,
        "verdict": verdict.to_json() if verdict else None,
        "attempts": result.attempts,
        "reason": reason,
        "advice": result.advice,
        "notes": list(notes),
        "step": result.counts.to_json(),
    }


def attach_report(message: AIMessage, data: dict[str, Any]) -> AIMessage:
    """Return a copy of the message with our data beside the provider's."""
    return message.model_copy(update={"response_metadata": {**message.response_metadata, METADATA_KEY: data}})
