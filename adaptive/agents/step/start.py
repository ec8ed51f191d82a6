"""How hard a step of an agent is, and the rung that it begins with. The model is not called for that.

A step is about the question, the last human message, whatever tools returned since: its answer is judged by that,
and the difficulty model was trained on questions, not on tables and logs. If the last tool call failed, the
thinking before it was not enough, so the step begins one rung up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AnyMessage, ToolMessage

from adaptive.policy import allocate
from adaptive.policy.arms import OWN_WAY_REASON
from adaptive.policy.ladder import limit_ladder, map_to_ladder
from adaptive.profile.profile import Profile
from adaptive.solver.conversation import find_question
from adaptive.types.forecast import Forecast
from adaptive.types.ladder import Ladder
from adaptive.types.options import Options
from adaptive.types.policy import Policy
from adaptive.types.routine import Routine

DEFAULT_OPTIONS = Options()


@dataclass(frozen=True)
class StepStart:
    """The rung that a step begins with, and why, in words.

    Attributes:
        index: The rung.
        reason: Why.
        unraised: The rung without the raise for a tool call that failed; None if there was no such raise.
    """

    index: int
    reason: str
    unraised: int | None = None


def choose_start(
    messages: Sequence[AnyMessage],
    ladder: Ladder,
    places: Sequence[int],
    profile: Profile,
    reached: str = "",
    options: Options = DEFAULT_OPTIONS,
    guess: bool = False,
) -> StepStart:
    """Choose the rung that a step begins with.

    Args:
        messages: The conversation of the step.
        ladder: The rungs to use.
        places: Their indices on the profile's ladder within the options.
        profile: Predicts the difficulty.
        reached: Which limit of the run or its thread is reached, in words; the cheapest rung is used then.
        options: Limits of the ladder and of the first rung.
        guess: Whether the general difficulty model may choose for a model that was not measured.

    Returns:
        The rung, with its reason.
    """
    if reached:
        return StepStart(0, f"{reached}: the cheapest rung")
    if ladder[0].is_plain:
        return StepStart(0, OWN_WAY_REASON)
    if not profile.policy.measured and not guess and options.effort is None and options.budget is None:
        return StepStart(0, "the cheapest of the efforts that were named")
    difficulty = profile.predict_difficulty(find_question(messages))
    limited, known = limit_ladder(profile.get_ladder(options), options), Forecast.from_difficulty(difficulty)
    p_solved, tokens = (map_to_ladder(row, profile.ladder, limited) for row in (known.p_solved, known.tokens))
    forecast = Forecast(tuple(p_solved[i] for i in places), tuple(tokens[i] for i in places)) if known else known
    policy = _fit_policy(profile.policy.with_worth(options.worth))
    plan = allocate.choose_first_rung(ladder, policy, forecast, options, general=difficulty.get("general"))
    if _tool_failed(messages) and plan.index < ladder.top:
        reason = f"{plan.reason}; one rung up, for the last tool call failed"
        return StepStart(plan.index + 1, reason, unraised=plan.index)
    return StepStart(plan.index, plan.reason)


def _fit_policy(policy: Policy) -> Policy:
    """Return the policy of a step, which is one call: there is neither a vote nor what follows in a solve."""
    always = policy.always and Routine(policy.always.rung)
    return replace(policy, always=always, follow_ups=(), evidence=())


def _tool_failed(messages: Sequence[AnyMessage]) -> bool:
    """Whether any of the tool results at the end of the messages is an error."""
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            return False
        if message.status == "error":
            return True
    return False
