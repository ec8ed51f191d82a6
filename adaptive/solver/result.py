"""The result of a solve, and the messages made of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from adaptive.policy.select import explain_selection
from adaptive.types.attempt import Attempt
from adaptive.types.result import Difficulty, Result
from adaptive.types.usage import Usage

FINISH_REASONS = {"starved": "length", "refused": "refusal"}
"""A message's `finish_reason` for the outcome of an attempt; "stop" for the others."""


def build_result(
    *,
    question: str,
    attempts: Sequence[Attempt],
    selected: int,
    difficulty: dict[str, Any],
    stop: str,
    models: Sequence[str],
    profile: str,
    notes: Sequence[str],
    seed: int,
    shadow: dict[str, Any] | None = None,
    cut: Usage | None = None,
) -> Result:
    """Return the result of a solve.

    Args:
        question: The question's text.
        attempts: All attempts, in their order.
        selected: The index of the attempt whose answer is returned.
        difficulty: What the profile predicted, in plain JSON types.
        stop: Why the solve ended.
        models: The names of the solver's models.
        profile: The name of the profile.
        notes: What could not be done as asked.
        seed: The seed of the solve.
        shadow: The attempt that the policy would have begun with, if options made it begin with another.
        cut: What calls had spent that the deadline cut off; it is added to the usage.
    """
    spent = [a.usage for a in attempts] + ([cut] if cut else [])
    return Result(
        question=question,
        attempts=tuple(replace(a, trace=(), turns=()) for a in attempts),
        kept=selected,
        kept_because=explain_selection(attempts, selected),
        difficulty=Difficulty.from_json(difficulty),
        stopped=stop,
        models=tuple(models),
        profile=profile,
        notes=tuple(notes),
        usage=sum(spent[1:], spent[0]),
        seed=seed,
        shadow=shadow,
        cut=cut,
    )


def to_message(result: Result, id: str | None = None, name: str | None = None) -> AIMessage:
    """Return the kept attempt as a message: a reasoning block, the text, and the usage of the whole solve.

    Args:
        result: The result.
        id: The message's id.
        name: The name of who answers.
    """
    model, about = result.models[result.best.model], {"adaptive_attempt": result.kept}
    message = to_attempt_message(result.best, result.usage, model, id, about)
    return message.model_copy(update={"name": name}) if name else message


def to_attempt_message(
    attempt: Attempt, usage: Usage, model: str, id: str | None, metadata: dict[str, Any]
) -> AIMessage:
    """Return an attempt of `model` as a message.

    Args:
        attempt: The attempt.
        usage: The usage that the message reports.
        model: The name of the model that made it.
        id: The message's id.
        metadata: Added to the message's response metadata.
    """
    content: list[str | dict[str, Any]] = [{"type": "text", "text": attempt.text}]
    if attempt.thinking:
        content.insert(0, {"type": "reasoning", "reasoning": attempt.thinking})
    metadata = {"model_name": model, "finish_reason": FINISH_REASONS.get(attempt.outcome, "stop"), **metadata}
    return AIMessage(content=content, id=id, response_metadata=metadata, usage_metadata=to_usage_metadata(usage))


def to_usage_metadata(usage: Usage) -> UsageMetadata:
    """Return the usage in LangChain's terms: all tokens that are not the prompt's are output."""
    counted = OutputTokenDetails() if usage.thinking is None else OutputTokenDetails(reasoning=usage.thinking)
    return UsageMetadata(
        input_tokens=usage.prompt,
        output_tokens=usage.output,
        total_tokens=usage.total,
        input_token_details=InputTokenDetails(cache_read=usage.cached, cache_creation=usage.written),
        output_token_details=counted,
    )
