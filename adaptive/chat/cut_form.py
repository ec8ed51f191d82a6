"""A structured answer that its cap cut: OpenAI's client raises that, with what was spent, and gives no message."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import OutputTokenDetails, UsageMetadata

from adaptive.chat.raised import names


def cut_form(error: BaseException) -> AIMessage | None:
    """The message of such a call, without text, for half a form is none; None for another error."""
    completion = getattr(error, "completion", None)
    if "LengthFinishReasonError" not in names(error) or completion is None:
        return None
    said = {"finish_reason": "length", "model_name": completion.model}
    return AIMessage("", response_metadata=said, usage_metadata=_usage(completion.usage))


def _usage(usage: Any) -> UsageMetadata | None:
    """What was spent; None where the server does not say."""
    if usage is None:
        return None
    details = usage.completion_tokens_details
    thought = None if details is None else details.reasoning_tokens
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        output_token_details=OutputTokenDetails() if thought is None else OutputTokenDetails(reasoning=thought),
    )
