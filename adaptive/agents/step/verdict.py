"""Whether an agent's final answer is good enough: its form first, then the user's check or judge."""

from __future__ import annotations

import json
from typing import Any

from adaptive.chat.response import ChatResponse
from adaptive.types.attempt import Arm, Attempt, Status


def read_final_text(response: ChatResponse, structured: Any) -> str | None:
    """Return the text of a final answer; None if the step goes on with tool calls.

    A structured answer that came as a call of its own tool is final too: its arguments are the text, as JSON.
    """
    calls = response.message.tool_calls
    if not calls:
        return response.text.strip()
    return json.dumps(calls[0]["args"], default=str) if structured is not None and len(calls) == 1 else None


def is_cut_off(response: ChatResponse) -> bool:
    """Whether the cap was reached before the answer, or a tool call, was complete."""
    return response.finish == "length" and not response.message.tool_calls


def build_attempt(
    response: ChatResponse, structured: Any, *, rung: int, arm: Arm, effort: str, budget: int, failed: bool
) -> Attempt:
    """Return a response as an attempt.

    Args:
        response: The response of a call.
        structured: Its structured answer, if any.
        rung: Index of the rung on the step's ladder.
        arm: What led to the call.
        effort: The effort of the call.
        budget: Its thinking tokens.
        failed: Whether a structured answer could not be parsed.

    Returns:
        The attempt, without a verdict.
    """
    text = read_final_text(response, structured)
    status = _decide_status(response, text, failed)
    return Attempt(
        rung=rung,
        arm=arm,
        effort=effort,
        budget=budget,
        waits=0,
        answer=text if status == "answered" else None,
        text=response.text,
        thinking=response.thinking,
        status=status,
        finish="budget" if is_cut_off(response) else "natural",
        usage=response.usage,
    )


def _decide_status(response: ChatResponse, text: str | None, failed: bool) -> Status:
    if is_cut_off(response):
        return "starved"
    if failed or response.finish == "failed":
        return "failed"
    return "refused" if response.finish == "refusal" or text == "" else "answered"
