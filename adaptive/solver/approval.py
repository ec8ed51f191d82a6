"""Asking before a purchase that may think more than a limit (`approve_above`): pure functions of plain data.

The price of a purchase is the most thinking tokens that it may hold: its budget, times the samples of a vote. Who
is asked answers

true, "approve"                  buy it; the next one above the limit is asked for again
false, "deny"                    do not: the best attempt so far is the answer, and where there is none yet the
                                 first attempt is the dearest within the limit
N, {"approve_above": N}          another limit for this solve, in thinking tokens

An answer that is none of these, or a limit that this purchase is still above, is asked again, with a sentence that
says why.
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
"""Where LangGraph 1.2 keeps the checkpointer, a parent's too, in the config of a node; it has no public name."""


@dataclass(frozen=True)
class Approval:
    """Whether a plan may be bought, and the limit from now on."""

    approved: bool
    limit: int


def count_max_thinking_tokens(plan: Plan) -> int:
    """The most thinking tokens that a plan may hold, with all samples of a vote."""
    return plan.rung.budget * plan.samples


def needs_approval(plan: Plan, options: Options) -> bool:
    """Whether to ask before it is bought."""
    return options.approve_above is not None and count_max_thinking_tokens(plan) > options.approve_above


def parse_approval(reply: Any, plan: Plan, limit: int) -> Approval | str:
    """What was answered, or what is wrong with that, in one sentence."""
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
    """Interrupt the graph until it is resumed with an answer; `request` is plain JSON.

    Raises `InputError` where no checkpointer keeps the solve meanwhile. LangGraph runs the node again for each
    answer: nothing may be done before it.
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
