"""Which rung first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptive.policy.arms import UNTRAINED_REASON, Plan, choose_cheapest_rung, may_give_up
from adaptive.types.attempt import Arm
from adaptive.types.ladder import EFFORTS, Ladder, parse_effort
from adaptive.types.options import Options
from adaptive.types.policy import Policy


def choose_first_rung(
    ladder: Ladder,
    policy: Policy,
    p_solved: Sequence[float],
    options: Options,
    full_ladder: Ladder | None = None,
    general: float | None = None,
) -> Plan:
    """The first rung: what was asked for, or the direct answer where it is likely to do, else the cheapest that
    is.

    `p_solved` has a probability for each rung of `ladder`, never falling; it is empty where nothing is known.
    `known` is the ladder before `shape`: its efforts say what an effort asked for buys. `general` is how likely an
    average model is to solve it, where only that is known and no verdict will tell whether it was enough.
    """
    if not options.adapt:
        return Plan(ladder.top, ladder[ladder.top], "first", "asked for one attempt at the top rung")
    if (asked := _choose_requested_rung(full_ladder or ladder, ladder, options)) is not None:
        return asked
    if reason := _explain_direct_only(ladder, policy, p_solved, options):
        return Plan(0, ladder[0], "first", reason)
    if not ladder[0].thinks and p_solved and p_solved[0] >= policy.probe_from:
        return Plan(0, ladder[0], "first", f"p(solved without thinking) {p_solved[0]:.2f}: try the direct answer")
    return choose_thinking_rung(ladder, policy, p_solved, "first", general)


def _explain_direct_only(ladder: Ladder, policy: Policy, p_solved: Sequence[float], options: Options) -> str:
    """Why only the direct answer is bought, by the question's difficulty; "" where thinking may help."""
    top = (p_solved or (1.0,))[-1]
    hopeless = not ladder[0].thinks and may_give_up(options) and top < policy.hopeless
    return (
        f"p(solved) is {top:.2f} at the top rung, under {policy.hopeless:.2f}: only the direct answer"
        if hopeless
        else ""
    )


def _choose_requested_rung(full_ladder: Ladder, ladder: Ladder, options: Options) -> Plan | None:
    """What a budget or an effort that was asked for buys, whatever the difficulty; None where none was."""
    if not ladder[ladder.top].thinks or (options.budget is None and options.effort is None):
        return None
    index, said = ladder.top, f"a budget of {options.budget} tokens was asked for"
    if options.budget is None:
        least = EFFORTS.index(parse_effort(str(options.effort)))
        enough = (i for i, r in enumerate(full_ladder) if r.thinks and EFFORTS.index(r.effort) >= least)
        index, said = next(enough, ladder.top), f"the effort {options.effort} was asked for"
    return Plan(index, replace(ladder[index], waits=0), "first", said)


def choose_thinking_rung(
    ladder: Ladder, policy: Policy, p_solved: Sequence[float], arm: Arm, general: float | None = None
) -> Plan:
    """The cheapest thinking rung that solves it with the target probability, or about as likely as the top.

    Where only `general` is known, how likely an average model is to solve it, the rung is as far up as that is
    down. Its waits are left out: a Wait is taken when the answer was rejected, not before.
    """
    indices = [i for i, r in enumerate(ladder) if r.thinks]
    if not indices:
        return Plan(0, ladder[0], arm, "no rung of this ladder thinks")
    index, reason = (
        choose_cheapest_rung(indices, policy, p_solved) if p_solved else _choose_unmeasured_rung(indices, general)
    )
    return Plan(index, replace(ladder[index], waits=0), arm, reason)


def _choose_unmeasured_rung(indices: Sequence[int], general: float | None) -> tuple[int, str]:
    """The first thinking rung of a model of which nothing was measured, and why."""
    if general is None:
        return indices[0], UNTRAINED_REASON
    place = min(len(indices) - 1, int((1 - general) * len(indices)))
    return indices[place], f"an average model solves it with probability {general:.2f}"
