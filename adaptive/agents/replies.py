"""What a call of LangChain's agents brought, as a step's reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import StructuredOutputError
from langchain_core.messages import AIMessage

from adaptive.agents.jobs import Reply
from adaptive.chat.cut_form import cut_form


def replied(response: ModelResponse[Any], seconds: float) -> Reply:
    """The reply in a response."""
    return Reply(_message(response.result), None, seconds, response.structured_response, response)


def failed(error: Exception, seconds: float) -> Reply:
    """The reply of a call that failed; a structured answer that could not be read, or was cut, has its message."""
    message = error.ai_message if isinstance(error, StructuredOutputError) else cut_form(error)
    return Reply(message, error, seconds)


def _message(messages: Sequence[Any]) -> AIMessage | None:
    """The model's message among those that a call brought; None where there is none."""
    return next((m for m in messages if isinstance(m, AIMessage)), None)
