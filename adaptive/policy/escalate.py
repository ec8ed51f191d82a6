"""Which rung first, and what after a rejected attempt: pure functions of plain data, no engine and no graph.

The rules are few. Rung 0, the base model without thinking (s1's difficulty rule, arXiv 2501.19393 §2.2, run at
inference), is tried first where it is likely to do. After a rejected attempt the arm is taken that promises most
for its tokens by what was measured of this model, in a stated order where nothing was; and none where none
promises anything: then the solve gives up and says so.
"""

from __future__ import annotations

from dataclasses import replace

from adaptive.policy import limits
from adaptive.policy.arms import ORDER, Plan, Situation, candidates, gain, gives_up
from adaptive.types.attempt import Arm
from adaptive.types.policy import Payoff


def following(now: Situation) -> Plan | str:
    """The attempt after a rejected one, or the reason to stop in words."""
    if reason := _limit(now):
        return reason
    found = candidates(now)
    plans = {arm: plan for arm, plan in found.items() if isinstance(plan, Plan)}
    if not plans:
        return str(next(reason for reason in found.values()))
    if reason := _hopeless(now):
        return reason
    return _paying(now, plans)


def _limit(now: Situation) -> str:
    """The limit that was reached, in words; "" where none was."""
    options, attempts = now.options, now.attempts
    count = len([a for a in attempts if a.arm != "vote"]) + any(a.arm == "vote" for a in attempts)
    if not options.adapt:
        return "asked for one attempt"
    if count >= (options.max_attempts or now.policy.max_attempts):
        return f"reached the limit of {count} attempts"
    if reason := limits.reached(attempts, options, now.seconds):
        return reason
    return "the context window is full" if now.last.finish == "context" else ""


def _hopeless(now: Situation) -> str:
    """Why no rung of any model here is worth buying, by the question's difficulty; "" where one may be."""
    top, least = (now.p_solved or (1.0,))[-1], now.policy.hopeless
    known = gives_up(now.options) and now.models == 1
    return f"hopeless: p(solved) is {top:.2f} at the top rung, under {least:.2f}" if known and top < least else ""


def _paying(now: Situation, plans: dict[Arm, Plan]) -> Plan | str:
    """The plan that promises most for its tokens, those that were not measured after those that were.

    What the caller asked for by number, Waits or samples, need not promise anything.
    """
    measured = {p.arm: p for p in now.policy.payoffs if p.after == now.after and p.arm in plans}
    gains = {arm: gain(payoff, now.last.verdict) for arm, payoff in measured.items()}
    numbers: dict[Arm, int | None] = {"wait": now.options.waits, "vote": now.options.samples}
    paying = [a for a in gains if gains[a] > now.policy.worth or numbers.get(a) or not gives_up(now.options)]
    rest = [arm for arm in ORDER[now.after] if arm in plans and arm not in gains]
    if not paying and not rest:
        return f"hopeless: {_promises(measured, gains)}, and no arm is known to bring more"
    if not paying:
        return plans[rest[0]]
    arm = max(paying, key=lambda a: gains[a])
    plan = plans[arm]
    return replace(plan, reason=f"{plan.reason}; {_promises({arm: measured[arm]}, gains)}")


def _promises(measured: dict[Arm, Payoff], gains: dict[Arm, float]) -> str:
    return ", ".join(f"{arm} promises {gains[arm]:+.2f} right answers for 1,000 tokens" for arm in measured)
