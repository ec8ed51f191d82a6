"""The report of a finished step, beside the provider's own metadata of its message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from adaptive.agents.step.counts import METADATA_KEY
from adaptive.agents.step.effects import StepResult
from adaptive.agents.step.prompt_cache import CACHE_KEY
from adaptive.errors import AdaptiveError


def build_step_report(result: StepResult, reason: str, notes: Sequence[str]) -> dict[str, Any]:
    """Return the kept attempt, the reason of the first rung, notes and counts, in plain JSON types."""
    attempt, request = result.attempt, result.request
    verdict = attempt.verdict if attempt else None
    failed = result.reply.read_response().finish == "failed"
    return {
        "status": attempt.status if attempt else "failed" if failed else None,
        "effort": request.effort if request else None,
        "cap": request.cap if request else None,
        "accepted": verdict.accepted if verdict else None,
        "verdict": verdict.to_json() if verdict else None,
        "attempts": result.attempts,
        "reason": reason,
        "advice": result.advice,
        "notes": list(notes),
        "step": result.counts.to_json(),
        CACHE_KEY: result.cache.to_json() if result.cache else None,
    }


def attach_report(message: AIMessage, data: dict[str, Any]) -> AIMessage:
    """Return a copy of the message with our data beside the provider's."""
    return message.model_copy(update={"response_metadata": {**message.response_metadata, METADATA_KEY: data}})


def require_form(message: AIMessage) -> AIMessage:
    """Return the message of a structured answer; raise `AdaptiveError` if there is none in it."""
    report = message.response_metadata[METADATA_KEY]
    if report["status"] == "starved":
        advice = f"{report['advice']} would do" if report["advice"] else "ask for less, or with more room"
        raise AdaptiveError(f"no structured answer: thinking used up the room for it: {advice}.")
    if report["status"] == "failed":
        raise AdaptiveError(
            "no structured answer: the model's text is no whole JSON in that form, or the provider failed."
        )
    return message


def describe_step(message: AIMessage) -> dict[str, Any]:
    """Return what a span says of a step: plain values, by which traces can be searched."""
    report = message.response_metadata[METADATA_KEY]
    names = ("status", "effort", "accepted", "attempts")
    return {f"{METADATA_KEY}_{name}": report[name] for name in names if report[name] is not None}
