"""Whether an agent's final answer is good enough: its form first, then the user's check or judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive.chat.response import ChatResponse
from adaptive.types.attempt import Arm, Attempt, Status
from adaptive.types.policy import Policy
from adaptive.types.verdict import Verdict
from adaptive.verify import All, Verifier, build_verifier
from adaptive.verify.base import UNKNOWN


@dataclass(frozen=True)
class CompleteAnswer:
    """Accepts any complete answer.

    Unlike `Rules` it does not read the words: an agent that says what it cannot do has answered.
    """

    name: str = "rules"

    async def verify(self, question: str, attempt: Attempt, others: Sequence[Attempt]) -> Verdict:
        """Reject an attempt without a complete answer."""
        if attempt.status != "answered":
            return Verdict(False, 0.0, self.name, f"the answer is not whole: {attempt.status}")
        return Verdict(True, UNKNOWN, self.name, "the answer is whole")


def build_answer_verifier(check: Verifier | None, judge: Verifier | None) -> Verifier:
    """Return a verifier of the form, then the check; then the judge, if the check cannot tell or is None."""
    names = ",".join(name for name, one in (("check", check), ("judge", judge)) if one is not None)
    if not names:
        return CompleteAnswer()
    return All((CompleteAnswer(), build_verifier(Policy(), names, check=check, judge=judge)))


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
    if failed:
        return "failed"
    return "refused" if response.finish == "refusal" or text == "" else "answered"
