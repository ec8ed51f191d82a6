"""How hard a step of an agent is, and the rung that it begins with. The model is not called for that.

A step is about the question, the last human message, whatever tools returned since: its answer is judged by that,
and the difficulty model was trained on questions, not on tables and logs. If the last tool call failed, the
thinking before it was not enough, so the step begins one rung up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, ToolMessage

from adaptive.policy import allocate
from adaptive.policy.arms import OWN_WAY_REASON
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.profile.profile import Profile
from adaptive.solver.conversation import find_question
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options

DEFAULT_OPTIONS = Options()


@dataclass(frozen=True)
class StepStart:
    """The rung that a step begins with, and why, in words."""

    index: int
    reason: str


def choose_start(
    messages: Sequence[AnyMessage],
    ladder: Ladder,
    places: Sequence[int],
    profile: Profile,
    out_of_tokens: bool = False,
    options: Options = DEFAULT_OPTIONS,
    guess: bool = False,
) -> StepStart:
    """Choose the rung that a step begins with.

    Args:
        messages: The conversation of the step.
        ladder: The rungs to use.
        places: Their indices on the profile's ladder within the options.
        profile: Predicts the difficulty.
        out_of_tokens: Whether the run has reached its limit; the cheapest rung is used then.
        options: Limits of the ladder and of the first rung.
        guess: Whether the general difficulty model may choose for a model that was not measured.

    Returns:
        The rung, with its reason.
    """
    if out_of_tokens:
        return StepStart(0, "the run's limit of tokens is reached: the cheapest rung")
    if ladder[0].is_plain:
        return StepStart(0, OWN_WAY_REASON)
    if not profile.policy.measured and not guess and options.effort is None and options.budget is None:
        return StepStart(0, "the cheapest of the efforts that were named")
    difficulty = profile.predict_difficulty(find_question(messages))
    by_place = map_to_ladder(
        difficulty["p_solved"], profile.ladder, limit_ladder(profile.get_ladder(options), options)
    )
    p_solved = [by_place[place] for place in places] if by_place else []
    plan = allocate.choose_first_rung(ladder, profile.policy, p_solved, options, general=difficulty.get("general"))
    if _tool_failed(messages) and plan.index < ladder.top:
        return StepStart(plan.index + 1, f"{plan.reason}; one rung up, for the last tool call failed")
    return StepStart(plan.index, plan.reason)


def _tool_failed(messages: Sequence[AnyMessage]) -> bool:
    """Whether any of the tool results at the end of the messages is an error."""
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            return False
        if message.status == "error":
            return True
    return False
