"""Formats the result of tuning, for the terminal, for the profile and for its card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from adaptive._util.files import write_atomically
from adaptive.learn.data.reference import explain_reference
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.report.front_table import NAMES, format_cell, format_hull_gain
from adaptive.learn.report.tables import Row, format_markdown_table, round_up
from adaptive.learn.tuning.cost_front import CostFront
from adaptive.learn.tuning.goal import Goal
from adaptive.learn.tuning.line_up import SHOWN_SAVING
from adaptive.learn.tuning.resampling import Interval
from adaptive.learn.tuning.tune import TestedPolicy, TuningResult
from adaptive.learn.tuning.ways import Way
from adaptive.policy.utility import get_worth
from adaptive.profile.domain import UNLIKE
from adaptive.profile.files import CARD_FILE
from adaptive.types.usage import MILLION, format_cost

HEADING = "## What it promises"


def promise_to_json(result: TuningResult) -> dict[str, Any]:
    """Return the promise and its evidence in plain JSON types; raise `ValueError` if no policy was chosen."""
    chosen, goal = _require_chosen(result), result.goal
    return {
        "target_loss": goal.target,
        "confidence": goal.confidence,
        "max_tokens": goal.max_tokens,
        "max_cost": goal.max_cost,
        "questions": len(chosen.way),
        "groups": chosen.paired.groups,
        "outside": result.outside,
        "searched": result.searched,
        "losses": chosen.losses,
        "gains": chosen.gains,
        "bound": round(chosen.bound, 5),
        "right": round(float(chosen.way.right.mean()), 4),
        "against": result.reference.name,
        "graded_by": goal.graded_by,
        "right_against": round(float(result.on_reference.right.mean()), 4),
        "tokens": round(float(chosen.way.tokens.mean()), 1),
        "tokens_against": round(float(result.on_reference.tokens.mean()), 1),
        "cost": _average_cost(chosen.way),
        "cost_against": _average_cost(result.on_reference),
        "saving": _round_interval(result.saving),
        "oracle": round(result.oracle, 4),
        "worth": chosen.policy.worth if chosen.constant is None else None,
        "over_hull": _round_interval(result.front.gain.accuracy),
        "of_hull": _round_interval(result.front.gain.cost),
        "to_show": result.to_show,
        "verdict": format_verdict(result),
        "constant": chosen.constant.name if chosen.constant else None,
        "front": _front_to_json(result.front),
    }


def _front_to_json(front: CostFront) -> dict[str, Any]:
    """Return the points of the front, rounded: what a drawing needs."""
    points = [
        {
            "name": one.name,
            "kind": one.kind,
            "cost": round(one.cost, 1),
            "accuracy": round(one.accuracy, 4),
            "over_hull": _round_interval(one.over_hull),
            "hull": one.hull,
        }
        for one in front.points
    ]
    return {"unit": front.unit, "points": points}


def _average_cost(way: Way) -> float | None:
    """Return the mean dollars of a question, if they are known."""
    return round(float(way.spent.mean()) / MILLION, 8) if way.unit == "dollars" else None


def format_promise(result: TuningResult) -> str:
    """Return the chosen policy, its promise and the tested policies, as Markdown."""
    chosen = _require_chosen(result)
    rows = [_format_row(f"always {result.reference.name}", result.on_reference)]
    rows += [_format_row(_name_row(t, result), t.way, t) for t in result.tested[: result.passed + 1]]
    head = ("", "right", NAMES[result.on_reference.unit], "losses", "gains", "p-value")
    evidence = _explain_nothing(result) if result.gains_nothing else _explain_gain(result, chosen)
    mixed = f" {explain_reference('mixed')}" if result.goal.graded_by == "mixed" else ""
    outside = f"{mixed}{_describe_outside(result, len(chosen.way))}"
    table = format_markdown_table(head, rows)
    return f"{format_verdict(result)} {evidence}{outside}\n\n{table}\n\n{_format_policy(chosen)}"


def format_verdict(result: TuningResult) -> str:
    """Return what to use and what it saves, in one sentence; raise `ValueError` if no policy was chosen."""
    chosen, reference = _require_chosen(result), result.reference.name
    if result.gains_nothing:
        return (
            f"Nothing to gain here: use always {reference}, which this profile now does (an oracle would save "
            f"{100 * result.oracle:.0f} %{_describe_power(result)})."
        )
    saved, low, high = (f"{100 * one:.0f}" for one in (result.saving.value, result.saving.low, result.saving.high))
    what = f"Always {chosen.constant.name}" if chosen.constant else "The policy"
    promise = f"at no loss beyond {_count_points(result.goal.target)}"
    if result.goal.graded_by == "dearest":
        promise = f"and disagrees with it on at most {_format_points(result.goal.target)} % of questions"
    spent = NAMES[result.on_reference.unit]
    return f"{what} saves {saved} % ({low} to {high}) of the {spent} of always {reference}, {promise}."


def _explain_gain(result: TuningResult, chosen: TestedPolicy) -> str:
    labelled = result.goal.graded_by != "dearest"
    found = _describe_loss(result, chosen) if labelled else _describe_disagreement(chosen)
    gain = format_hull_gain(result.front.gain, "accuracy" if labelled else "agreement")
    return (
        f"With confidence {result.goal.confidence:g} that holds on questions like the {_describe_draws(chosen)} "
        f"that it was tested on: {found} {gain} An oracle would save {100 * result.oracle:.0f} %."
    )


def _describe_loss(result: TuningResult, chosen: TestedPolicy) -> str:
    return (
        f"there it lost {chosen.losses} that always {result.reference.name} has right and gained {chosen.gains} "
        f"that it has not, which bounds the loss by {_count_points(chosen.bound)}."
    )


def _describe_disagreement(chosen: TestedPolicy) -> str:
    return (
        f"there it disagreed on {chosen.losses}, which bounds the share by {_format_points(chosen.bound)} %. So "
        "it loses no more points of accuracy, whatever the right answers are: no label was read."
    )


def _explain_nothing(result: TuningResult) -> str:
    best = result.safest
    if best is None:
        return "Nothing cheaper is among what was searched."
    needed = None if result.needed is None else max(result.needed, result.least)
    more = "too much for any number of questions" if needed is None else f"about {needed} would be enough"
    if best.target < result.goal.target:  # a larger loss may be allowed, and would change nothing
        return f"{_describe_failure(best, result.goal)}, {more}."
    allowed = f"{(math.floor(round(1000 * best.bound, 3)) + 1) / 1000:.3f}"  # above the bound, which is not enough
    return f"{_describe_failure(best, result.goal)}, {more}; these data allow --target-loss {allowed}."


def _describe_power(result: TuningResult) -> str:
    """Return how many questions could show a policy that saves a tenth, unless even an oracle would not."""
    if result.to_show is None or result.oracle < SHOWN_SAVING:
        return ""
    saves, count = f"saves {100 * SHOWN_SAVING:.0f} %", len(result.on_reference)
    if result.to_show <= count:
        return f"; these {count} questions would likely have shown a policy that {saves} and is as accurate"
    return f"; about {round_up(result.to_show):,} questions could show one that {saves} and is as accurate"


def _describe_failure(best: TestedPolicy, goal: Goal) -> str:
    sure = f"with confidence {goal.confidence:g}"
    if best.target < goal.target:
        return (
            f"What is cheaper saves less than {100 * SHOWN_SAVING:.0f} % and is not surely better than a mix of "
            f"constants that takes as much {sure}: it lost {best.losses} and gained {best.gains} of "
            f"{len(best.way)} questions"
        )
    if goal.graded_by == "dearest":
        return (
            f"Nothing cheaper surely disagrees with it on less than {_format_points(goal.target)} % of questions "
            f"{sure}; what agrees most disagreed on {best.losses} of {len(best.way)}"
        )
    return (
        f"Nothing cheaper surely loses less than {_count_points(goal.target)} {sure}; the most accurate lost "
        f"{best.losses} and gained {best.gains} of {len(best.way)} questions"
    )


def _format_policy(chosen: TestedPolicy) -> str:
    policy = chosen.policy
    if chosen.constant is not None:
        return f"Every question gets {chosen.constant.name}."
    later = "after a rejected answer what promises more than it takes" if policy.escalates else "nothing after it"
    return (
        f"A right answer is worth {format_cost(get_worth(policy), policy.unit)}: the rung that promises most "
        f"comes first, and {later}."
    )


def format_refusal(result: TuningResult) -> str:
    """Return why nothing was chosen, in one sentence: everything that keeps the promise is too dear."""
    way = result.on_reference
    takes = format_cost(float(way.spent.mean()), way.unit)
    return (
        "nothing that keeps the promise stays under what a question may take: raise --max-tokens-per-question or "
        f"--max-cost (always {result.reference.name} takes {takes}), or --target-loss."
    )


def write_promise(folder: Path, result: TuningResult, front: str = "") -> None:
    """Write the promise into the profile's card, in place of an older one.

    Args:
        folder: The profile's folder.
        result: What was tuned.
        front: The front of cost and accuracy in Markdown, to stand below.
    """
    card = folder / CARD_FILE
    text = card.read_text(encoding="utf-8") if card.is_file() else "# Profile\n"
    before, _, after = text.partition(HEADING)
    _, next_heading, rest = after.partition("\n## ")
    section = "\n\n".join([HEADING, format_promise(result), *([front] if front else [])]) + "\n"
    write_atomically(card, f"{before.rstrip()}\n\n{section}{f'{next_heading}{rest}' if next_heading else ''}")


def _describe_draws(chosen: TestedPolicy) -> str:
    groups = chosen.paired.groups
    return str(len(chosen.way)) if groups is None else f"{len(chosen.way)} of {groups} groups"


def _describe_outside(result: TuningResult, inside: int) -> str:
    if not result.outside:
        return ""
    share = f"{100 * result.outside / (inside + result.outside):.1f} %"
    return f" It says nothing about the {share} of questions that are {UNLIKE}: they are left to the model."


def _require_chosen(result: TuningResult) -> TestedPolicy:
    if result.chosen is None:
        raise ValueError("no policy was chosen")
    return result.chosen


def _name_row(tested: TestedPolicy, result: TuningResult) -> str:
    named = f"always {tested.constant.name}, " if tested.constant else ""
    if tested not in result.tested[: result.passed]:
        return f"{named}does not keep it"
    chosen = result.chosen is not None and tested.policy == result.chosen.policy
    return f"{named}{'chosen' if chosen else 'keeps it'}"


def _format_row(name: str, way: Way, tested: TestedPolicy | None = None) -> Row:
    right, low, high = estimate_share(int(way.right.sum()), len(way))
    counts = (tested.losses, tested.gains, tested.p_value) if tested else (None, None, None)
    return (
        name,
        f"{100 * right:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
        format_cell(float(way.spent.mean()), way.unit),
        *counts,
    )


def _format_points(part: float) -> str:
    return f"{100 * part:.2g}"


def _count_points(part: float) -> str:
    points = _format_points(part)
    return f"{points} point{'' if points == '1' else 's'}"


def _round_interval(one: Interval) -> list[float]:
    return [round(value, 4) for value in (one.value, one.low, one.high)]
