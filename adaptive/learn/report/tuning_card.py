"""Formats the result of tuning, for the terminal, for the profile and for its card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from adaptive._util.files import write_atomically
from adaptive.learn.fit.thresholds import estimate_share
from adaptive.learn.report.tables import Row, format_markdown_table
from adaptive.learn.tuning.search import TestedSetting, TuningResult
from adaptive.learn.tuning.ways import Way
from adaptive.profile.domain import UNLIKE
from adaptive.profile.files import CARD_FILE

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
        "right_top": round(float(result.top.right.mean()), 4),
        "tokens": round(float(chosen.way.tokens.mean()), 1),
        "tokens_top": round(float(result.top.tokens.mean()), 1),
    }


def format_promise(result: TuningResult) -> str:
    """Return the chosen policy, its promise and the tested policies, as Markdown."""
    chosen, goal = _require_chosen(result), result.goal
    policy, threshold = chosen.setting.policy, chosen.setting.threshold
    target = _format_points(goal.target)
    tested = f"questions like the {_describe_draws(chosen)} that it was tested on"
    promise = (
        f"With confidence {goal.confidence:g} it loses at most {target} points of accuracy against "
        f"always using the top rung, on {tested}: there it lost {chosen.losses} that the top rung has right and "
        f"gained {chosen.gains} that it has not, which bounds the loss by {_format_points(chosen.bound)} points."
        f"{_describe_outside(result, len(chosen.way))}"
    )
    dials = (
        f"First: the direct answer from p(solved) {policy.probe_from:g} on, else the cheapest rung with "
        f"{policy.target:g}, or within {policy.slack:g} of the top one's; under {policy.hopeless:g} at the top "
        f"rung only the direct answer. Accepted: from p(right) {threshold:g} on. An arm must promise more than "
        f"{policy.worth:g} right answers for 1,000 tokens."
    )
    passed = result.tested[: result.passed + 1]
    rows = [_format_row("top rung", result.top), *(_format_row(_name_row(t, result), t.way, t) for t in passed)]
    head = ("", "right", "tokens", "losses", "gains", "p-value")
    return f"{promise}\n\n{format_markdown_table(head, rows)}\n\n{dials}"


def format_refusal(result: TuningResult) -> str:
    """Return why no policy was chosen, and what would help, in one sentence."""
    goal, best = result.goal, result.tested[0] if result.tested else None
    if best is None:
        return "no policy stays under what a question may take: raise --max-tokens-per-question or --max-cost."
    if result.passed:
        return (
            "no policy that keeps the promise stays under what a question may take: raise that, or --target-loss."
        )
    count = len(best.way)
    counts = f"the most accurate policy lost {best.losses} and gained {best.gains} of {count} questions"
    promise = f"no policy surely loses less than {_format_points(goal.target)} points"
    possible = (
        f"these data allow --target-loss {math.ceil(1000 * best.bound) / 1000:.3f}"  # never less than the bound
    )
    if result.needed is None:
        return f"{promise}: {counts}, which is too much for any number of questions; {possible}."
    needed = max(result.needed, result.least)
    return (
        f"{promise} with confidence {goal.confidence:g}: {counts}, and about {needed} would be enough; {possible}."
    )


def write_promise(folder: Path, result: TuningResult) -> None:
    """Write the promise into the profile's card, in place of an older one."""
    card = folder / CARD_FILE
    text = card.read_text(encoding="utf-8") if card.is_file() else "# Profile\n"
    before, _, after = text.partition(HEADING)
    _, next_heading, rest = after.partition("\n## ")
    section = f"{HEADING}\n\n{format_promise(result)}\n"
    write_atomically(card, f"{before.rstrip()}\n\n{section}{f'{next_heading}{rest}' if next_heading else ''}")


def _describe_draws(chosen: TestedSetting) -> str:
    groups = chosen.paired.groups
    return str(len(chosen.way)) if groups is None else f"{len(chosen.way)} of {groups} groups"


def _describe_outside(result: TuningResult, inside: int) -> str:
    if not result.outside:
        return ""
    share = f"{100 * result.outside / (inside + result.outside):.1f} %"
    return f" It says nothing about the {share} of questions that are {UNLIKE}: they are left to the model."


def _require_chosen(result: TuningResult) -> TestedSetting:
    if result.chosen is None:
        raise ValueError("no policy was chosen")
    return result.chosen


def _name_row(tested: TestedSetting, result: TuningResult) -> str:
    if tested not in result.tested[: result.passed]:
        return "does not"
    chosen = result.chosen is not None and tested.setting.policy == result.chosen.setting.policy
    return "chosen" if chosen else "keeps it"


def _format_row(name: str, way: Way, tested: TestedSetting | None = None) -> Row:
    right, low, high = estimate_share(int(way.right.sum()), len(way))
    counts = (tested.losses, tested.gains, tested.p_value) if tested else (None, None, None)
    return (
        name,
        f"{100 * right:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
        f"{way.tokens.mean():.0f}",
        *counts,
    )


def _format_points(part: float) -> str:
    return f"{100 * part:.2g}"
