"""Asks for approval before an attempt that may think more than a limit (`approve_above`).

What counts is the most thinking tokens that the attempt may take: its budget, times the samples of a vote. The
answers are

true, "approve"                  make the attempt; the next one above the limit needs an approval again
false, "deny"                    do not: the best attempt so far is the answer, or if there is none, the first
                                 attempt takes the most thinking within the limit
N, {"approve_above": N}          another limit for this solve, in thinking tokens

If the answer is none of these, or the attempt is above the new limit too, the question comes again, with a
sentence that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.config import get_config
from langgraph.types import interrupt

from adaptive.errors import InputError
from adaptive.policy.arms import Plan
from adaptive.types.options import Options

APPROVE_ABOVE = "approve_above"
ANSWER_WORDS = {"approve": True, "deny": False}
CHECKPOINTER_KEY = "__pregel_checkpointer"
"""The key of the checkpointer, or a parent's, in a node's config; LangGraph 1.2 has no public name for it."""


@dataclass(frozen=True)
class Approval:
    """Whether the planned attempt may be made, and the limit from now on."""

    approved: bool
    limit: int


def count_max_thinking_tokens(plan: Plan) -> int:
    """Return the most thinking tokens that a plan may take, with all samples of a vote."""
    return plan.rung.budget * plan.samples


def needs_approval(plan: Plan, options: Options) -> bool:
    """Return whether the plan needs an approval."""
    return options.approve_above is not None and count_max_thinking_tokens(plan) > options.approve_above


def parse_approval(reply: Any, plan: Plan, limit: int) -> Approval | str:
    """Return the approval that `reply` gives, or what is wrong with it, in one sentence."""
    value = reply.get(APPROVE_ABOVE) if isinstance(reply, dict) and set(reply) == {APPROVE_ABOVE} else reply
    value = ANSWER_WORDS.get(value, value) if isinstance(value, str) else value
    if isinstance(value, bool):
        return Approval(value, limit)
    if not isinstance(value, int) or value < 0:
        return f"{reply!r} is no answer: give true, false or another limit in thinking tokens."
    if (tokens := count_max_thinking_tokens(plan)) > value:
        return f"a limit of {value} is still under {tokens} thinking tokens: give true, false or more."
    return Approval(True, value)


def request_approval(request: dict[str, Any], plan: Plan, limit: int) -> Approval:
    """Interrupt the graph until it is resumed with an answer.

    LangGraph runs the node again for each answer, so the node must do nothing before this call.

    Args:
        request: What the caller sees, in plain JSON types; tokens and limit are added.
        plan: The attempt that needs the approval.
        limit: The limit so far, in thinking tokens.

    Raises:
        InputError: No checkpointer keeps the solve meanwhile.
    """
    tokens = count_max_thinking_tokens(plan)
    if get_config()["configurable"].get(CHECKPOINTER_KEY) is None:
        raise InputError(
            f"{APPROVE_ABOVE}={limit} asks before {tokens} thinking tokens are spent, which needs a checkpointer: "
            "build the graph, or its parent, with one."
        )
    request = {**request, "tokens": tokens, APPROVE_ABOVE: limit}
    approval = parse_approval(interrupt(request), plan, limit)
    while isinstance(approval, str):
        approval = parse_approval(interrupt({**request, "problem": approval}), plan, limit)
    return approval
