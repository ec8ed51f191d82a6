"""The result object, as `--json` prints it and the graph returns it, and the message made of the kept attempt.

Fields may be added, never renamed or dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from adaptive.policy.arms import is_refused
from adaptive.policy.select import explain_selection
from adaptive.types.attempt import Attempt, Status
from adaptive.types.usage import Usage

FINISH_REASONS = {"starved": "length", "refused": "refusal"}
"""What a message's `finish_reason` says of a status; of the others "stop"."""


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
) -> dict[str, Any]:
    """Everything about one solve, in plain JSON types; `kept` is the index of the attempt that is the answer.

    shadow: what the policy would have begun with, where the caller's options made it begin with something else.
    cut: what was spent by calls that were cut off when the time was up; the usage has it too.
    """
    answer = attempts[selected]
    accepted = bool(answer.verdict and answer.verdict.accepted)
    usage = sum((*(a.usage for a in attempts[1:]), *([cut] if cut else [])), attempts[0].usage)
    return {
        "question": question,
        "answer": answer.answer,
        "text": answer.text,
        "status": get_attempt_status(answer),
        "accepted": accepted,
        "model": models[0],
        "profile": profile,
        "difficulty": difficulty,
        "rung": answer.rung,
        "kept": selected,
        "kept_because": explain_selection(attempts, selected),
        "notes": list(notes),
        "reason": attempts[0].reason,
        "stopped": stop,
        "attempts": [_build_attempt_json(a, models) for a in attempts],
        "usage": usage.to_json(),
        "seed": seed,
        **({"shadow": shadow} if shadow else {}),
        **({"cut": cut.to_json()} if cut else {}),
    }


def get_attempt_status(attempt: Attempt) -> Status:
    """How an attempt ended, as a caller is told: one that gives no answer in words is refused."""
    return "refused" if is_refused(attempt) else attempt.status


def _build_attempt_json(attempt: Attempt, models: Sequence[str]) -> dict[str, Any]:
    """An attempt without its token ids and turns, which only escalation needs, and with its model by name."""
    data = {**attempt.to_json(), "model": models[attempt.model]}
    return {key: value for key, value in data.items() if key not in ("trace", "turns")}


def to_message(attempt: Attempt, result: dict[str, Any], id: str | None = None) -> AIMessage:
    """The kept attempt as a message with an id: a reasoning block, the text, the usage of the whole solve."""
    writer = result["attempts"][result["kept"]]["model"]
    return to_attempt_message(attempt, result["usage"], writer, id, {"adaptive_attempt": result["kept"]})


def to_attempt_message(
    attempt: Attempt, usage: dict[str, Any], model: str, id: str | None, about: dict[str, Any]
) -> AIMessage:
    """An attempt of `model` as a message; `about` is added to its metadata."""
    content: list[str | dict[str, Any]] = [{"type": "text", "text": attempt.text}]
    if attempt.thinking:
        content.insert(0, {"type": "reasoning", "reasoning": attempt.thinking})
    metadata = {
        "model_name": model,
        "finish_reason": FINISH_REASONS.get(get_attempt_status(attempt), "stop"),
        **about,
    }
    return AIMessage(content=content, id=id, response_metadata=metadata, usage_metadata=to_usage_metadata(usage))


def to_usage_metadata(usage: dict[str, Any]) -> UsageMetadata:
    """The usage in LangChain's words: all that was generated or injected is output."""
    output = usage["total"] - usage["prompt"]
    return UsageMetadata(
        input_tokens=usage["prompt"],
        output_tokens=output,
        total_tokens=usage["total"],
        input_token_details=InputTokenDetails(cache_read=usage["cached"]),
        output_token_details=OutputTokenDetails(reasoning=usage["thinking"]),
    )
