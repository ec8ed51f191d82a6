"""How hard a step of an agent is, and the rung that it begins with. The model is not called for that.

A step is about the question, the last human message, whatever tools brought since: that is what its answer is
judged by, and the difficulty model was learned from questions, not from tables and logs. One thing more is known
of a step: where the last tool call failed, what was thought before was not enough, so it begins one rung up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from adaptive.policy import allocate
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.profile.profile import Profile
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options

DEFAULT_OPTIONS = Options()


@dataclass(frozen=True)
class StepStart:
    """The rung that a step begins with, and why, in words."""

    index: int
    reason: str


def find_question(messages: Sequence[AnyMessage]) -> str:
    """The text of the last human message; "" where there is none."""
    return next((str(m.text) for m in reversed(messages) if isinstance(m, HumanMessage)), "")


def choose_start(
    messages: Sequence[AnyMessage],
    ladder: Ladder,
    places: Sequence[int],
    profile: Profile,
    out_of_tokens: bool = False,
    options: Options = DEFAULT_OPTIONS,
) -> StepStart:
    """Where a step begins on `ladder`, whose rungs are at `places` on the profile's within the options.

    out_of_tokens: the run has reached its limit, so that the cheapest rung is taken.
    """
    if out_of_tokens:
        return StepStart(0, "the run's limit of tokens is reached: the cheapest rung")
    difficulty = profile.predict_difficulty(find_question(messages))
    known = map_to_ladder(difficulty["p_solved"], profile.ladder, limit_ladder(profile.ladder, options))
    p_solved = [known[place] for place in places] if known else []
    plan = allocate.choose_first_rung(ladder, profile.policy, p_solved, options, general=difficulty.get("general"))
    if _tool_failed(messages) and plan.index < ladder.top:
        return StepStart(plan.index + 1, f"{plan.reason}; one rung up, for the last tool call failed")
    return StepStart(plan.index, plan.reason)


def _tool_failed(messages: Sequence[AnyMessage]) -> bool:
    """Whether one of the tool results that the step begins with is an error."""
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            return False
        if message.status == "error":
            return True
    return False
